#!/usr/bin/env bash
# The project report as PDF, two A4 pages each, from the Markdown beside it:
#
#   report.sh            docs/report.md -> docs/report.pdf, docs/rapport.md -> docs/rapport.pdf
#
# Needs Python 3 with venv, Pango (Debian: libpango-1.0-0 libpangoft2-1.0-0) and the DejaVu fonts (fonts-dejavu-core).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "${1:-}" in -h | --help) sed -n '2,/^set -euo/p' "$0" | grep '^#' | cut -c3-; exit ;; esac
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/pip" -q install --disable-pip-version-check weasyprint==70.0 markdown==3.10
"$tools/bin/python" - docs/report.md docs/rapport.md <<'PYTHON'
import pathlib
import sys

import markdown
import weasyprint

STYLE = """
@page { size: A4; margin: 15mm 16mm 14mm;
        @bottom-right { content: counter(page) " / " counter(pages); font: 7.5pt "DejaVu Sans"; color: #777 } }
body { font: 8.6pt/1.36 "DejaVu Sans", sans-serif; color: #1c1c1c; text-align: justify; hyphens: auto }
h1 { font-size: 17pt; margin: 0 0 1mm; color: #14375e; text-align: left }
h1 + p { color: #555; margin: 0 0 3mm }
h2 { font-size: 10.6pt; margin: 3.2mm 0 0.8mm; color: #14375e; break-after: avoid }
p, ul { margin: 0 0 1.5mm } ul { padding-left: 4.5mm } li { margin-bottom: 0.6mm }
img { width: 100%; margin: 1mm 0 }
code { font: 7.9pt "DejaVu Sans Mono"; background: #f1f3f6 }
table { border-collapse: collapse; width: 100%; font-size: 7.9pt; margin: 1mm 0 2mm; text-align: left; hyphens: none }
th { text-align: left; border-bottom: 0.8pt solid #14375e; padding: 0.7mm 1.5mm }
td:first-child code { white-space: nowrap }
td { border-bottom: 0.3pt solid #ccc; padding: 0.7mm 1.5mm; vertical-align: top }
"""

for path in map(pathlib.Path, sys.argv[1:]):
    language = {"report": "en", "rapport": "sv"}[path.stem]
    text = markdown.markdown(path.read_text(), extensions=["tables"])
    html = f"<html lang={language}><style>{STYLE}</style>{text}"
    document = weasyprint.HTML(string=html, base_url=str(path)).render()
    if len(document.pages) != 2:
        sys.exit(f"{path} has {len(document.pages)} pages and not two: shorten it")
    document.write_pdf(path.with_suffix(".pdf"))
    print(path.with_suffix(".pdf"))
PYTHON

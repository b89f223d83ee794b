#!/usr/bin/env python3
"""Checks what Cargo.lock pins: every licence goes with MIT, and no crate needs a newer Rust than Cargo.toml promises.

    scripts/check-dependencies.py

Prints one line per offence and exits with 1 if there is any.
"""

import json
import re
import subprocess
import sys

# SPDX identifiers of licences that allow a binary under MIT.
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "Unicode-3.0", "Unicode-DFS-2016",
    "Unlicense", "WTFPL", "Zlib",
}


def is_allowed(licence):
    """Whether an SPDX expression can be met with allowed licences alone; `/` is an older way to write OR."""
    expression = re.sub(r" WITH [\w.-]+", "", licence).replace("/", " OR ")
    words = re.findall(r"[()]|[\w.-]+", expression)
    operators = {"OR": "or", "AND": "and", "(": "(", ")": ")"}
    return eval(" ".join(operators.get(word, str(word in ALLOWED)) for word in words))


def version(text):
    return [int(part) for part in text.split(".")[:2]]


command = ["cargo", "metadata", "--locked", "--format-version", "1"]
packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
promised = next(package["rust_version"] for package in packages if package["name"] == "shop-sim")
offences = []
for package in packages:
    name, licence, needed = package["name"], package["license"], package["rust_version"]
    if not licence or not is_allowed(licence):
        offences.append(f"{name}: its licence is {licence}; use another crate, or allow it here")
    if needed and version(needed) > version(promised):
        offences.append(f"{name} needs Rust {needed}, and Cargo.toml promises {promised}")
print("\n".join(offences) or f"{len(packages)} crates: licences and Rust {promised} are fine")
sys.exit(bool(offences))

#!/usr/bin/env bash
# The program beside what it is measured against, in one sitting, with the spread of the rounds, as Markdown tables.
#
#   bench.sh             everything but --open, about two hours
#   bench.sh --short     the same with less of it, about 25 minutes
#
# Parts, one or more:
#   --brokers            the embedded broker beside a real Kafka
#   --consume            each consumer, four of them and all eight, beside a plain reader that counts
#   --latency            from a sale to the views' states and to the screen, at 5, 100 and 1,000 orders a second
#   --screen             processor share, wake-ups and memory of the whole program with its screen
#   --produce            the simulator beside a plain idempotent producer; --linger MS for another linger of the plain one
#   --ids 100            what so many million order ids in one partition cost, about 10 minutes
#   --open 20            how long so many GiB of log take to open, about 3 minutes and 28 GB of TMPDIR, which are given back
#
#   --on kafka|embedded  all parts but the first and the last on one broker only
#
# Builds the program as released. Needs what scripts/kafka.sh needs. docs/benchmarks.md tells how to read it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "${1:-}" in -h | --help) sed -n '2,/^set -euo/p' "$0" | grep '^#' | cut -c3-; exit ;; esac
exec cargo bench --quiet --bench measure -- "$@"

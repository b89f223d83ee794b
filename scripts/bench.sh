#!/usr/bin/env bash
# Compares the program in one run, and prints Markdown tables with the spread of the rounds.
#
#   bench.sh             everything but --ids, --open and --partitions, about two hours
#   bench.sh --short     a shorter run of the same, about 25 minutes
#
# Parts, one or more:
#   --brokers            the embedded broker beside a real Kafka
#   --consume            each consumer, four of them and all eight, beside a plain reader that counts
#   --latency            from a sale to the views' states and to the screen, at 5, 100 and 1,000 orders a second
#   --machines           how long a figure stands still when one of four machines stops or dies, and in a rolling restart
#   --screen             processor share, wake-ups and memory of the whole program with its screen
#   --produce            the simulator beside a plain idempotent producer; --linger MS for another linger of the plain one
#   --ids 100            the cost of so many million order ids in one partition, about 10 minutes
#   --open 20            time to open so many GiB of log: about 3 minutes, with 28 GB of temporary space in TMPDIR
#   --partitions 10000   time to open so many partitions
#
#   --on kafka|embedded  the consumers, latency, machines, screen and simulator on one broker only
#
# Uses a release build. Needs what scripts/kafka.sh needs. docs/benchmarks.md explains the results.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "${1:-}" in -h | --help) sed -n '2,/^set -euo/p' "$0" | grep '^#' | cut -c3-; exit ;; esac
exec cargo bench --quiet --bench measure -- "$@"

#!/usr/bin/env bash
# The program beside what it is measured against, in one sitting, with the spread of the rounds.
#
#   bench.sh             everything, about 15 minutes
#   bench.sh --short     the same with less of it, about 3 minutes
#   bench.sh --brokers   only the embedded broker beside a real Kafka
#   bench.sh --shop      only the shop's consumers and simulator beside plain librdkafka
#   bench.sh --open 20   how long so many GiB of log take to open, about 3 minutes and 28 GB of TMPDIR, which are given back
#
# Builds the program as released. Needs what scripts/kafka.sh needs. docs/benchmarks.md tells how to read it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "${1:-}" in -h | --help) sed -n '2,/^set -euo/p' "$0" | grep '^#' | cut -c3-; exit ;; esac
exec cargo bench --quiet --bench broker -- "$@"

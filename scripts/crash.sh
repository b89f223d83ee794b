#!/usr/bin/env bash
# Kills the shop's real processes at random moments, over and over, and looks for anything that is not exact after it:
# tests/crash.rs with more kills than in CI, on the built-in broker and then on a real Kafka.
#
#   crash.sh [KILLS]              1000 unless given; some 2 kills a second
#
# A failure prints the seed of its shop and keeps the folder. The same kills again, as far as time allows, on one broker:
#   SHOP_SIM_TEST_KILLS=60 SHOP_SIM_TEST_SEED=SEED [SHOP_SIM_TEST_BOOTSTRAP=HOST:PORT] \
#     cargo test --test crash killed_in_real_time -- --nocapture
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SHOP_SIM_TEST_KILLS=${1:-1000}
crash() { cargo test --locked --test crash -- --nocapture; }

unset SHOP_SIM_TEST_BOOTSTRAP
crash
KAFKA_RUN=$(mktemp -d "${TMPDIR:-/tmp}/shop-sim-crash-kafka.XXXXXX")
export KAFKA_RUN
trap 'scripts/kafka.sh down > /dev/null 2>&1 || true; rm -rf "$KAFKA_RUN"' EXIT
SHOP_SIM_TEST_BOOTSTRAP=$(scripts/kafka.sh up --port 0 | sed -n 's/^bootstrap //p')
export SHOP_SIM_TEST_BOOTSTRAP
crash

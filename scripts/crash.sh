#!/usr/bin/env bash
# Kills the shop's processes at random moments, repeatedly, and checks that everything is exact afterwards:
# tests/crash.rs with more kills than in CI, on the built-in broker and then on a real Kafka.
#
#   crash.sh [KILLS]              1000 unless given; some 2 kills a second
#   --machines N                  consumers of N folders, as on N machines; 2 unless given
#   --brokers 3                   on a Kafka of three brokers alone, one of which is killed every minute
#
# A failure prints the seed of its shop and keeps the folder. To repeat its kills on one broker, as far as timing
# allows:
#   SHOP_SIM_TEST_KILLS=60 SHOP_SIM_TEST_SEED=SEED [SHOP_SIM_TEST_BOOTSTRAP=HOST:PORT] \
#     cargo test --test crash killed_in_real_time -- --nocapture
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
KILLS=1000 BROKERS=1
while (($#)); do
  case $1 in
    --machines) export SHOP_SIM_TEST_MACHINES=${2:?--machines 4}; shift 2 ;;
    --brokers) BROKERS=${2:?--brokers 1 or 3}; shift 2 ;;
    *) KILLS=$1; shift ;;
  esac
done
export SHOP_SIM_TEST_KILLS=$KILLS
crash() { cargo test --locked --test crash -- --nocapture; }

unset SHOP_SIM_TEST_BOOTSTRAP
[[ $BROKERS == 3 ]] || crash
KAFKA_RUN=$(mktemp -d "${TMPDIR:-/tmp}/shop-sim-crash-kafka.XXXXXX")
export KAFKA_RUN
trap 'kill $(jobs -p) 2> /dev/null || true; scripts/kafka.sh down > /dev/null 2>&1 || true; rm -rf "$KAFKA_RUN"' EXIT
if [[ $BROKERS == 3 ]]; then up=(--brokers 3); else up=(--port 0); fi
SHOP_SIM_TEST_BOOTSTRAP=$(scripts/kafka.sh up "${up[@]}" | sed -n 's/^bootstrap //p')
export SHOP_SIM_TEST_BOOTSTRAP
if [[ $BROKERS == 3 ]]; then
  while sleep 50; do
    scripts/kafka.sh kill $((RANDOM % 3 + 1))
    sleep 10
    scripts/kafka.sh up --brokers 3
  done > "$KAFKA_RUN/killed" 2>&1 &
fi
crash

#!/usr/bin/env bash
# Runs the integration tests on a real Kafka: the one at HOST:PORT, or a temporary one.
#
#   test-on-kafka.sh [HOST:PORT]
#
# SHOP_SIM_TEST_FULL=1 includes the long ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bootstrap=${1:-}
if [[ -z $bootstrap ]]; then
  KAFKA_RUN=$(mktemp -d "${TMPDIR:-/tmp}/shop-sim-test-kafka.XXXXXX")
  export KAFKA_RUN
  trap 'scripts/kafka.sh down > /dev/null 2>&1 || true; rm -rf "$KAFKA_RUN"' EXIT
  trap 'exit 130' INT TERM
  bootstrap=$(scripts/kafka.sh up --port 0 | sed -n 's/^bootstrap //p')
fi
export SHOP_SIM_TEST_BOOTSTRAP=$bootstrap

cargo test --locked --no-fail-fast --test end_to_end --test garbage --test commands --test bad_input --test simulator \
  --test exactness --test verify --test faults --test crash --test chaos
# The conformance tests, except those of the embedded broker's own features: files, restarts, limits.
cargo test --locked --no-fail-fast --test broker -- \
  --skip restart:: --skip embedded:: --skip hostile:: --skip kill:: --skip damage:: --skip disk:: --skip faults::

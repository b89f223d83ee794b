#!/usr/bin/env bash
# Runs the tests that clients have of their own against a broker: franz-go's, sarama's, kafka-python's and librdkafka's, and
# where a package brings none (KafkaJS, @platformatic/kafka, Kafka Streams) a program of ours. Prints a line for each suite
# and its tests that failed. Exits with 1 if one failed that is not in client-suites.txt, the list of what is known to
# differ and why. It takes half an hour on two cores; so it is not part of CI.
#
#   client-suites.sh                 against target/release/kafka-in-process, a new one for each suite
#   client-suites.sh HOST:PORT       against the Kafka that answers there: one broker, started with kafka.sh up --port 0
#                                    --set num.partitions=4, and for sarama, which puts a proxy before it, with
#                                    --set auto.create.topics.enable=false --set advertised.listeners=PLAINTEXT://127.0.0.1:29091
#   client-suites.sh [HOST:PORT] franz-go|sarama|kafka-python|kafkajs|streams|librdkafka …   only those
#
# Suites come from the Go module proxy, PyPI, npm, Maven Central and crates.io, and stay in ~/.cache/shop-sim-suites, with
# what was built of them. A suite whose language is not installed is left out, and this says so.
# Environment: SUITES_LOGS (a folder for what the suites say; default: none is kept)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

FRANZ_GO=v1.22.3 SARAMA=v1.61.1 TOXIPROXY=v2.5.0 KAFKA_PYTHON=3.0.12 KAFKAJS=2.2.4 PLATFORMATIC=1.35.0
KAFKA=$(sed -n 's#.*<kafka.version>\(.*\)</kafka.version>.*#\1#p' scripts/kafka/pom.xml)
LOG4J=$(sed -n 's#.*<log4j.version>\(.*\)</log4j.version>.*#\1#p' scripts/kafka/pom.xml)
OURS=$PWD/tests/clients/suites
KNOWN=$PWD/scripts/client-suites.txt
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/shop-sim-suites
mkdir -p "$CACHE"
dir=$(mktemp -d "${TMPDIR:-/tmp}/shop-sim-suites.XXXXXX")
logs=${SUITES_LOGS:-$dir}
mkdir -p "$logs"
own='' proxy='' job='' bad=0

end() { # PID
  [[ -z $1 ]] || { kill "$1" 2> /dev/null && wait "$1" 2> /dev/null || true; }
}
trap 'end "$job"; end "$own"; end "$proxy"; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

die() { echo "client-suites.sh: $*" >&2; exit 1; }
has() { # SUITE PROGRAM
  command -v "$2" > /dev/null || { echo "$1: no $2, left out"; return 1; }
}

serve() { # OPTIONS…: a broker of our own with an empty folder; with an address none is needed
  [[ -z $given ]] || { broker=$given; return; }
  local program=${CARGO_TARGET_DIR:-target}/release/kafka-in-process
  [[ -x $program ]] ||
    die "there is no $program: cargo build --release -p kafka-in-process --features cli, or give the address of a broker"
  end "$own"
  rm -f "$dir/address"
  "$program" --listen 127.0.0.1:0 "$@" > "$dir/address" 2>> "$logs/broker.log" &
  own=$!
  for _ in $(seq 100); do [[ -s $dir/address ]] && break; sleep 0.1; done
  [[ -s $dir/address ]] || die "the broker does not start"
  broker=$(< "$dir/address")
}

# A line of the list is: suite, test, where it fails (ours, kafka, both) or `skip` if it is not run at all, and why.
known() { # SUITE WHERE…: the tests
  awk -v suite="$1" -v where=" ${*:2} " '$1 == suite && index(where, " " $3 " ") {print $2}' "$KNOWN"
}
side() { if [[ -z $given ]]; then echo ours; else echo kafka; fi; }

# The judgement. $dir/found has a line for each test: passed, failed or skipped, and its name.
tell() { # SUITE VERSION
  local suite=$1 what passed failed skipped names unexpected stale
  sort -u "$dir/found" -o "$dir/found"
  for what in passed failed skipped; do declare "$what=$(grep -c "^$what " "$dir/found" || true)"; done
  names=$(sed -n 's/^failed //p' "$dir/found" | sort)
  echo "$suite $2 on $broker: $passed passed, $failed failed, $skipped skipped, $((SECONDS - start)) s"
  unexpected=$(comm -23 <(echo -n "${names:+$names$'\n'}") <(known "$suite" both "$(side)" | sort))
  stale=$(comm -12 <(sed -n 's/^passed //p' "$dir/found" | sort) <(known "$suite" both "$(side)" | sort))
  [[ -z $names ]] || comm -12 <(echo "$names") <(known "$suite" both "$(side)" | sort) | sed 's/^/  failed as known: /'
  [[ -z $stale ]] || sed 's/^/  passed, though it is on the list: /' <<< "$stale"
  if ((passed + failed == 0)); then echo "  nothing was run: $(tail -3 "$logs/$suite.log")"; bad=1; fi
  [[ -z $unexpected ]] || { sed 's/^/  FAILED: /' <<< "$unexpected"; bad=1; }
}

# What the command returns does not count, what it says does. It runs in the background, as traps wait for what does not.
run_() { # SECONDS LOG FOLDER [NAME=VALUE…] COMMAND…
  local most=$1 log=$2 folder=$3
  shift 3
  timeout --kill-after=10 "$most" nice env -C "$folder" "$@" > "$log" 2>&1 &
  job=$!
  { wait "$job" || echo "ended with $?" >> "$log"; } 2> /dev/null # what bash says of one that was killed
  job=''
}

# ---- Go

go_() { GOMODCACHE=$CACHE/go GOFLAGS='-modcacherw -p=1' GOTOOLCHAIN=local nice go "$@"; }
module() { # PATH VERSION: a copy of the module's folder, as that of the cache must stay as it is
  local from
  from=$(go_ mod download -json "$1@$2" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
  [[ -d $from ]] || die "$1@$2 could not be fetched"
  cp -r "$from/." "$3"
  chmod -R u+w "$3"
}
judged_go() { # LOG: tests of `go test -v`; one that was begun and not ended has failed
  awk '/^--- PASS: /{say("passed", $3)} /^--- FAIL: /{say("failed", $3)} /^--- SKIP: /{say("skipped", $3)}
    /^=== RUN /{if ($3 !~ /\//) begun[$3]}
    function say(what, name) {print what, name; done[name]}
    END {for (name in begun) if (!(name in done)) print "failed", name}' "$1" > "$dir/found"
}
any_of() { paste -sd'|' | sed 's/.*/^(&)$/'; } # a pattern of names, as go test wants it

run_franz_go() {
  has franz-go go || return 0
  local at=$CACHE/franz-go-$FRANZ_GO
  if [[ ! -x $at/kgo.test ]]; then
    rm -rf "$at" && mkdir -p "$at"
    module github.com/twmb/franz-go "$FRANZ_GO" "$at"
    (cd "$at" && go_ test -c -o kgo.test ./pkg/kgo) || die "franz-go's tests were not built"
  fi
  serve
  start=$SECONDS
  run_ 1500 "$logs/franz-go.log" "$at/pkg/kgo" KGO_SEEDS="$broker" KGO_TEST_RF=1 KGO_TEST_RECORDS=20000 KGO_LOG_LEVEL=none \
    ../../kgo.test -test.v -test.timeout 24m -test.skip "$(known franz-go skip | any_of)"
  judged_go "$logs/franz-go.log"
  tell franz-go "$FRANZ_GO"
}

run_sarama() {
  has sarama go || return 0
  has sarama curl || return 0
  local at=$CACHE/sarama-$SARAMA control=127.0.0.1:29090 i
  if [[ ! -x $at/sarama.test ]]; then
    rm -rf "$at" && mkdir -p "$at"
    module github.com/IBM/sarama "$SARAMA" "$at"
    # The suite wants five brokers; there is one.
    sed -i 's/ReplicationFactor: 3,/ReplicationFactor: 1,/' "$at/functional_test.go"
    (cd "$at" && go_ test -tags functional -c -o sarama.test .) || die "sarama's tests were not built"
  fi
  if [[ ! -x $CACHE/toxiproxy-$TOXIPROXY/server ]]; then
    GOBIN=$CACHE/toxiproxy-$TOXIPROXY go_ install "github.com/Shopify/toxiproxy/v2/cmd/server@$TOXIPROXY" ||
      die "toxiproxy was not built"
  fi
  # Its ports are fixed in the suite: 29091 to 29095, one for each broker.
  serve --advertise 127.0.0.1:29091 --no-auto-create
  "$CACHE/toxiproxy-$TOXIPROXY/server" -host 127.0.0.1 -port "${control#*:}" > "$logs/toxiproxy.log" 2>&1 &
  proxy=$!
  for _ in $(seq 50); do curl -s "http://$control/version" > /dev/null && break; sleep 0.1; done
  for i in 1 2 3 4 5; do
    curl -sf -d "{\"name\":\"kafka$i\",\"listen\":\"127.0.0.1:2909$i\",\"upstream\":\"$broker\",\"enabled\":true}" \
      "http://$control/proxies" > /dev/null || die "toxiproxy cannot listen on port 2909$i"
  done
  start=$SECONDS
  run_ 1500 "$logs/sarama.log" "$at" TOXIPROXY_ADDR="http://$control" KAFKA_VERSION="$KAFKA" \
    ./sarama.test -test.v -test.timeout 24m -test.skip "$(known sarama skip | any_of)" \
    -test.run "$(grep -l '^//go:build functional' "$at"/*_test.go | xargs sed -n 's/^func \(Test[^(]*\)(t .*/\1/p' | any_of)"
  end "$proxy"
  proxy=''
  judged_go "$logs/sarama.log"
  tell sarama "$SARAMA"
}

# ---- Python

run_kafka_python() {
  has kafka-python python3 || return 0
  local at=$CACHE/kafka-python-$KAFKA_PYTHON test deselect=()
  if [[ ! -e $at/.complete ]]; then
    rm -rf "$at" && mkdir -p "$at"
    python3 -m venv "$at/python" || die "python3-venv is needed"
    "$at/python/bin/pip" -q install pytest pytest-mock pytest-timeout crc32c lz4 python-snappy zstandard
    "$at/python/bin/pip" -q download --no-deps --no-binary :all: -d "$at" "kafka-python==$KAFKA_PYTHON"
    tar xf "$at/kafka_python-$KAFKA_PYTHON.tar.gz" -C "$at" --strip-components 1
    # The archive has the tests but two modules: that of the package, and the one that starts brokers.
    touch "$at/test/__init__.py"
    cp "$OURS/kafka_python_service.py" "$at/test/service.py"
    touch "$at/.complete"
  fi
  serve --partitions 4
  start=$SECONDS
  for test in $(known kafka-python skip); do deselect+=(--deselect "test/integration/$test"); done
  run_ 1500 "$logs/kafka-python.log" "$at" KAFKA_URI="kafka://$broker" KAFKA_VERSION="$KAFKA" KAFKA_ROOT="$at" \
    PYTHONDONTWRITEBYTECODE=1 python/bin/python -m pytest test/integration -v --tb=short -p no:cacheprovider \
    -o addopts= --timeout 120 --timeout-method signal "${deselect[@]}"
  awk '/^test\/integration\/.*::/ {sub("^test/integration/", "", $1)
      if ($2 == "PASSED") print "passed", $1
      else if ($2 == "SKIPPED") print "skipped", $1
      else if ($2 == "FAILED" || $2 == "ERROR") print "failed", $1}' "$logs/kafka-python.log" > "$dir/found"
  tell kafka-python "$KAFKA_PYTHON"
}

# ---- JavaScript

run_kafkajs() {
  has kafkajs node || return 0
  local at=$CACHE/javascript-$KAFKAJS-$PLATFORMATIC
  if [[ ! -e $at/.complete ]]; then
    rm -rf "$at" && mkdir -p "$at"
    npm install --prefix "$at" --silent --no-audit --no-fund "kafkajs@$KAFKAJS" "@platformatic/kafka@$PLATFORMATIC" ||
      die "npm install failed"
    touch "$at/.complete"
  fi
  serve
  start=$SECONDS
  run_ 900 "$logs/kafkajs.log" "$at" node "$OURS/javascript.mjs" "$broker"
  grep -E '^(passed|failed|skipped) ' "$logs/kafkajs.log" > "$dir/found" || true
  tell kafkajs "$KAFKAJS, @platformatic/kafka $PLATFORMATIC"
}

# ---- Java

run_streams() {
  has streams javac || return 0
  has streams mvn || return 0
  local at=$CACHE/streams-$KAFKA
  if [[ ! -e $at/.complete ]]; then
    rm -rf "$at"
    mvn -q -B -f "$OURS/pom.xml" -Dkafka.version="$KAFKA" -Dlog4j.version="$LOG4J" dependency:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$at" || die "Kafka Streams could not be fetched"
    touch "$at/.complete"
  fi
  mkdir -p "$dir/streams"
  javac -cp "$at/*" -d "$dir/streams" "$OURS/Streams.java" || die "Streams.java was not compiled"
  printf 'status=error\nrootLogger.level=ERROR\n' > "$dir/streams/log4j2.properties"
  serve
  start=$SECONDS
  run_ 600 "$logs/streams.log" "$dir/streams" java -Xmx256m -Dlog4j2.configurationFile="$dir/streams/log4j2.properties" \
    -cp "$dir/streams:$at/*" Streams "$broker" "$dir/streams/run" 6
  if grep -q '^ended with' "$logs/streams.log"; then echo 'failed exactly_once_v2'; else echo 'passed exactly_once_v2'; fi \
    > "$dir/found"
  tell streams "$KAFKA"
  sed 's/^/  /' "$logs/streams.log"
}

# ---- C

run_librdkafka() {
  has librdkafka cargo || return 0
  has librdkafka g++ || return 0
  local version at from
  version=$(sed -n '/^name = "rdkafka-sys"/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
  at=$CACHE/librdkafka-${version#*+}
  if [[ ! -x $at/tests/test-runner ]]; then
    cargo fetch --locked -q
    from=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -maxdepth 2 -name "rdkafka-sys-$version")/librdkafka
    rm -rf "$at"
    cp -r "$from" "$at"
    (
      cd "$at"
      # Some tests want three brokers; there is one. That of administration (0081) would end at ACLs and passwords, which
      # want an authorizer, and at changes of a broker's settings.
      sed -i 's/\(test_create_topic_wait_exists(.*\), 3, 5000)/\1, 1, 5000)/' tests/*.c
      sed -i '/^ *do_test_\(\(Create\|Describe\|Delete\)Acls\|UserScramCredentials\|\(Incremental\|\)AlterConfigs\)(.*;$/d' \
        tests/0081-admin.c
      nice ./configure --disable-ssl --disable-gssapi --disable-curl
      nice make -j2 -C src && nice make -j2 -C src-cpp && nice make -j2 -C tests build
    ) > "$logs/librdkafka-build.log" 2>&1 || { rm -f "$at/tests/test-runner"; die "librdkafka's tests were not built"; }
  fi
  serve --partitions 4
  # Some tests make topics with Kafka's tools.
  mkdir -p "$dir/kafka/bin"
  printf '#!/bin/sh\nexec "%s" topics "$@"\n' "$PWD/scripts/kafka.sh" > "$dir/kafka/bin/kafka-topics.sh"
  chmod +x "$dir/kafka/bin/kafka-topics.sh"
  start=$SECONDS
  printf '%s\n' "metadata.broker.list=$broker" test.topic.random=true test.timeout.multiplier=3 > "$dir/test.conf"
  # -Q: the quick form of long tests, as in its own CI. -L: not those that need no broker. -E: not those that disturb
  # connections, which must not run beside others, as they close file descriptors that are others' by then.
  local disturbing=0049,0068,0075,0076,0088,0094 these
  these=(RDKAFKA_TEST_CONF="$dir/test.conf" KAFKA_PATH="$dir/kafka" BROKERS="$broker" TEST_KAFKA_VERSION="$KAFKA"
    TESTS_SKIP="$(known librdkafka skip | cut -c1-4 | paste -sd,)" LD_LIBRARY_PATH=../src:../src-cpp)
  run_ 1800 "$logs/librdkafka.log" "$at/tests" "${these[@]}" ./test-runner -Q -L -E -p2
  run_ 600 "$logs/librdkafka-sockets.log" "$at/tests" "${these[@]}" TESTS="$disturbing" ./test-runner -Q -L -p1
  rm -f "$at"/tests/stats_*.json "$at"/tests/*.offset
  # A test that was begun and not ended has failed.
  sed 's/\x1b\[[0-9;]*m//g' "$logs/librdkafka.log" "$logs/librdkafka-sockets.log" | awk '
    match($0, /=== Running test [^ ]+/) {begun[substr($0, RSTART + 17, RLENGTH - 17)]}
    match($0, /=== Test [^ ]+ (PASSED|FAILED|SKIPPED)/) {split(substr($0, RSTART + 9), said, " "); done[said[1]] = said[2]}
    END {for (name in begun) print name in done ? tolower(done[name]) : "failed", name}' > "$dir/found"
  tell librdkafka "${version#*+}"
}

given=''
if [[ ${1:-} == *:* ]]; then given=$1; shift; fi
wanted=("$@")
((${#wanted[@]})) || wanted=(franz-go sarama kafka-python kafkajs streams librdkafka)
for one in "${wanted[@]}"; do
  case $one in
    franz-go | sarama | kafka-python | kafkajs | streams | librdkafka) "run_${one//-/_}" ;;
    aiokafka) echo "aiokafka: its archive on PyPI holds no tests, left out" ;;
    *) die "there is no $one: franz-go, sarama, kafka-python, kafkajs, streams, librdkafka" ;;
  esac
done
exit "$bad"

#!/usr/bin/env bash
# Tests a broker with third-party clients: kcat, Kafka's own Java tools, Python's confluent-kafka, and the Go clients
# franz-go and kafka-go. Skips those that are not installed, and says so; compares what they read with what was sent.
# Exits with 1 at the first difference.
#
#   clients.sh                 against the built-in broker of target/debug/shop-sim, on a port of its own
#   clients.sh HOST:PORT       against the broker that answers there
#   clients.sh [HOST:PORT] kcat|java|python|go …   only those
#
# Java's tools are the jars of kafka.sh; confluent-kafka is imported by $PYTHON (default python3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

LIB=${KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/shop-sim-kafka/lib}
PYTHON=${PYTHON:-python3}
PATIENCE=60
dir=$(mktemp -d "${TMPDIR:-/tmp}/shop-sim-clients.XXXXXX")
run=${dir##*.}
own=''
trap 'exec 7>&-; [[ -z $own ]] || { kill "$own" && wait "$own" || true; }; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

die() { echo "clients.sh: $*" >&2; exit 1; }
same() { # WHAT FOUND EXPECTED
  [[ $2 == "$3" ]] || die "$1: found '${2:0:2000}', expected '${3:0:2000}'"
}
has() { # WHAT TEXT PART
  [[ $2 == *"$3"* ]] || die "$1: no '$3' in '${2:0:2000}'"
}
numbers() { seq "$1" | sed 's/.*/&:value-&/'; } # N lines of KEY:VALUE

serve() {
  local program=target/debug/shop-sim
  [[ -x $program ]] || die "there is no $program: cargo build, or give the address of a broker"
  "$program" broker --listen 127.0.0.1:0 --out "$dir/out" > "$dir/address" &
  own=$!
  for _ in $(seq 100); do [[ -s $dir/address ]] && break; sleep 0.1; done
  [[ -s $dir/address ]] || die "the built-in broker does not start"
  broker=$(< "$dir/address")
}

kcat_() { timeout "$PATIENCE" kcat -b "$broker" "$@" 2>> "$dir/kcat.log" || die "kcat $*: $(tail -3 "$dir/kcat.log")"; }

run_kcat() {
  command -v kcat > /dev/null || { echo "kcat: not installed, left out"; return; }
  local topic=kcat-$run
  numbers 1000 | kcat_ -P -t "$topic" -K: -z snappy -X enable.idempotence=true
  has "kcat -L" "$(kcat_ -L -t "$topic")" "topic \"$topic\" with 1 partitions"
  numbers 1000 > "$dir/sent"
  kcat_ -C -t "$topic" -o beginning -e -q -K: > "$dir/read"
  cmp "$dir/sent" "$dir/read" || die "kcat -C: other records than sent"
  same "kcat -Q" "$(kcat_ -Q -t "$topic:0:-1")" "$topic [0] offset 1000"
  same "kcat -C -o" "$(kcat_ -C -t "$topic" -o 998 -e -q | tr '\n' ' ')" "value-999 value-1000 "
  kcat_ -G "kcat-group-$run" -e -q -K: -X auto.offset.reset=earliest "$topic" > "$dir/read"
  cmp "$dir/sent" "$dir/read" || die "kcat -G: other records than sent"
  kcat_ -G "kcat-group-$run" -e -q -K: -X auto.offset.reset=earliest "$topic" > "$dir/read"
  same "kcat -G, a second time" "$(wc -l < "$dir/read")" 0
  echo "kcat: as it should be"
}

java_up() { # one JVM for all tools: see Tools.java
  printf 'status=error\nrootLogger.level=ERROR\n' > "$dir/log4j2.properties"
  mkfifo "$dir/ask" "$dir/told"
  java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dlog4j2.configurationFile="$dir/log4j2.properties" \
    -cp "$LIB/*" tests/clients/Tools.java < "$dir/ask" > "$dir/told" 2> "$dir/jvm.log" &
  exec 7> "$dir/ask" 8< "$dir/told"
}
java_try() { # CLASS ARGS...: its code is the tool's; what it said stands in $dir/tool
  local class=org.apache.kafka.tools.$1 code line arg
  [[ $1 == kafka.* ]] && class=$1
  shift
  line="${STDIN:-/dev/null}"$'\t'"$dir/tool"$'\t'"$class"
  for arg; do line+=$'\t'$arg; done
  echo "$line" >&7
  read -r -t "$PATIENCE" code <&8 || { cat "$dir/jvm.log" >&2; die "$class $* takes longer than $PATIENCE s"; }
  return "$code"
}
java_() { # CLASS ARGS...: prints what the tool said
  java_try "$@" || { cat "$dir/tool" "$dir/tool.err" >&2; die "$* failed"; }
  cat "$dir/tool"
}
java_alone() { # CLASS ARGS...: in a JVM of its own, for a tool that speaks its last words when that ends
  local class=org.apache.kafka.tools.$1
  shift
  timeout "$PATIENCE" java -Xmx192m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
    -Dlog4j2.configurationFile="$dir/log4j2.properties" -cp "$LIB/*" "$class" "$@" 2> "$dir/tool.err" ||
    { cat "$dir/tool.err" >&2; die "$class $* failed"; }
}
refused() { # ERROR CLASS ARGS...: the tool must fail and say this
  local error=$1
  shift
  if java_try "$@"; then die "$*: not refused"; fi
  has "$*" "$(cat "$dir/tool" "$dir/tool.err")" "$error"
}

run_java() {
  command -v java > /dev/null || { echo "Java's tools: no Java, left out"; return; }
  [[ -e $LIB/.complete ]] || scripts/kafka.sh topics --version > /dev/null # which fetches them
  java_up
  local at=(--bootstrap-server "$broker") topic=java-$run group=java-group-$run said
  topics() { java_ TopicCommand "${at[@]}" "$@"; }
  groups() { java_ consumer.group.ConsumerGroupCommand "${at[@]}" "$@"; }
  configs() { java_ kafka.admin.ConfigCommand "${at[@]}" --entity-type topics --entity-name "$topic" "$@"; }
  offsets() { java_ GetOffsetShell "${at[@]}" --topic "$topic" "$@" | tr '\n' ' '; }
  lag() { groups --describe --group "$group" | awk -v t="$topic" '$2 == t {print $3, $4, $5, $6}' | sort | tr '\n' ' '; }

  java_ BrokerApiVersionsCommand "${at[@]}" > "$dir/said"
  has "broker-api-versions" "$(< "$dir/said")" "Fetch(1): 4 to "
  topics --create --topic "$topic" --partitions 2 --config retention.ms=-1 > /dev/null
  refused 'already exists' TopicCommand "${at[@]}" --create --topic "$topic" --partitions 2
  topics --create --if-not-exists --topic "$topic" > /dev/null
  said=$(topics --describe --topic "$topic")
  for part in "PartitionCount: 2" "ReplicationFactor: 1" "retention.ms=-1" "Partition: 1" "Isr: 1"; do
    has "topics --describe" "$said" "$part"
  done
  has "topics --list" "$(topics --list)" "$topic"
  configs --alter --add-config segment.bytes=2097152,max.message.bytes=2000000 > /dev/null
  said=$(configs --describe)
  has "configs --describe" "$said" "segment.bytes=2097152"
  configs --alter --delete-config segment.bytes > /dev/null
  said=$(configs --describe)
  [[ $said != *segment.bytes=* ]] || die "configs --delete-config: $said"
  has "configs --describe" "$said" "max.message.bytes=2000000"

  numbers 500 | sort > "$dir/sent"
  STDIN=$dir/sent java_ ConsoleProducer "${at[@]}" --topic "$topic" --reader-property parse.key=true \
    --reader-property key.separator=: > /dev/null
  java_ consumer.ConsoleConsumer "${at[@]}" --topic "$topic" --group "$group" --from-beginning --max-messages 500 \
    --formatter-property print.key=true --formatter-property key.separator=: | sort > "$dir/read"
  cmp "$dir/sent" "$dir/read" || die "console-consumer: other records than sent"
  has "groups --list" "$(groups --list)" "$group"
  said=$(lag)
  same "the group's lag" "$(awk '{print $4 + $8}' <<< "$said")" 0
  same "the group's offsets" "$(awk '{print $2 + $6}' <<< "$said")" 500
  same "get-offsets" "$(offsets | tr ':' ' ' | awk '{print $3 + $6}')" 500
  has "groups --describe --state" "$(groups --describe --group "$group" --state)" "Empty"
  groups --group "$group" --topic "$topic" --reset-offsets --to-offset 7 --execute > /dev/null
  same "the offsets that were reset" "$(lag | awk '{print $2, $6}')" "7 7"
  has "groups --delete-offsets" "$(groups --group "$group" --topic "$topic:0" --delete-offsets)" "Successful"
  same "the offsets that are left" "$(lag | awk '{print $1, $2, $5}')" "1 7 "
  has "groups --delete" "$(groups --group "$group" --delete)" "was successful"
  [[ $(groups --list) != *"$group"* ]] || die "groups --delete: it is still there"
  java_ consumer.ConsoleConsumer "${at[@]}" --topic "$topic" --group "$group-modern" --from-beginning --max-messages 500 \
    --command-property group.protocol=consumer > "$dir/read"
  same "console-consumer under the consumer protocol" "$(wc -l < "$dir/read")" 500
  has "groups --list --type" "$(groups --list --type | tr -s ' \t' ' ')" "$group-modern Consumer"
  has "groups --describe --state" "$(groups --describe --group "$group-modern" --state)" "Empty"

  java_alone VerifiableProducer "${at[@]}" --topic "$topic" --max-messages 1000 --acks -1 | tail -1 > "$dir/said"
  has "verifiable-producer" "$(< "$dir/said")" '"sent":1000,"acked":1000'
  java_alone VerifiableConsumer "${at[@]}" --topic "$topic" --group-id "$group" --max-messages 1500 \
    --reset-policy earliest > "$dir/said"
  same "verifiable-consumer" \
    "$(sed -n 's/.*"name":"records_consumed".*"count":\([0-9]*\),"partitions".*/\1/p' "$dir/said" |
      awk '{sum += $1} END {print sum}')" 1500
  printf '{"partitions":[{"topic":"%s","partition":0,"offset":3}],"version":1}' "$topic" > "$dir/delete.json"
  has "delete-records" "$(java_ DeleteRecordsCommand "${at[@]}" --offset-json-file "$dir/delete.json")" "low_watermark: 3"
  same "get-offsets --time earliest" "$(offsets --time earliest)" "$topic:0:3 $topic:1:0 "
  has "log-dirs" "$(java_ LogDirsCommand "${at[@]}" --describe --topic-list "$topic")" "\"partition\":\"$topic-1\""
  topics --alter --topic "$topic" --partitions 3 > /dev/null
  has "topics --alter" "$(topics --describe --topic "$topic")" "PartitionCount: 3"

  has "producer-perf-test" "$(java_ ProducerPerformance "${at[@]}" --topic "perf-$run" --num-records 20000 \
    --record-size 200 --throughput -1 --command-property compression.type=lz4)" "20000 records sent"
  said=$(java_ ConsumerPerformance "${at[@]}" --topic "perf-$run" --num-records 20000 --timeout 20000)
  same "consumer-perf-test" "$(tail -1 <<< "$said" | awk -F', ' '{print $5}')" 20000
  java_ ProducerPerformance "${at[@]}" --topic "$topic" --num-records 2000 --record-size 50 --throughput 4000 \
    --transactional-id "perf-$run" --transaction-duration-ms 100 > /dev/null
  has "transactions list" "$(java_ TransactionsCommand "${at[@]}" list)" "perf-$run"
  said=$(java_ TransactionsCommand "${at[@]}" describe --transactional-id "perf-$run")
  has "transactions describe" "$said" "CompleteCommit"
  # In the second version (KIP-890) each end raises the epoch.
  said=$(awk 'NR == 1 {for (i = 1; i <= NF; i++) if ($i == "ProducerEpoch") at = i} NR == 2 {print $at}' <<< "$said")
  ((said >= 2)) || die "Java's producer uses the first version of transactions: its epoch is '$said'"
  has "transactions describe-producers" \
    "$(java_ TransactionsCommand "${at[@]}" describe-producers --topic "$topic" --partition 1)" "ProducerEpoch"
  java_ TransactionsCommand "${at[@]}" find-hanging --broker-id 1 > /dev/null
  java_ consumer.ConsoleConsumer "${at[@]}" --topic "$topic" --from-beginning --isolation-level read_committed \
    --max-messages 3497 > "$dir/read"
  same "what was committed" "$(wc -l < "$dir/read")" 3497
  topics --delete --topic "$topic" > /dev/null
  [[ $(topics --list) != *"$topic"* ]] || die "topics --delete: it is still there"
  echo "Java's tools: as they should be"
}

run_python() {
  "$PYTHON" -c 'import confluent_kafka' 2> /dev/null ||
    { echo "Python: no confluent-kafka for $PYTHON, left out"; return; }
  timeout 120 "$PYTHON" tests/clients/clients.py "$broker" || die "Python's client found something else"
  echo "Python's confluent-kafka: as it should be"
}

run_go() {
  command -v go > /dev/null || { echo "Go: not installed, left out"; return; }
  (cd tests/clients/go && go build -o "$dir/clients" .) || die "the Go clients were not built"
  timeout 120 "$dir/clients" "$broker" || die "a Go client found something else"
  echo "Go's franz-go and kafka-go: as they should be"
}

broker=''
if [[ ${1:-} == *:* ]]; then broker=$1; shift; else serve; fi
wanted=("$@")
((${#wanted[@]})) || wanted=(kcat java python go)
for one in "${wanted[@]}"; do
  case $one in
    kcat | java | python | go) "run_$one" ;;
    *) die "there is no $one: kcat, java, python, go" ;;
  esac
done

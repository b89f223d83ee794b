#!/usr/bin/env bash
# A real Apache Kafka on this machine, from Maven Central's jars; needs Java 17 or newer, and Maven the first time.
#
#   kafka.sh up [--port 9092]     one broker (KRaft, broker and controller in one) on 127.0.0.1:9092;
#                                 --port 0 takes a free port; the port after it is the controller's
#   kafka.sh up --brokers 3       three brokers on 127.0.0.1:19092, 19093 and 19094 (3 replicas, 2 in sync to
#                                 write), beside the single one or without it; starts those that do not run
#   kafka.sh kill N               kill -9 broker N (1, 2, 3) of the three; `up --brokers 3` brings it back
#   kafka.sh stop N               the same in good order (SIGTERM); N may be s, the single one
#   kafka.sh down [--brokers 1|3] stops what runs, by pid file
#   kafka.sh status               pid, port, memory, data, answering or not; 0 when every broker answers
#   kafka.sh wipe [--brokers 1|3] down, and the data deleted; the jars stay
#   kafka.sh TOOL ARGS...         Kafka's own tools, with --bootstrap-server as they want it: topics, groups,
#                                 configs, transactions, consume, produce, perf-consume, perf-produce, verifiable
#
# up prints `bootstrap HOST:PORT[,…]` last. More for up: --heap 512m, --set NAME=VALUE (a setting of the brokers; may be
# given again).
# Environment: KAFKA_RUN (data, logs, pids; default /tmp/shop-sim-kafka),
#              KAFKA_CACHE (jars; default ~/.cache/shop-sim-kafka/lib)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
POM=$here/kafka/pom.xml
LIB=${KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/shop-sim-kafka/lib}
RUN=${KAFKA_RUN:-${TMPDIR:-/tmp}/shop-sim-kafka}
VERSION=$(sed -n 's#.*<kafka.version>\(.*\)</kafka.version>.*#\1#p' "$POM")
CLUSTER_ID=MkU3OEVBNTcwNTJENDM2Qk # any 16 bytes in url-safe base64; the same one for every node
JAVA=${JAVA_HOME:+$JAVA_HOME/bin/}java

usage() { sed -n '2,/^set -euo/p' "$0" | grep '^#' | cut -c3-; }
die() { echo "kafka.sh: $*" >&2; exit 1; }

# Copies the jars once per version; the marker file is created last.
jars() {
  [[ -e $LIB/kafka_2.13-$VERSION.jar && -e $LIB/.complete ]] && return
  [[ -e $LIB/.complete ]] && rm -f "$LIB"/*.jar "$LIB/.complete" # another version's
  command -v mvn > /dev/null || die "mvn is needed once, to fetch Kafka's jars: apt-get install maven"
  mkdir -p "$LIB"
  mvn -q -B -f "$POM" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$LIB" >&2
  touch "$LIB/.complete"
}

# The nodes are s (the single one), 1, 2 and 3. A port is stored in the node's properties.
dir() { echo "$RUN/node-$1"; }
kept_port() { sed -n 's#^listeners=PLAINTEXT://127.0.0.1:\([0-9]*\),.*#\1#p' "$(dir "$1")/server.properties" 2> /dev/null; }
port() { case $1 in s) echo "${PORT:-9092}" ;; *) echo $((19091 + $1)) ;; esac; }
controller_port() { case $1 in s) echo $((${PORT:-9092} + 1)) ;; *) echo $((19191 + $1)) ;; esac; }

free_port() { # a port that nobody listens on, nor on the one after it
  local p
  for _ in $(seq 100); do
    p=$((20000 + RANDOM % 10000))
    (exec 3<> "/dev/tcp/127.0.0.1/$p") 2> /dev/null && continue
    (exec 3<> "/dev/tcp/127.0.0.1/$((p + 1))") 2> /dev/null && continue
    echo "$p"
    return
  done
  die "no free port between 20000 and 30000"
}

properties() {
  local n=$1 here there
  here=127.0.0.1:$(port "$n") there=127.0.0.1:$(controller_port "$n")
  cat << P
process.roles=broker,controller
node.id=${n/s/1}
listeners=PLAINTEXT://$here,CONTROLLER://$there
advertised.listeners=PLAINTEXT://$here,CONTROLLER://$there
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$(dir "$n")/data
num.partitions=1
group.initial.rebalance.delay.ms=0
P
  if [[ $n == s ]]; then
    cat << P
controller.quorum.bootstrap.servers=$there
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
P
  else
    cat << P
controller.quorum.voters=1@127.0.0.1:19192,2@127.0.0.1:19193,3@127.0.0.1:19194
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
# Fewer internal partitions, for three processes on a small machine.
offsets.topic.num.partitions=6
transaction.state.log.num.partitions=6
P
  fi
  printf %s "$SETTINGS" # the last of a name counts
}

logging() {
  mkdir -p "$RUN"
  cat > "$RUN/log4j2.properties" << 'P'
status=error
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=${sys:kafka.log.level:-INFO}
rootLogger.appenderRef.out.ref=OUT
P
}

pid_of() { # the pid, when the recorded process is alive and is ours
  local p file
  file=$(dir "$1")/pid
  [[ -s $file ]] || return 1
  p=$(< "$file")
  [[ -r /proc/$p/cmdline ]] || return 1
  tr '\0' ' ' < "/proc/$p/cmdline" | grep -qF "$(dir "$1")/server.properties" || return 1
  echo "$p"
}

answers() { # an ApiVersions v0 request by hand: a broker opens its port only when it is ready
  local out request='\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff'
  # shellcheck disable=SC2016 # the inner shell expands it
  out=$(timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && head -c 8 <&3 | od -An -tx1' \
    _ "$1" "$request" 2> /dev/null) || return 1
  [[ $(tr -d ' \n' <<< "$out") == ????????00000001 ]]
}

java_kafka() { # CLASS ARGS..., with the options that every JVM of ours takes in $JVM
  # shellcheck disable=SC2086 # several options
  "$JAVA" $JVM -Dlog4j2.configurationFile="$RUN/log4j2.properties" -cp "$LIB/*" "$@"
}

start() {
  local n=$1 d p how=()
  d=$(dir "$n")
  if p=$(pid_of "$n"); then
    echo "node-$n already runs, pid $p"
    return
  fi
  answers "$(port "$n")" && die "something else answers on port $(port "$n"): give another with --port"
  mkdir -p "$d"
  properties "$n" > "$d/server.properties"
  if [[ ! -e $d/data/meta.properties ]]; then
    [[ $n == s ]] && how=(--standalone)
    JVM='-XX:TieredStopAtLevel=1 -Xshare:auto -Dkafka.log.level=ERROR' java_kafka kafka.tools.StorageTool \
      format -t "$CLUSTER_ID" -c "$d/server.properties" "${how[@]}" > "$d/format.log" 2>&1 ||
      { cat "$d/format.log" >&2; die "the data folder $d could not be formatted"; }
  fi
  # exec, so that the pid is the JVM's own.
  (
    exec setsid nohup "$JAVA" -server -Xmx"$HEAP" -Xms128m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
      -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true \
      -Dlog4j2.configurationFile="$RUN/log4j2.properties" -cp "$LIB/*" \
      kafka.Kafka "$d/server.properties" < /dev/null >> "$d/server.log" 2>&1
  ) &
  echo $! > "$d/pid"
}

await() {
  local n=$1
  for _ in $(seq 300); do
    answers "$(port "$n")" && return
    pid_of "$n" > /dev/null || { tail -20 "$(dir "$n")/server.log" >&2; die "node-$n ended, see above"; }
    sleep 0.2
  done
  die "node-$n does not answer after 60 s: see $(dir "$n")/server.log"
}

halt() {
  local n=$1 signal=$2 p
  p=$(pid_of "$n") || { rm -f "$(dir "$n")/pid"; return 0; }
  kill -"$signal" "$p"
  for _ in $(seq 300); do [[ -d /proc/$p ]] || break; sleep 0.1; done
  if [[ -d /proc/$p ]]; then kill -9 "$p"; signal="KILL, after 30 s"; fi
  rm -f "$(dir "$n")/pid"
  echo "node-$n stopped ($signal)"
}

down() {
  local n p
  # Signals all before waiting for any, so that none waits for a quorum that is gone.
  for n in "${nodes[@]}"; do p=$(pid_of "$n") && kill -TERM "$p" || true; done
  for n in "${nodes[@]}"; do halt "$n" TERM; done
}

status() {
  local n p state failed=0 any=0
  for n in "${nodes[@]}"; do
    [[ -e $(dir "$n")/server.properties ]] || continue
    if ! p=$(pid_of "$n"); then
      echo "node-$n port $(kept_port "$n"): down"
      [[ $n == s ]] || failed=1
      continue
    fi
    any=1 state=answers
    answers "$(kept_port "$n")" || { state="DOES NOT ANSWER"; failed=1; }
    echo "node-$n pid $p port $(kept_port "$n") rss $(awk '/VmRSS/{printf "%d MiB", $2/1024}' "/proc/$p/status")" \
      "data $(du -sm "$(dir "$n")/data" | cut -f1) MB: $state"
  done
  ((any)) || { echo "nothing runs"; return 1; }
  return "$failed"
}

tool() {
  jars
  logging
  JVM="-Xmx${TOOL_HEAP:-256m} -Dkafka.log.level=WARN" java_kafka "$@"
}

command=${1:-}
shift || true
case $command in
  topics) tool org.apache.kafka.tools.TopicCommand "$@"; exit ;;
  groups) tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand "$@"; exit ;;
  configs) tool kafka.admin.ConfigCommand "$@"; exit ;;
  transactions) tool org.apache.kafka.tools.TransactionsCommand "$@"; exit ;;
  consume) tool org.apache.kafka.tools.consumer.ConsoleConsumer "$@"; exit ;;
  produce) tool org.apache.kafka.tools.ConsoleProducer "$@"; exit ;;
  perf-consume) tool org.apache.kafka.tools.ConsumerPerformance "$@"; exit ;;
  perf-produce) tool org.apache.kafka.tools.ProducerPerformance "$@"; exit ;;
  verifiable) tool org.apache.kafka.tools.VerifiableConsumer "$@"; exit ;;
esac

HEAP=512m BROKERS='' NODE='' SETTINGS=''
while (($#)); do
  case $1 in
    --brokers) BROKERS=${2:?--brokers 1 or 3}; shift 2 ;;
    --heap) HEAP=${2:?--heap 512m}; shift 2 ;;
    --port) PORT=${2:?--port 9092}; shift 2 ;;
    --set) SETTINGS+=${2:?--set NAME=VALUE}$'\n'; shift 2 ;;
    -*) die "$1 is unknown; see kafka.sh help" ;;
    *) NODE=$1; shift ;;
  esac
done
case $BROKERS in
  '') nodes=(s 1 2 3) ;;
  1) nodes=(s) ;;
  3) nodes=(1 2 3) ;;
  *) die "--brokers takes 1 or 3" ;;
esac

case $command in
  up)
    jars
    logging
    [[ $BROKERS == 3 ]] || nodes=(s)
    if pid_of s > /dev/null; then PORT=$(kept_port s); elif [[ ${PORT:-} == 0 ]]; then PORT=$(free_port); fi
    for n in "${nodes[@]}"; do start "$n"; done
    for n in "${nodes[@]}"; do await "$n"; done
    # shellcheck disable=SC2046 # a port each
    bootstrap=$(printf ',127.0.0.1:%s' $(for n in "${nodes[@]}"; do port "$n"; done))
    echo "bootstrap ${bootstrap#,}"
    ;;
  kill) [[ $NODE == [123] ]] || die "kill takes 1, 2 or 3"; halt "$NODE" KILL ;;
  stop) [[ $NODE == [123s] ]] || die "stop takes 1, 2, 3 or s"; halt "$NODE" TERM ;;
  down) down ;;
  status) status ;;
  wipe)
    down
    for n in "${nodes[@]}"; do rm -rf "$(dir "$n")"; done
    echo wiped
    ;;
  help | --help | -h) usage ;;
  *) usage >&2; exit 2 ;;
esac

#!/bin/bash
# A Flink cluster on this machine, for loopback only: a job manager, two task managers,
# and a pool of Beam's Python workers.
#
#   tools/flink.sh start    fetches what is missing, starts, prints arguments for
#                           `ondevice-rec run`
#   tools/flink.sh status   says what runs
#   tools/flink.sh kill     kills one task manager, to see a run survive it
#   tools/flink.sh stop
#
# Flink comes from PyPI (apache-flink-libraries), Beam's job server from Maven Central.
# FLINK_JOB_SERVER_JAR names one that is here already. FLINK_TASK_MANAGERS (2),
# FLINK_SLOTS of each (2), FLINK_PORT (8081), FLINK_WORKERS_PORT (50000).
set -euo pipefail
cd "$(dirname "$0")/.."

FLINK=1.20
FLINK_PACKAGE=apache-flink-libraries==1.20.1
MANAGERS=${FLINK_TASK_MANAGERS:-2}
SLOTS=${FLINK_SLOTS:-2}
PORT=${FLINK_PORT:-8081}
WORKERS_PORT=${FLINK_WORKERS_PORT:-50000}
HOME_DIR=$PWD/.tools/flink
PYTHON=$PWD/.venv/bin/python
RUN=$HOME_DIR/run
# What serialisation looks into and Java 17 keeps closed.
OPENS=()
for package in lang lang.invoke math net io nio text time util util.concurrent \
  util.concurrent.atomic util.concurrent.locks; do
  OPENS+=("--add-opens=java.base/java.$package=ALL-UNNAMED")
done

fail() { echo "flink.sh: $1" >&2; exit 1; }

job_server() {
  local beam jar
  beam=$("$PYTHON" -c 'import importlib.metadata as m; print(m.version("apache-beam"))')
  jar=${FLINK_JOB_SERVER_JAR:-$HOME_DIR/beam-runners-flink-$FLINK-job-server-$beam.jar}
  if [[ ! -f $jar ]]; then
    [[ -z ${FLINK_JOB_SERVER_JAR:-} ]] || fail "$jar: no such file (FLINK_JOB_SERVER_JAR)"
    command -v mvn >/dev/null || fail "no mvn: install Maven, or set FLINK_JOB_SERVER_JAR"
    mvn -q -B dependency:copy -DoutputDirectory="$HOME_DIR" -Dartifact=\
"org.apache.beam:beam-runners-flink-$FLINK-job-server:$beam" >"$HOME_DIR/mvn.log" 2>&1 ||
      fail "Maven did not get org.apache.beam:beam-runners-flink-$FLINK-job-server:$beam \
(see $HOME_DIR/mvn.log). Set FLINK_JOB_SERVER_JAR to the jar."
  fi
  echo "$jar"
}

flink() {
  [[ -d $HOME_DIR/lib ]] && return
  local folder
  folder=$(mktemp -d "$HOME_DIR/fetch.XXXXXX")
  "$PYTHON" -m pip download -q --no-deps --no-binary :all: -d "$folder" "$FLINK_PACKAGE" \
    >"$HOME_DIR/pip.log" 2>&1 || fail "pip did not get $FLINK_PACKAGE ($HOME_DIR/pip.log)"
  tar -xzf "$folder"/*.tar.gz -C "$folder" --strip-components=1
  mv "$folder/deps/lib" "$HOME_DIR/lib"
  rm -rf "$folder"
}

configure() {
  mkdir -p "$RUN"
  cat >"$RUN/config.yaml" <<END
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: $((PORT + 1))
jobmanager.bind-host: 127.0.0.1
blob.server.port: $((PORT + 2))
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: $PORT
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: $SLOTS
taskmanager.cpu.cores: $SLOTS.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.task.heap.size: 640m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.managed.size: 512m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
# A task manager that dies is noticed in seconds, and what it did is done again.
heartbeat.interval: 2000
heartbeat.timeout: 20000
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.attempts: 10
restart-strategy.fixed-delay.delay: 5 s
io.tmp.dirs: $RUN
END
  cat >"$RUN/log4j.properties" <<END
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n
END
}

# launch NAME MEMORY CLASS ARGS...: a process of Flink in the background.
launch() {
  local name=$1 memory=$2
  shift 2
  setsid java "-Xmx$memory" -XX:+UseParallelGC "${OPENS[@]}" \
    "-Dlog4j.configurationFile=$RUN/log4j.properties" -cp "$HOME_DIR/lib/*" \
    "$@" --configDir "$RUN" >"$RUN/$name.log" 2>&1 </dev/null &
  echo $! >"$RUN/$name.pid"
}

registered() {
  "$PYTHON" - "$PORT" <<'END' 2>/dev/null || echo 0
import json, sys, urllib.request
url = f"http://127.0.0.1:{sys.argv[1]}/overview"
print(json.load(urllib.request.urlopen(url, timeout=5))["taskmanagers"])
END
}

alive() { [[ -f $1 ]] && kill -0 "$(<"$1")" 2>/dev/null; }

running() {
  local pid
  for pid in "$RUN"/*.pid; do if alive "$pid"; then return 0; fi; done
  return 1
}

start() {
  command -v java >/dev/null || fail "no java: install a Java 11 or 17 runtime"
  [[ -x $PYTHON ]] || fail "no environment: run make setup"
  if running; then fail "it runs already; tools/flink.sh stop"; fi
  mkdir -p "$HOME_DIR"
  local jar number
  jar=$(job_server)
  flink
  configure
  launch jobmanager 512m org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint
  for number in $(seq "$MANAGERS"); do
    launch "taskmanager-$number" 768m org.apache.flink.runtime.taskexecutor.TaskManagerRunner
  done
  setsid "$PYTHON" -m ondevice_rec.pipelines.beam_workers --port "$WORKERS_PORT" \
    >"$RUN/workers.log" 2>&1 </dev/null &
  echo $! >"$RUN/workers.pid"
  for _ in $(seq 120); do
    if [[ $(registered) == "$MANAGERS" ]]; then
      arguments "$jar"
      return
    fi
    sleep 1
  done
  stop
  fail "the task managers did not register; logs: $RUN/*.log"
}

# One task manager less is enough for the parallelism, so that one may die.
arguments() {
  printf -- '--beam-arg=%s\n' --runner=FlinkRunner "--flink_master=127.0.0.1:$PORT" \
    "--flink_version=$FLINK" "--flink_job_server_jar=$1" \
    --environment_type=EXTERNAL "--environment_config=127.0.0.1:$WORKERS_PORT" \
    "--parallelism=$((MANAGERS > 1 ? (MANAGERS - 1) * SLOTS : SLOTS))"
}

status() {
  local pid
  for pid in "$RUN"/*.pid; do
    if alive "$pid"; then echo "$(basename "$pid" .pid) runs"; fi
  done
  echo "$(registered) task managers registered"
}

kill_one() {
  local pid
  for pid in "$RUN"/taskmanager-*.pid; do
    if alive "$pid"; then
      kill -9 "$(<"$pid")"
      rm "$pid"
      echo "killed $(basename "$pid" .pid)"
      return
    fi
  done
  fail "no task manager runs"
}

stop() {
  local pid
  for pid in "$RUN"/*.pid; do
    if alive "$pid"; then kill "$(<"$pid")"; fi
    rm -f "$pid"
  done
}

case ${1:-} in
  start | status | stop) "$1" ;;
  kill) kill_one ;;
  *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

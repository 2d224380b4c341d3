# What the Kafka tests share; sourced. A test sets `port` (its own; the broker also takes port + 10
# and port + 20) before it sources this. All it makes lies in $work and is gone afterwards.
# shellcheck shell=bash
set -euo pipefail
: "${port:?is set by the test}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # for the tests
shared=$here/../../../shared
rollcall=${ROLLCALL:-$here/../../build/release/rollcall}

say() { echo "$(date +%H:%M:%S) $*"; }
skip() {
    echo "SKIPPED: $*"
    exit 77
}
fail() {
    echo "FAILED: $*"
    exit 1
}

[ -x "$rollcall" ] || skip "no rollcall at $rollcall (ROLLCALL says where it is)"
command -v java >/dev/null || skip "java is missing: no real Kafka can be started"
if ! command -v mvn >/dev/null && ! ls "${KAFKA_LIB:-$HOME/.cache/rollcall/kafka-3.9}"/*.jar \
    >/dev/null 2>&1; then
    skip "mvn is missing and Kafka's jars are not there"
fi
command -v kcat >/dev/null || skip "kcat is missing: records cannot be read back"

work=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-test-XXXXXX")
run_pid='' feed_pid=''
broker() { "$here/broker" "$1" --port "$port" --dir "$work/broker" "${@:2}"; }

cleanup() {
    local code=$?
    for pid in $run_pid $feed_pid; do kill -KILL "$pid" 2>/dev/null || true; done
    "$here/broker" kill --port "$port" --dir "$work/broker" >/dev/null 2>&1 || true
    if [ "$code" -ne 0 ] && [ "$code" -ne 77 ] && [ -f "$work/run.log" ]; then
        echo "---- the last lines of run"
        tail -25 "$work/run.log"
    fi
    rm -rf "$work"
}
trap cleanup EXIT

start_broker() {
    say "starting a real Kafka on port $port"
    broker start >/dev/null || fail "the broker does not start"
}

# simulate OPTION...: $work/events.ndjson and $work/config.yaml. The past, so that nothing is
# ahead of any wall clock; late, doubled and damaged events on the way.
simulate() {
    say "simulating: $*"
    "$rollcall" simulate --quiet --from 2024-01-08 --disorder 800ms --late 0.5% --duplicates 1% \
        --damaged 0.1% "$@" --out "$work/events.ndjson" --config "$work/simulated.yaml"
    config contact.calls:call contact.chats:chat contact.rest:any
    cat "$work/simulated.yaml" >>"$work/config.yaml"
}

# config TOPIC:CHANNEL...: the beginning of $work/config.yaml
config() {
    local topics='' topic
    for topic; do topics+="${topics:+, }${topic%:*}: ${topic#*:}"; done
    cat >"$work/config.yaml" <<YAML
kafka:
  brokers: 127.0.0.1:$port
  group: rollcall-test
  topics: {$topics}
output: {partitions: 4}
snapshot: {dir: $work/snapshots, every: 3s}
http: {listen: off}
time: {idle_after: 3s}
privacy: {pseudonym_key: {file: $work/pseudonym_key}}
YAML
    [ -f "$work/pseudonym_key" ] || head -c 24 /dev/urandom | base64 >"$work/pseudonym_key"
    chmod 600 "$work/pseudonym_key"
}

feed() { "$rollcall" feed --quiet --key contact --partitions 8 "$@"; }

# Runs in the background; its log is added to $work/run.log.
start_run() {
    "$rollcall" run "$@" "$work/config.yaml" 2>>"$work/run.log" &
    run_pid=$!
}

# wait_run SECONDS: until it has ended by itself.
wait_run() {
    local left=$(($1 * 10)) code=0
    while kill -0 "$run_pid" 2>/dev/null; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "run has not ended after $1 s"
        sleep 0.1
    done
    wait "$run_pid" || code=$?
    run_pid=''
    return $code
}

dump() { kcat -b "127.0.0.1:$port" -C -t "$1" -o beginning -e -q "${@:2}"; }
count() { dump "$1" 2>/dev/null | wc -l; }

# wait_records N SECONDS: until so many records are published.
wait_records() {
    local i
    for ((i = 0; i < $2 * 2; i++)); do
        [ "$(count rollcall.metrics)" -ge "$1" ] && return
        sleep 0.5
    done
    fail "not even $1 records after $2 s"
}

# compare UNTIL [--revisions | --repeats] [--before=MS] FILE...: what was published against a replay of
# the same files.
compare() {
    local until=$1 options=()
    shift
    while [[ $1 == --* ]]; do options+=("$1") && shift; done
    rm -rf "$work/replayed"
    "$rollcall" replay --quiet --until "$until" --out "$work/replayed" "$work/config.yaml" "$@" ||
        fail "the replay fails"
    local topic
    for topic in metrics slas contacts; do
        dump "rollcall.$topic" >"$work/published.$topic.ndjson"
        [ -s "$work/replayed/$topic.ndjson" ] || [ -s "$work/published.$topic.ndjson" ] || continue
        say "comparing $(wc -l <"$work/published.$topic.ndjson") published $topic with the replay"
        python3 "$here/compare.py" "$work/replayed/$topic.ndjson" "$work/published.$topic.ndjson" \
            "${options[@]}" || fail "$topic differ"
    done
}

# Every dead letter that the replay has, and no other; each may stand there more than once.
compare_dead_letters_repeated() {
    dump rollcall.dead_letter -f '%h\n' | sed 's/.*rollcall.topic=/topic=/' | sort \
        >"$work/dead"
    local once replayed
    once=$(sort -u "$work/dead" | wc -l)
    replayed=$(wc -l <"$work/replayed/dead_letter.ndjson")
    say "dead letters: $(wc -l <"$work/dead") published, $once of them different, $replayed in the replay"
    [ "$once" = "$replayed" ] || fail "dead letters are lost"
}

# The same, and each once.
compare_dead_letters() {
    compare_dead_letters_repeated
    [ "$(wc -l <"$work/dead")" = "$(sort -u "$work/dead" | wc -l)" ] || fail "dead letters are doubled"
}

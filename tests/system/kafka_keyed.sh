#!/usr/bin/env bash
# Real Kafka, kafka.keyed_by: client: an input topic that is keyed otherwise is named, with an event
# that shows it, and nothing of it is published; so is one whose partitions are not the tasks.
port=19800
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

# refused TEXT: the run ends by itself, with an error that has the text
refused() {
    local code=0
    : >"$work/run.log"
    start_run --until-idle
    wait_run 60 || code=$?
    grep "error: " "$work/run.log" || fail "no error, exit code $code"
    grep -q "error: .*$1" "$work/run.log" || fail "another error"
    [ $code -eq "$2" ] || fail "exit code $code, not $2"
    [ "$(count rollcall.metrics)" -eq 0 ] || fail "something was published"
}

start_broker
simulate --clients 3 --contacts 40 --for 1d --seed 5
sed -i "s|^  group: .*|&\n  keyed_by: client|" "$work/config.yaml"
echo "tasks: 4" >>"$work/config.yaml"
"$rollcall" feed --quiet --partitions 8 "$work/config.yaml" /dev/null
say "8 partitions, 4 tasks"
refused "contact.calls has 8 partitions; keyed_by: client needs as many as there are tasks, 4" 78

broker wipe
start_broker
"$rollcall" feed --quiet --partitions 4 "$work/config.yaml" /dev/null
client=$(grep -om1 '"client": *"[^"]*"' "$work/events.ndjson" | cut -d'"' -f4)
task=$(printf '%s' "$client" | python3 -c '
import sys
data, mask = sys.stdin.buffer.read(), 0xffffffff
h = (0x9747b28c ^ len(data)) & mask
for at in range(0, len(data) // 4 * 4, 4):
    k = int.from_bytes(data[at:at + 4], "little") * 0x5bd1e995 & mask
    k = (k ^ k >> 24) * 0x5bd1e995 & mask
    h = (h * 0x5bd1e995 & mask) ^ k
tail = data[len(data) // 4 * 4:]
if tail:
    h = (h ^ int.from_bytes(tail, "little")) * 0x5bd1e995 & mask
h = (h ^ h >> 13) * 0x5bd1e995 & mask
print(((h ^ h >> 15) & 0x7fffffff) % 4)')
wrong=$(((task + 1) % 4))
say "events of $client, of task $task, in partition $wrong"
grep "\"client\": *\"$client\"" "$work/events.ndjson" |
    kcat -b "127.0.0.1:$port" -P -t contact.rest -p $wrong
refused "contact.rest is not keyed .*\[$wrong\].*\"$client\", who belongs to task $task" 65

#!/usr/bin/env bash
# Real Kafka, input keyed by client, two members, delivery: at_least_once. One of them kills itself
# in the middle of an epoch's end, comes back, and is killed at random. Records may come again; none
# is missing, the last one of each key is what one process computes, and who joins takes nothing
# away but what it is given.
port=19940
tasks=8
# shellcheck source=tests/system/kafka_members.bash
. "$(dirname "$0")/kafka_members.bash"

start_broker
keyed --clients 16 --contacts 80 --seed 29
sed -i 's/^output: {/output: {delivery: at_least_once, /' "$work/config.yaml"
load 450
member anna
says "task .: live" 20 anna 8
ROLLCALL_CRASH=produce_after:60 member ben
left=300
while kill -0 "${pid_of[ben]}" 2>/dev/null; do
    left=$((left - 1))
    [ $left -gt 0 ] || fail "ben does not come to the step"
    sleep 0.1
done
killed ben # as it has done itself
wait_owns 8 anna
member ben
wait_owns 3 anna ben
under_load "the second kill"
killed ben
load_ends
wait_owns 8 anna
stopped anna

grep "lost by this process" "$work"/*.log && fail "a task was lost that nobody had to take"
all_is_read anna
compare 2024-01-24T23:59:59Z --repeats --before=1706140800000 "$work/events.ndjson"
compare_dead_letters_repeated
repeated=$(dump rollcall.metrics | python3 -c '
import json, sys
seen = set()
again = 0
for line in filter(str.strip, sys.stdin):
    record = json.loads(line)
    key = tuple(record.get(name) for name in (
        "client", "queue", "channel", "window", "kind", "start_ms", "revision"))
    again += key in seen
    seen.add(key)
print(again)')
say "$repeated records came again"

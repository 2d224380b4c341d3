#!/usr/bin/env bash
# `simulate --into` puts the same events into Kafka that `simulate --out` writes, each contact's in
# their order, chats and calls where the configuration says.
port=19900
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 5 --contacts 200 --for 1d --seed 16
# not $work/events.ndjson: a damaged event has no place of its own
options=(--quiet --from 2024-01-08 --clients 5 --contacts 200 --for 1d --seed 16)
"$rollcall" simulate "${options[@]}" --out "$work/plain.ndjson"
say "simulating into Kafka"
"$rollcall" simulate "${options[@]}" --into "$work/config.yaml" || fail "simulate --into"
dump contact.calls >"$work/calls"
dump contact.chats >"$work/chats"
[ -s "$work/calls" ] && [ -s "$work/chats" ] || fail "a topic is empty"

# by contact, else in the order of the partition or file
by_contact() {
    python3 -c 'import json, sys
lines = sys.stdin.readlines()
print("".join(sorted(lines, key=lambda line: json.loads(line)["contact"])), end="")'
}
cat "$work/calls" "$work/chats" | by_contact >"$work/sent"
by_contact <"$work/plain.ndjson" >"$work/written"
say "$(wc -l <"$work/sent") events in Kafka, $(wc -l <"$work/written") in the file"
cmp "$work/sent" "$work/written" || fail "they differ"

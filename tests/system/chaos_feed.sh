#!/usr/bin/env bash
# The broker is killed while feed makes its topics, at instants one after the other, and comes back:
# feed waits for it, and each event is there once.
port=21120
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
"$rollcall" simulate --quiet --from 2024-01-08 --for 1d --clients 2 --contacts 20 \
    --out "$work/events.ndjson" --config "$work/simulated.yaml"
lines=$(wc -l <"$work/events.ndjson")
round=0
for after in 0.05 0.1 0.15 0.2 0.3 0.4 0.6; do
    round=$((round + 1))
    config "calls-$round:call" "chats-$round:chat" "rest-$round:any"
    cat "$work/simulated.yaml" >>"$work/config.yaml"
    feed --timeout 60 "$work/config.yaml" "$work/events.ndjson" 2>"$work/feed.log" &
    feed_pid=$!
    sleep "$after"
    broker kill
    sleep 0.5
    broker start >/dev/null
    wait "$feed_pid" || fail "after $after s: $(tail -n 3 "$work/feed.log")"
    feed_pid=''
    got=0
    for topic in calls chats rest; do got=$((got + $(count "$topic-$round"))); done
    say "killed $after s after feed began: $got of $lines events are there"
    [ "$got" = "$lines" ] || fail "$got events"
done

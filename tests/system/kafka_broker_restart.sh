#!/usr/bin/env bash
# The broker is killed while events come in and records go out, and comes back: feed and run wait
# for it, and no figure differs.
port=19740
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 5 --contacts 400 --for 1d --seed 12
sed -i 's/idle_after: 3s/idle_after: 8s/' "$work/config.yaml"
lines=$(wc -l <"$work/events.ndjson")
head -n $((lines / 2)) "$work/events.ndjson" >"$work/before.ndjson"
tail -n +$((lines / 2 + 1)) "$work/events.ndjson" >"$work/after.ndjson"
say "feeding $lines events, half of them in about 5 s, the others once the broker is killed"
{
    feed --rate $((lines / 10)) --timeout 60 "$work/config.yaml" "$work/before.ndjson"
    until [ -e "$work/killed" ]; do sleep 0.1; done
    feed --timeout 60 --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/after.ndjson"
} &
feed_pid=$!
sleep 1.5
start_run --until-idle
wait_records 100 30
say "kill -9 of the broker, with $(count rollcall.metrics) records out"
broker kill
touch "$work/killed"
sleep 3
grep -q "does not answer" "$work/run.log" || fail "run does not say that Kafka is away"
said=$(grep -c "does not answer" "$work/run.log")
[ "$said" = 1 ] || fail "run says $said times that Kafka is away"
say "the broker comes back"
broker start >/dev/null
wait "$feed_pid" || fail "feed"
feed_pid=''
wait_run 120 || fail "run ends with an error"
grep -q "answers again" "$work/run.log" || fail "run does not say that Kafka is back"
compare 2024-01-19T23:59:59Z --revisions "$work/events.ndjson"
compare_dead_letters

#!/usr/bin/env bash
# The broker hangs for 15 s, as one does whose disk stands still, and goes on; then
# partitions are added to a topic that is being read: nothing is lost, and each is said once.
port=19980
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 5 --contacts 300 --for 1d --seed 15
third=$(($(wc -l <"$work/events.ndjson") / 3))
split -n l/3 "$work/events.ndjson" "$work/part."
feed --partitions 4 "$work/config.yaml" "$work/part.aa" || fail "feed"
say "feeding more in about 6 s; run reads along"
start_run
wait_records 100 30
feed --rate $((third / 6)) --timeout 60 "$work/config.yaml" "$work/part.ab" &
feed_pid=$!
sleep 1
say "the broker hangs"
broker freeze
sleep 15
say "the broker goes on"
broker thaw
wait "$feed_pid" || fail "feed"
feed_pid=''
said=$(grep -c "does not answer" "$work/run.log") || true
[ "$said" -le 1 ] || fail "run says $said times that Kafka is away"

say "partitions are added"
broker admin grow contact.calls 6
for ((i = 0; i < 100; i++)); do
    grep -q "partitions were added" "$work/run.log" && break
    sleep 0.1
done
said=$(grep -c "partitions were added" "$work/run.log") || true
[ "$said" = 1 ] || fail "run says $said times that partitions were added"
head -n -1 "$work/part.ac" >"$work/most.ndjson"
tail -n 1 "$work/part.ac" >"$work/last.ndjson"
feed "$work/config.yaml" "$work/most.ndjson" || fail "feed"
sleep 2 # a partition that has had nothing is idle: the tick must not overtake what comes first
feed --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/last.ndjson" || fail "feed"
kill -TERM "$run_pid"
wait_run 10 || fail "run ends with an error"
start_run --until-idle
wait_run 60 || fail "run ends with an error"
compare 2024-01-19T23:59:59Z --revisions "$work/events.ndjson"
compare_dead_letters

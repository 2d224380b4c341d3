#!/usr/bin/env bash
# Real Kafka: one process has published; then members share the tasks of the same topics, in
# another group. Each task makes its clients' records anew once and publishes what differs; starts
# after that, also on another host, go on from snapshots, with the revisions that were published.
port=19960
tasks=4
# shellcheck source=tests/system/kafka_members.bash
. "$(dirname "$0")/kafka_members.bash"

start_broker
keyed --clients 8 --contacts 40 --seed 37
split -n l/3 -d "$work/events.ndjson" "$work/part."
cp "$work/config.yaml" "$work/client.yaml"
sed -i '/keyed_by: client/d' "$work/config.yaml"

say "one process, keyed_by: any"
feed_keyed "$work/config.yaml" "$work/part.00"
start_run --until-idle
wait_run 60 || fail "run ends with an error"

say "another group, keyed_by: client"
sed 's/^  group: .*/  group: sharing/' "$work/client.yaml" >"$work/config.yaml"
feed_keyed "$work/config.yaml" "$work/part.01"
member anna --until-idle
ended anna 60
grep -h "rebuilt: " "$work/anna.log"
[ "$(grep -c "rebuilt: " "$work/anna.log")" = $tasks ] ||
    fail "not all tasks are where the first run was"

feed_keyed --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/part.02"
member ben --until-idle
ended ben 60
grep -h "recovered to" "$work/ben.log"
[ "$(grep -c "recovered to epoch" "$work/ben.log")" = $tasks ] || fail "a task has no snapshot"
grep -h "made anew\|rebuilt" "$work/ben.log" && fail "a task begins anew once more"
compare 2024-01-19T23:59:59Z "$work/events.ndjson"
compare_dead_letters

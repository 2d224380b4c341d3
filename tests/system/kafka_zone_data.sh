#!/bin/bash
# Real Kafka: the system's zone data are upgraded between kill -9 and the next start, first with no
# snapshot, then with one. What was committed under the data before is made again all the same, and
# at the end every record is what a replay makes.
port=19600
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

# zones VERSION: the system's data, as if of that version
zones() {
    mkdir -p "$work/zones"
    [ -e "$work/zones/UTC" ] || cp -a /usr/share/zoneinfo/. "$work/zones/"
    sed "1s/.*/# version $1/" /usr/share/zoneinfo/tzdata.zi >"$work/zones/tzdata.zi"
}
export TZDIR=$work/zones
[ -e /usr/share/zoneinfo/tzdata.zi ] || skip "no tzdata.zi"

zones 2026a
start_broker
simulate --clients 4 --contacts 200 --for 1d --seed 41
sed -i 's/, every: 3s/, every: 1h/' "$work/config.yaml"
lines=$(wc -l <"$work/events.ndjson")
head -n $((lines / 2)) "$work/events.ndjson" >"$work/first.ndjson"
tail -n +$((lines / 2 + 1)) "$work/events.ndjson" >"$work/second.ndjson"
feed "$work/config.yaml" "$work/first.ndjson" || fail "feed"
start_run
wait_records 500 30
kill -KILL "$run_pid"
wait_run 6 || true

# after_upgrade VERSION: the next start says that it goes on under these data
after_upgrade() {
    say "kill -9; zone data $1"
    zones "$1"
    : >"$work/run.log"
    start_run
    local left=100
    until grep -q "zone data $1" "$work/run.log" && grep -q "derived anew" "$work/run.log"; do
        kill -0 "$run_pid" 2>/dev/null || fail "the start is refused"
        left=$((left - 1))
        [ $left -gt 0 ] || fail "it does not go on"
        sleep 0.2
    done
}

after_upgrade 2026b
before=$(count rollcall.metrics)
feed --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/second.ndjson" || fail "feed"
wait_records $((before + 500)) 30
kill -KILL "$run_pid"
wait_run 6 || true
ls "$work/snapshots"/*.snapshot >/dev/null || fail "no snapshot was made"
after_upgrade 2026c
kill -TERM "$run_pid"
wait_run 10 || fail "SIGTERM: run ends with $?"
start_run --until-idle
wait_run 60 || fail "run ends with an error"
grep -q "made anew from the beginning" "$work/run.log" && fail "it began from nothing"
compare 2024-01-19T23:59:59Z --revisions "$work/events.ndjson"
compare_dead_letters
say "done"

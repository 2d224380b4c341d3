#!/usr/bin/env bash
# run is stopped and started again in the middle, first with SIGTERM, then with kill -9: no figure
# differs, revisions go on without a gap, every dead letter is there once.
port=19780
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 5 --contacts 400 --for 1d --seed 13
lines=$(wc -l <"$work/events.ndjson")
say "feeding $lines events in about 12 s; run reads along"
feed --rate $((lines / 12)) --tick 2024-01-20T00:00:00Z "$work/config.yaml" \
    "$work/events.ndjson" &
feed_pid=$!
sleep 1
start_run
wait_records 100 30
before=$(date +%s%N)
kill -TERM "$run_pid"
wait_run 6 || fail "SIGTERM: run ends with $?"
say "SIGTERM: left after $((($(date +%s%N) - before) / 1000000)) ms, $(count rollcall.metrics) out"
start_run
wait_records 1000 30
sleep 1
kill -KILL "$run_pid"
wait_run 6 || true
say "kill -9, with $(count rollcall.metrics) records out"
start_run
sleep 2
kill -KILL "$run_pid"
wait_run 6 || true
say "kill -9 again, with $(count rollcall.metrics) records out"
wait "$feed_pid" || fail "feed"
feed_pid=''
start_run --until-idle
wait_run 120 || fail "run ends with an error"
grep "recovered to epoch" "$work/run.log"
grep -Eq "recovered to .*progress was read in [0-9]+ ms, the snapshot found in [0-9]+, restored" \
    "$work/run.log" || fail "it does not say how long each part took"
compare 2024-01-19T23:59:59Z --revisions "$work/events.ndjson"
compare_dead_letters
published=$(count rollcall.metrics) contacts=$(count rollcall.contacts)
# stopped_at: wall clock and event time when the last run came to its end, in milliseconds
stopped_at() {
    sed -n -e 's/^\([^ ]*\) all partitions are idle: .*/\1/p' \
        -e 's/.* stopped: .*, now \(.*\)$/\1/p' "$work/run.log" | tail -2 | paste -d' ' - - |
        while read -r wall now; do echo "$(date -d "$wall" +%s%3N) $(date -d "$now" +%s%3N)"; done
}
read -r wall_before now_before < <(stopped_at)
sleep 3
say "once more, with an empty disk: nothing is published that was published before, and time went" \
    "on meanwhile"
rm -r "$work/snapshots"
recovered=$(grep -c "recovered to epoch" "$work/run.log")
start_run --until-idle
wait_run 120 || fail "run ends with an error"
[ "$(grep -c "recovered to epoch" "$work/run.log")" = $((recovered + 1)) ] || fail "not recovered"
"$rollcall" snapshot verify "$work/snapshots" || fail "what came from the topic is not whole"
read -r wall_after now_after < <(stopped_at)
say "the wall clock went on by $((wall_after - wall_before)) ms, event time by" \
    "$((now_after - now_before)) ms"
off=$((wall_after - wall_before - (now_after - now_before)))
[ ${off#-} -le 1000 ] || fail "the distance to the wall clock was not kept: $off ms off"
again=$(($(count rollcall.metrics) - published + $(count rollcall.contacts) - contacts))
if [ "$again" -ne 0 ]; then
    for topic in metrics contacts; do
        dump rollcall.$topic >"$work/again.ndjson"
        python3 "$here/compare.py" --added "$work/published.$topic.ndjson" "$work/again.ndjson" ||
            true
    done
    fail "$again records were published again"
fi

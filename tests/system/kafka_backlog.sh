#!/usr/bin/env bash
# A backlog whose partitions are hours apart: calls of a whole day in one partition, chats from the
# evening alone in another. Memory stays bounded while catching up, and no figure differs.
port=19820
bound_mb=450
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 20 --contacts 2500 --flat --for 1d --seed 14
grep -aE '"time":"2024-01-0(8T(18|19|2.)|9)' "$work/events.ndjson" | grep -a '"chat"' \
    >"$work/evening.ndjson" || true
grep -av '"chat"' "$work/events.ndjson" >"$work/day.ndjson"
say "$(wc -l <"$work/day.ndjson") events of the day, $(wc -l <"$work/evening.ndjson") of the evening"
feed --partitions 1 --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/evening.ndjson" \
    "$work/day.ndjson" || fail "feed"
start_run --until-idle
peak=0
while kill -0 "$run_pid" 2>/dev/null; do
    now=$(awk '/^VmHWM/{print $2}' "/proc/$run_pid/status" 2>/dev/null || true)
    [ "${now:-0}" -gt "$peak" ] && peak=$now
    sleep 0.2
done
wait_run 5 || fail "run ends with an error"
say "peak memory: $((peak / 1024)) MB, the bound is $bound_mb MB"
[ "$peak" -gt 0 ] && [ "$peak" -lt $((bound_mb * 1024)) ] || fail "too much memory"
compare 2024-01-19T23:59:59Z --revisions "$work/evening.ndjson" "$work/day.ndjson"

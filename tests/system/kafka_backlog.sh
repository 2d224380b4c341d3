#!/usr/bin/env bash
# A backlog whose partitions are hours apart: calls of a whole day in one partition, chats from the
# evening alone in another. The chats wait in Kafka, not in memory, until the calls have come to the
# evening; and no figure differs. The prefetch buffers are made small, so that what is measured is
# what the engine itself holds back; every chat's event comes eight times, which makes much to hold
# back and no more state; the same without alignment shows that the measure can tell.
port=19820
bound_mb=600
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

peak_of_run() { # sets $peak, in MB
    local now
    peak=0
    start_run --until-idle
    while kill -0 "$run_pid" 2>/dev/null; do
        now=$(awk '/^VmHWM/{print $2}' "/proc/$run_pid/status" 2>/dev/null || true)
        [ "${now:-0}" -le "$peak" ] || peak=$now
        sleep 0.1
    done
    wait_run 5 || fail "run ends with an error"
    peak=$((peak / 1024))
}

start_broker
simulate --clients 20 --contacts 2500 --flat --for 1d --seed 14
grep -av '"chat"' "$work/events.ndjson" >"$work/day.ndjson"
grep -a '"chat"' "$work/events.ndjson" |
    grep -aE '"time":"2024-01-0(8T(18|19|2.)|9)' |
    awk '{ for (i = 0; i < 8; i++) print }' >"$work/evening.ndjson"
say "events: $(wc -l <"$work/day.ndjson") of the day, $(wc -l <"$work/evening.ndjson") later on"
small='{queued.max.messages.kbytes: "2048", queued.min.messages: "2000"}'
sed -i "s/^  group: .*/&\n  security: $small/" "$work/config.yaml"
feed --partitions 1 --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/evening.ndjson" \
    "$work/day.ndjson" || fail "feed"
peak_of_run
say "peak memory: $peak MB, the bound is $bound_mb MB"
[ "$peak" -gt 0 ] && [ "$peak" -lt "$bound_mb" ] || fail "too much memory"
compare 2024-01-19T23:59:59Z --revisions "$work/evening.ndjson" "$work/day.ndjson"

# Another group, and nothing published: the same work from the beginning.
aligned=$peak
sed -i -e 's/^time: {/&align: 30d, /' -e 's/^  group: .*/&-unaligned/' "$work/config.yaml"
broker admin delete rollcall.metrics rollcall.slas rollcall.contacts rollcall.alerts \
    rollcall.dead_letter rollcall.progress rollcall.snapshots >"$work/deleted"
peak_of_run
say "without alignment: $peak MB"
[ "$peak" -gt $((aligned + 60)) ] || fail "the measure does not tell alignment from none"

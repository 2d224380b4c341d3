#!/bin/bash
# Real Kafka: the configuration changes while events flow: across a restart after kill -9, with
# SIGHUP, and twice with no snapshot between. At the end every record is what the last configuration
# makes of all events, and revisions go on without a gap.
port=19880
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 4 --contacts 300 --for 1d --seed 17
sed -i -e 's/^time: {/time: {restate_every: 1s, /' "$work/config.yaml"
lines=$(wc -l <"$work/events.ndjson")
head -n $((lines * 2 / 3)) "$work/events.ndjson" >"$work/first.ndjson"
tail -n +$((lines * 2 / 3 + 1)) "$work/events.ndjson" >"$work/second.ndjson"
say "feeding two thirds of $lines events in about 8 s; run reads along"
feed --rate $((lines / 12)) "$work/config.yaml" "$work/first.ndjson" &
feed_pid=$!
sleep 1
start_run
wait_records 1000 30
sleep 1
kill -KILL "$run_pid"
wait_run 6 || true
say "kill -9; another threshold of the service level, and another window"
sed -i -e 's/^  interval: .*/  interval: [15m, 30m, 1h, day]/' \
    -e '0,/within: [0-9]*s/s//within: 33s/' "$work/config.yaml"
start_run
sleep 4
grep -q "the configuration has changed" "$work/run.log" || fail "the change is not noticed"
say "SIGHUP: another threshold"
sed -i -e 's/within: 33s/within: 45s/' "$work/config.yaml"
kill -HUP "$run_pid"
wait "$feed_pid" || fail "feed"
feed_pid=''
sleep 2
grep -q "has changed: over to it" "$work/run.log" || fail "SIGHUP is not heard"
kill -TERM "$run_pid"
wait_run 10 || fail "SIGTERM: run ends with $?"
say "what cannot be changed is refused, and says why"
# refused SED REASON
refused() {
    local code=0
    cp "$work/config.yaml" "$work/right.yaml"
    sed -i "$1" "$work/config.yaml"
    start_run
    wait_run 20 || code=$?
    [ $code = 78 ] || fail "it ends with $code: $1"
    grep -q "$2" "$work/run.log" || fail "it does not say: $2"
    mv "$work/right.yaml" "$work/config.yaml"
}
(umask 077 && head -c 24 /dev/urandom | base64 >"$work/other_key")
refused '1i tasks: 8' "tasks: 64 cannot become 8"
refused 's/pseudonym_key}/other_key}/' "privacy.pseudonym_key cannot change"
refused '/^privacy:/d' "privacy.pseudonym_key cannot change"
refused 's/, contact.rest: any//' "has read the topic contact.rest, which is no input"
# What a change restates is due a second of event time later: the input must go on after the last.
say "another threshold, kill -9 after its first commit, before any snapshot; then one more"
sed -i -e 's/within: 45s/within: 50s/' "$work/config.yaml"
ROLLCALL_CRASH=commit_after:1 start_run
wait_run 30 && fail "it was not killed"
sed -i -e 's/within: 50s/within: 25s/' "$work/config.yaml"
start_run --until-idle
sleep 1
feed --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/second.ndjson" || fail "feed"
wait_run 120 || fail "run ends with an error"
grep -q "made anew from the beginning" "$work/run.log" && fail "a change began from nothing"
[ "$(grep -c "derived anew" "$work/run.log")" -ge 4 ] || fail "four changes, not as many noticed"
compare 2024-01-19T23:59:59Z --revisions "$work/events.ndjson"
compare_dead_letters
say "done"

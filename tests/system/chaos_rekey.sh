#!/usr/bin/env bash
# While `rekey` copies, its broker is killed, then frozen for longer than a transaction may last;
# then rekey itself is. It goes on by itself, and every record stands in the copies once, in order.
port=20980
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 5 --contacts 400 --ticket-share 10% --for 1d --seed 31
sed -i -e '/^output:/s/4/4, commit_every: 20ms/' -e '/^time:/s/3s/1500ms/' "$work/config.yaml"
lines=$(wc -l <"$work/events.ndjson")
feed --rate $((lines / 60)) --timeout 60 --tick 2024-01-20T00:00:00Z "$work/config.yaml" \
    "$work/events.ndjson" &
feed_pid=$!
sleep 1
"$rollcall" rekey --tasks 16 "$work/config.yaml" 2>>"$work/run.log" &
run_pid=$!
sleep 4
say "the broker is killed"
broker kill
sleep 1
start_broker
sleep 4
say "the broker is frozen for 20 s"
broker freeze
sleep 20
broker thaw
sleep 4
say "rekey is frozen for 15 s"
kill -STOP "$run_pid"
sleep 15
kill -CONT "$run_pid"
wait "$feed_pid" || fail "feed"
feed_pid=''
sleep 1
kill -TERM "$run_pid"
wait_run 10 || fail "SIGTERM: rekey ends with $?"
"$rollcall" rekey --tasks 16 --until-idle "$work/config.yaml" 2>>"$work/run.log" ||
    fail "rekey ends with an error"
cat "$work/run.log"
grep -q "whether the last transaction is committed is not known" "$work/run.log" ||
    fail "no outcome was ever in doubt: nothing was shown"
python3 "$here/rekey_check.py" --brokers "127.0.0.1:$port" contact.calls contact.chats \
    contact.rest || fail "the copies are not what they should be"

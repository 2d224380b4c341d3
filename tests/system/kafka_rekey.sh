#!/usr/bin/env bash
# `rekey` copies topics of 8 partitions keyed by contact into topics keyed by client, and is killed
# at named steps of its transactions and at random instants: every record is there once, in its
# partition and in its order, and `run` on the new topics publishes what a replay of the events
# says.
port=20920
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"
seed=${REKEY_SEED:-$RANDOM}
RANDOM=$seed
say "instants by REKEY_SEED=$seed"
topics=(contact.calls contact.chats contact.rest)

rekey() { "$rollcall" rekey --tasks 16 "$@" "$work/config.yaml" 2>>"$work/run.log"; }
start_rekey() { # the process itself, not a shell around it
    "$rollcall" rekey --tasks 16 "$work/config.yaml" 2>>"$work/run.log" &
    run_pid=$!
}
check() {
    python3 "$here/rekey_check.py" --brokers "127.0.0.1:$port" "$@" "${topics[@]}" ||
        fail "the copies are not what they should be"
}

start_broker
simulate --clients 3 --contacts 150 --ticket-share 10% --for 1d --seed 31
# many transactions, in whose middle it is killed
sed -i -e '/^output:/s/4/4, commit_every: 20ms/' -e '/^time:/s/3s/1s/' "$work/config.yaml"
lines=$(wc -l <"$work/events.ndjson")
split -n "l/2" -d "$work/events.ndjson" "$work/part."
feed "$work/config.yaml" "$work/part.00" || fail "feed"
echo ' ' | kcat -b "127.0.0.1:$port" -P -t contact.calls -p 3 -k ' blank ' -H one=1 -H one= -H two
echo '' | kcat -b "127.0.0.1:$port" -P -t contact.calls -p 3 -Z -K: # neither key nor value

killed_at() { # killed_at STEP:N...: one start for each
    local step code
    for step; do
        code=0
        ROLLCALL_CRASH=$step rekey --until-idle || code=$?
        [ "$code" = 137 ] || fail "$step: rekey ends with $code"
    done
}

say "a backlog: killed at named steps"
killed_at produce_after:1 offsets_after:1 commit_after:1
rekey --until-idle || fail "rekey ends with an error"
check --disorder 1000

say "live: killed at named steps, and at random instants"
feed --rate $((lines / 16)) --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/part.01" &
feed_pid=$!
killed_at commit_before:4 commit_after:4
for kill in 1 2 3; do
    start_rekey
    sleep "$((RANDOM % 2)).$((300 + RANDOM % 700))"
    kill -0 "$run_pid" 2>/dev/null || fail "rekey has ended before kill $kill"
    kill -KILL "$run_pid"
    wait_run 5 || true
done
start_rekey
wait "$feed_pid" || fail "feed"
feed_pid=''

say "another one takes over: the first is shut out"
first=$run_pid
echo ' ' | kcat -b "127.0.0.1:$port" -P -t contact.calls -p 2
until [ "$(count contact.calls.by-client)" -ge "$(count contact.calls)" ]; do
    kill -0 "$first" 2>/dev/null || fail "rekey has ended" # it must be at work by then
    sleep 0.3
done
rekey --until-idle || fail "rekey ends with an error"
echo ' ' | kcat -b "127.0.0.1:$port" -P -t contact.calls -p 3
run_pid=$first
code=0
wait_run 10 || code=$?
[ "$code" = 69 ] && grep -q "another rekey copies these topics" "$work/run.log" ||
    fail "the first rekey ends with $code"
start_rekey
sleep 1.5
kill -TERM "$run_pid"
wait_run 6 || fail "SIGTERM: rekey ends with $?"
check
grep "copied\|not committed" "$work/run.log" | tail -4

say "what it refuses"
code=0
"$rollcall" rekey --tasks 5 "$work/config.yaml" 2>"$work/refused" || code=$?
[ "$code" = 78 ] && grep -q "has 16 partitions, not 5" "$work/refused" || fail "--tasks 5: $code"

say "run on the copies"
sed -i -e 's/^  group: .*/  group: by-client/' -e 's/\(contact\.[a-z]*\):/\1.by-client:/g' \
    -e 's/, commit_every: 20ms//' "$work/config.yaml"
start_run --until-idle
wait_run 60 || fail "run ends with an error"
grep -h "stopped:" "$work/run.log"
compare 2024-01-19T23:59:59Z "$work/events.ndjson"
compare_dead_letters

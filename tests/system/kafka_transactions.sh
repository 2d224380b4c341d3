#!/usr/bin/env bash
# sink/ alone against a real broker: an epoch is there whole or not at all, once, whatever kills
# the process, the broker or the connection at whatever step; offsets and progress agree; a process
# that was overtaken stops; output that is not what it was is noticed.
port=19540
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"
probe=$(dirname "$rollcall")/sink_probe
[ -x "$probe" ] || skip "no sink_probe beside rollcall"
records=10

start_broker
broker admin create contact.calls 4
config contact.calls:call

# run_probe EPOCHS [OPTION...]: $code; what it says is added to $work/run.log
run_probe() {
    code=0
    timeout 120 "$probe" "$work/config.yaml" "$1" "$records" "${@:2}" >>"$work/run.log" 2>&1 ||
        code=$?
}
start_probe() {
    "$probe" "$work/config.yaml" "$1" "$records" "${@:2}" >>"$work/run.log" 2>&1 &
    run_pid=$!
}
audit() {
    python3 "$here/audit_epochs.py" "127.0.0.1:$port" "$records" "$@" || fail "the audit ($*)"
}
# audit_offsets EPOCH: the group's offsets are those of that epoch
audit_offsets() {
    local offsets
    offsets=$(broker admin group rollcall-test | sort | tr '\n' ' ')
    for i in 0 1 2 3; do
        case $offsets in *"contact.calls-$i $((2 * $1)) "*) ;; *) fail "offsets: $offsets" ;; esac
    done
}
# until_epoch N SECONDS: while somebody writes
until_epoch() {
    local i
    for ((i = 0; i < $2 * 5; i++)); do
        [ "$(dump rollcall.progress -p 0 -X fetch.wait.max.ms=5 | wc -l)" -ge "$1" ] && return
        sleep 0.2
    done
    fail "epoch $1 is not there after $2 s"
}

run_probe 20
[ $code = 0 ] || fail "the first run"
audit 20 >/dev/null
audit_offsets 20

at=20
for step in produce_before produce_after offsets_before offsets_after commit_before commit_after; do
    for n in 1 3; do
        ROLLCALL_CRASH=$step:$n run_probe $((at + 6))
        [ $code = 137 ] || fail "not killed at $step:$n, but $code"
        committed=$((at + n - 1))
        [ $step != commit_after ] || committed=$((at + n))
        say "killed at $step:$n"
        # what it left open is not seen, and ended by the next
        run_probe $((at + 6))
        [ $code = 0 ] || fail "the run after $step:$n"
        grep '^progress:' "$work/run.log" | tail -1 | grep -q "epoch $committed," ||
            fail "after $step:$n the progress is not $committed"
        at=$((at + 6))
        audit $at >/dev/null
    done
done
audit_offsets $at

say "a second process takes over: the first one stops"
start_probe 100000 --pause 50
until_epoch $((at + 5)) 20
first_pid=$run_pid
start_probe 100000 --pause 50
overtaken=0
wait "$first_pid" || overtaken=$?
[ $overtaken = 1 ] && grep -q "error -8: another process has taken over" "$work/run.log" ||
    fail "the first one ends with $overtaken"
kill -KILL "$run_pid"
wait "$run_pid" 2>/dev/null || true
at=$(audit)

say "frozen in a transaction for longer than its time: it goes on by itself"
start_probe $((at + 10)) --stop $((at + 5))
sleep 16
kill -CONT "$run_pid"
wait_run 60 || fail "it does not go on"
at=$((at + 10))
audit $at >/dev/null

say "the same, and another one has taken over meanwhile: the frozen one writes nothing"
start_probe $((at + 100)) --stop $((at + 5))
frozen_pid=$run_pid
sleep 3
run_probe $((at + 20))
[ $code = 0 ] || fail "the one that takes over"
at=$((at + 20))
kill -CONT "$frozen_pid"
overtaken=0
wait "$frozen_pid" || overtaken=$?
[ $overtaken = 1 ] || fail "the frozen one ends with $overtaken"
audit $at >/dev/null

say "the broker is killed and comes back; it hangs for a while"
start_probe $((at + 400)) --pause 20
sleep 2
broker kill
sleep 3
broker start >/dev/null
sleep 3
broker freeze
sleep 14
broker thaw
wait_run 90 || fail "the run through it"
at=$((at + 400))
audit $at >/dev/null
audit_offsets $at

say "other output than recorded: it stops, and names it; --restate publishes it"
run_probe $at --salt 1
[ $code = 1 ] || fail "other output: exit code $code"
grep -q "error -12: epoch 100, made again, differs from what was published: rollcall.metrics had \
$records records, now $records" "$work/run.log" || fail "other output is not named"
audit $at >/dev/null
run_probe $at --salt 1 --restate
[ $code = 0 ] || fail "--restate"
run_probe $at --salt 1
[ $code = 0 ] || fail "what was restated is not what the progress has"
run_probe $at
[ $code = 1 ] || fail "what was before the restatement still passes"
twice=$(dump rollcall.metrics | grep -c '"revision":100,')
[ "$twice" = $((2 * records)) ] || fail "epoch 100 is there $twice times"
say "done: $at epochs"

#!/usr/bin/env bash
# Real Kafka, 16 tasks, input keyed by client: one member, a second and a third one join under load,
# one is killed, one is stopped. What they publish together is what one process computes, and how
# long each task was silent when it moved is measured. EVENTS a second (400); the aim is 3 s between
# living members and 15 s after a kill, and what fails is SLACK (3) times that: a busy machine.
port=19780
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

tasks=16
declare -A pid_of=()
end_all() {
    local code=$? pid
    for pid in "${pid_of[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    if [ "$code" -ne 0 ]; then tail -n 15 "$work"/*.log; fi
    [ -z "${KEEP_LOGS:-}" ] || cp "$work"/*.log "$KEEP_LOGS"
    (exit "$code") || true # for cleanup, which asks with what it ends
    cleanup
}
trap end_all EXIT

# member NAME [OPTION...]: each has a disk of its own, and nothing but Kafka in common with others
member() {
    sed -e "s|^  group: .*|&\n  instance: $1|" -e "s|$work/snapshots|$work/snapshots.$1|" \
        "$work/config.yaml" >"$work/config.$1.yaml"
    "$rollcall" run "${@:2}" "$work/config.$1.yaml" 2>>"$work/$1.log" &
    pid_of[$1]=$!
    say "member $1 starts"
}

# owns NAME: how many tasks it has, by its log
owns() {
    local given taken
    given=$(grep -c "the group has given it" "$work/$1.log" 2>/dev/null) || true
    taken=$(grep -cE "(given back|lost) by this process" "$work/$1.log" 2>/dev/null) || true
    echo $((${given:-0} - ${taken:-0}))
}

# wait_owns LEAST NAME...: until these have all tasks, and each at least so many; then until all
# of them publish again
wait_owns() {
    local least=$1 left=150 name sum
    shift
    while :; do
        sum=0
        for name; do
            sum=$((sum + $(owns "$name")))
            [ "$(owns "$name")" -ge "$least" ] || sum=-1000
        done
        [ $sum -ne $tasks ] || break
        left=$((left - 1))
        [ $left -gt 0 ] || fail "the tasks are not shared: $(for name; do owns "$name"; done)"
        sleep 0.2
    done
    left=150
    for name; do
        until [ "$(grep -c ": live, " "$work/$name.log")" -ge \
            "$(grep -c "the group has given it" "$work/$name.log")" ]; do
            left=$((left - 1))
            [ $left -gt 0 ] || fail "$name does not publish what it was given"
            sleep 0.2
        done
    done
    say "$*: all tasks are live"
    sleep "${LOAD_S:-2}"
}

# pauses WHAT LIMIT_MS NAME...: of the tasks that went live since the last call, in these logs
declare -A read_of=()
pauses() {
    local what=$1 limit=$2 name all=''
    shift 2
    for name; do
        all+=$(tail -n +$((${read_of[$name]:-0} + 1)) "$work/$name.log" |
            sed -n 's/.*: live, \([0-9]*\) ms after.*/\1 /p')
        read_of[$name]=$(wc -l <"$work/$name.log")
    done
    # shellcheck disable=SC2046,SC2086  # a list of numbers
    set -- $(printf '%s\n' $all | sort -n)
    [ $# -gt 0 ] || fail "no task has moved: $what"
    say "$what: $# tasks moved, silent for $1 to ${!#} ms: $*"
    [ "${!#}" -le $((limit * ${SLACK:-3})) ] || slow+="; $what: ${!#} ms of $limit"
}
slow=''

start_broker
simulate --clients 40 --contacts 16 --ticket-share 15% --for 1d --seed 23
sed -i "s|^  group: .*|&\n  keyed_by: client|" "$work/config.yaml"
echo "tasks: $tasks" >>"$work/config.yaml"
say "$(wc -l <"$work/events.ndjson") events"
"$rollcall" feed --quiet --partitions $tasks --tick 2024-01-07T00:00:00Z "$work/config.yaml" \
    /dev/null || fail "feed"
"$rollcall" feed --quiet --partitions $tasks --rate "${EVENTS:-400}" \
    --tick 2024-01-25T00:00:00Z "$work/config.yaml" "$work/events.ndjson" &
feed_pid=$!

member anna
wait_owns 16 anna
read_of[anna]=$(wc -l <"$work/anna.log")
member ben
wait_owns 7 anna ben
pauses "a second member joins" 3000 anna ben
member cora
wait_owns 4 anna ben cora
pauses "a third member joins" 3000 anna ben cora
say "ben is killed"
kill -KILL "${pid_of[ben]}"
wait "${pid_of[ben]}" 2>/dev/null || true
mv "$work/ben.log" "$work/ben-killed.log"
wait_owns 7 anna cora
pauses "a member was killed" 15000 anna cora
say "anna is stopped"
kill -TERM "${pid_of[anna]}"
wait "${pid_of[anna]}" || fail "anna ends with an error"
wait_owns 16 cora
pauses "a member was stopped" 3000 cora
wait "$feed_pid" || fail "feed"
feed_pid=''
kill -TERM "${pid_of[cora]}"
wait "${pid_of[cora]}" || fail "cora ends with an error"

say "all is fed: what is left is read to its end"
member dora --until-idle
wait "${pid_of[dora]}" || fail "dora ends with an error"
grep -h "stopped:" "$work"/*.log
grep -h "made anew\|rebuilt" "$work"/*.log && fail "a task did not go on from what was published"
compare 2024-01-24T23:59:59Z --revisions --before=1706140800000 "$work/events.ndjson"
compare_dead_letters
[ -z "$slow" ] || fail "too long silent$slow"

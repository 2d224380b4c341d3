#!/usr/bin/env bash
# Real Kafka, 16 tasks, input keyed by client: one member, a second and a third one join under load,
# one is killed, one is stopped. What they publish together is what one process computes, and how
# long each task was silent when it moved is measured. EVENTS a second (400); the aim is 3 s between
# living members and 15 s after a kill, and what fails is SLACK (3) times that: a busy machine.
port=19780
# shellcheck source=tests/system/kafka_members.bash
. "$(dirname "$0")/kafka_members.bash"

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
    sleep "${LOAD_S:-1}"
}
slow=''

start_broker
keyed --clients 24 --contacts 36 --seed 23
load "${EVENTS:-400}"

member anna
wait_owns 16 anna
read_of[anna]=$(wc -l <"$work/anna.log")
member ben
wait_owns 7 anna ben
pauses "a second member joins" 3000 anna ben
member cora
wait_owns 4 anna ben cora
pauses "a third member joins" 3000 anna ben cora
killed ben
wait_owns 7 anna cora
pauses "a member was killed" 15000 anna cora
under_load "the last move"
say "anna is stopped"
stopped anna
wait_owns 16 cora
pauses "a member was stopped" 3000 cora
load_ends
stopped cora

all_is_read cora
compare 2024-01-24T23:59:59Z --revisions --before=1706140800000 "$work/events.ndjson"
compare_dead_letters
[ -z "$slow" ] || fail "too long silent$slow"

# What the tests of members that share the tasks have in common, on top of kafka_common.bash, which
# this sources. A test sets `port` before.
# shellcheck shell=bash
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "${BASH_SOURCE[0]}")/kafka_common.bash"

: "${tasks:=16}"
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

# keyed SIMULATE_OPTION...: events, a configuration with keyed_by: client, and the input topics; time
# begins at 2024-01-07.
keyed() {
    simulate --ticket-share 15% --for 1d "$@"
    sed -i "s|^  group: .*|&\n  keyed_by: client|" "$work/config.yaml"
    echo "tasks: $tasks" >>"$work/config.yaml"
    say "$(wc -l <"$work/events.ndjson") events, $tasks tasks"
    feed_keyed --tick 2024-01-07T00:00:00Z "$work/config.yaml" /dev/null || fail "feed"
}
feed_keyed() { "$rollcall" feed --quiet --key client --partitions "$tasks" "$@"; }
# load EVENTS_A_SECOND: all events, at this pace until load_ends
load() {
    feed_keyed "$work/config.yaml" - \
        < <(python3 "$here/at_pace.py" "$1" "$work/hurry" "$work/events.ndjson") &
    feed_pid=$!
}
# under_load WHAT: there is still some left
under_load() { kill -0 "$feed_pid" 2>/dev/null || fail "the load was over before $1"; }
load_ends() {
    touch "$work/hurry"
    wait "$feed_pid" || fail "feed"
    feed_pid=''
}

# own_config NAME: as it stands now in config.yaml, with a name and a disk of the member's own
own_config() {
    sed -e "s|^  group: .*|&\n  instance: $1|" -e "s|$work/snapshots|$work/snapshots.$1|" \
        "$work/config.yaml" >"$work/config.$1.yaml"
}
# member NAME [OPTION...]: each has nothing but Kafka in common with others
member() {
    own_config "$1"
    again "$@"
}
# again NAME [OPTION...]: under the configuration that it has
again() {
    "$rollcall" run "${@:2}" "$work/config.$1.yaml" 2>>"$work/$1.log" &
    pid_of[$1]=$!
    say "member $1 starts"
}

# ended NAME SECONDS: until it has, without an error
ended() {
    local left=$(($2 * 10))
    while kill -0 "${pid_of[$1]}" 2>/dev/null; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "$1 has not ended after $2 s"
        sleep 0.1
    done
    wait "${pid_of[$1]}" || fail "$1 ends with an error"
}
stopped() {
    kill -TERM "${pid_of[$1]}"
    ended "$1" 20
}
# killed NAME: its log is put aside, as nobody says there what it has lost
killed() {
    say "$1 is killed"
    kill -KILL "${pid_of[$1]}" 2>/dev/null || true
    wait "${pid_of[$1]}" 2>/dev/null || true
    cat "$work/$1.log" >>"$work/$1-killed.log"
    rm "$work/$1.log"
}

# says TEXT SECONDS NAME [TIMES]: until its log has it (so many times)
says() {
    local left=$(($2 * 10))
    until [ "$(grep -c -e "$1" "$work/$3.log")" -ge "${4:-1}" ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "$3 does not say: $1"
        sleep 0.1
    done
}

# owns NAME: how many tasks it has, and how many of them it publishes, by its log
owns() {
    [ -f "$work/$1.log" ] || return 0
    awk '!match($0, /task [0-9]+: /) { next }
        { task = substr($0, RSTART, RLENGTH) }
        /the group has given it/ { has[task] = 1; live[task] = 0 }
        /: live, / { live[task] = 1 }
        /(given back|lost) by this process/ { has[task] = 0 }
        END { for (task in has) { own += has[task]; lives += has[task] && live[task] }
            print own + 0, lives + 0 }' "$work/$1.log"
}

# wait_owns LEAST NAME...: until these have all tasks, each at least so many, and publish all of them
wait_owns() {
    local least=$1 left=150 name sum own lives
    shift
    while :; do
        sum=0
        for name; do
            read -r own lives < <(owns "$name") || own=0 lives=0
            sum=$((sum + lives))
            [ "$own" -ge "$least" ] || sum=-1000
        done
        [ $sum -ne "$tasks" ] || break
        left=$((left - 1))
        [ $left -gt 0 ] ||
            fail "tasks that each has, and publishes: $(for name; do echo "$name: $(owns "$name")"; done)"
        sleep 0.2
    done
    say "$*: all tasks are live"
}

# all_is_read NAME: the rest of the input, and then time goes on: partitions that were idle do not
# wait for each other. All members' tasks have gone on from what they were.
all_is_read() {
    say "all is fed: what is left is read to its end"
    member "$1" --until-idle
    ended "$1" 60
    feed_keyed --tick 2024-01-25T00:00:00Z "$work/config.yaml" /dev/null || fail "feed"
    member "$1" --until-idle
    ended "$1" 60
    grep -h "stopped:" "$work"/*.log
    grep -h "made anew\|rebuilt" "$work"/*.log && fail "a task did not go on from what was published"
    return 0
}

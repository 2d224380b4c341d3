#!/usr/bin/env bash
# Two processes of one group: the standby follows the active one, and takes over by itself when that
# is killed, frozen or stopped; the frozen one writes nothing when it wakes up, and stands by. No
# figure differs, revisions go on without a gap.
port=19660
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

declare -A pid_of=() http_of=([a]=19690 [b]=19691)
end_all() {
    local code=$? pid
    for pid in "${pid_of[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    if [ "$code" -ne 0 ]; then tail -n 15 "$work"/[ab].log; fi
    (exit "$code") || true # for cleanup, which asks with what it ends
    cleanup
}
trap end_all EXIT

# member NAME: each as if on a host of its own
member() {
    sed -e "s|  group: .*|&\n  instance: host-$1|" \
        -e "s|dir: $work/snapshots, every: 3s|dir: $work/snapshots-$1, keep: 20|" \
        -e "s|listen: off|listen: 127.0.0.1:${http_of[$1]}|" "$work/config.yaml" >"$work/$1.yaml"
    "$rollcall" run "$work/$1.yaml" 2>>"$work/$1.log" &
    pid_of[$1]=$!
}
ask() { curl -s -m 2 "http://127.0.0.1:${http_of[$1]}/$2" "${@:3}" || true; }
# await TEXT SECONDS COMMAND...: until what it prints has the text
await() {
    local text=$1 left=$(($2 * 10))
    shift 2
    until grep -q "$text" < <("$@"); do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "no '$text' from: $*"
        sleep 0.1
    done
}
stands_by() { await "standby: .* 0 epochs ahead" 20 ask "$1" readyz; }

# event NAME PROCESS SIGNAL: what happens to the active process, and when
event() {
    say "$1: $2"
    echo "$1 $(date +%s%3N)" >>"$work/events"
    kill "-$3" "${pid_of[$2]}"
}
# taken_over NAME TIMES: the process has done so
taken_over() {
    local left=200
    until [ "$(grep -c "taken over after epoch" "$work/$1.log")" -ge "$2" ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "$1 does not take over"
        sleep 0.1
    done
    sleep 1.5 # some epochs of it
}

start_broker
simulate --clients 5 --contacts 250 --for 1d --seed 23
feed --tick 2024-01-07T00:00:00Z "$work/config.yaml" /dev/null || fail "feed"
lines=$(wc -l <"$work/events.ndjson")
say "feeding $lines events in about 30 s"
feed --rate $((lines / 30)) --tick 2024-01-20T00:00:00Z "$work/config.yaml" \
    "$work/events.ndjson" &
feed_pid=$!
member a
await '"run"' 20 dump rollcall.progress -p 0 2>"$work/kcat.log"
member b
stands_by b
say "b: $(ask b readyz)"
[ "$(ask b readyz -o "$work/ready" -w '%{http_code}')" = 503 ] || fail "a standby is ready"
await '"handled"' 20 ask b api/v1/figures

event kill-9 a KILL
taken_over b 1
member a
stands_by a
event SIGSTOP b STOP
taken_over a 1
kill -CONT "${pid_of[b]}"
stands_by b
say "b was frozen, and stands by in the same process: $(ask b readyz)"
kill -0 "${pid_of[b]}" || fail "the frozen process has ended"
event SIGTERM a TERM
taken_over b 2
wait "${pid_of[a]}" || fail "a ends with an error"
wait "$feed_pid" || fail "feed"
feed_pid=''
kill -TERM "${pid_of[b]}"
wait "${pid_of[b]}" || fail "b ends with an error"
sed -i 's/every: 3s/keep: 20/' "$work/config.yaml"
start_run --until-idle
wait_run 60 || fail "run ends with an error"

stamp() { date -d "$(grep "$2" "$work/$1.log" | tail -1 | cut -d' ' -f1)" +%s%3N; }
waited=$(($(stamp b "taking over") - $(stamp a "stopped:")))
say "b took over $waited ms after a had stopped"
[ $waited -lt 4000 ] || fail "a stop is waited out like a kill"
compare 2024-01-19T23:59:59Z --revisions "$work/events.ndjson"
compare_dead_letters
dump rollcall.progress -p 0 | python3 -c '
import json, sys
for line in sys.stdin:
    record = json.loads(line)
    print(*(record[name] for name in ("run", "epoch", "rebuilt", "published_ms")))
' >"$work/progress"
awk '$3 != "False" { print "epoch " $2 " was made anew"; wrong = 1 }
    $1 != run && $1 in seen { print "epoch " $2 " is of a process that was over"; wrong = 1 }
    $2 != epoch + 1 { print "epoch " $2 " follows " epoch; wrong = 1 }
    { seen[$1]; run = $1; epoch = $2 }
    END { exit wrong }' "$work/progress" || fail "the progress"
while read -r event at; do
    took=$(awk -v at="$at" '$4 <= at { run = $1 } $4 > at && $1 != run { print $4 - at; exit }' \
        "$work/progress")
    say "$event: the first epoch of the next process $took ms after it"
    [ "$took" -lt 10000 ] || fail "that is longer than 10 s"
done <"$work/events"

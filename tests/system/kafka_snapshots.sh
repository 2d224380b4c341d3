#!/usr/bin/env bash
# Snapshots in their topic, on a real broker: three whole ones are kept, the progress reaches back
# to the oldest of them and no further, a host with an empty disk gets what the first one had, a
# torn upload and what is no snapshot are passed over, a directory that cannot be written is no
# obstacle.
port=20100
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"
probe=$(dirname "$rollcall")/snapshot_probe
[ -x "$probe" ] || skip "no snapshot_probe beside rollcall"

start_broker
broker admin create contact.calls 1
config contact.calls:call
grep -v '^snapshot:' "$work/config.yaml" >"$work/plain.yaml"

# host NAME [GROUP]: $work/NAME.yaml, with a directory of its own
host() {
    mkdir -p "$work/$1"
    sed "s/group: rollcall-test/group: ${2:-rollcall-test}/" "$work/plain.yaml" >"$work/$1.yaml"
    echo "snapshot: {dir: $work/$1}" >>"$work/$1.yaml"
}
# call HOST ARGUMENT...: $code, and $out in one line
call() {
    code=0
    out=$(timeout 120 "$probe" "$work/$1.yaml" "${@:2}" 2>&1 | tee -a "$work/run.log" |
        tr '\n' '~') || code=$?
}
# is CODE TEXT WHAT: as the last call ended, and what is in its output
is() {
    [ "$code" = "$1" ] && [[ $out == *"$2"* ]] || fail "$3: exit code $code, said: $out"
    say "right: $3"
}
# holds TOPIC: how many messages partition 0 holds
holds() { broker admin offsets "$1" | awk '$1 == 0 { print $4 - $2 }'; }
first_epoch() {
    kcat -b "127.0.0.1:$port" -C -t rollcall.progress -p 0 -o beginning -e -q \
        -X isolation.level=read_committed | python3 -c \
        'import json, sys; print(json.loads(sys.stdin.readlines()[0])["epoch"])'
}

host one
call one download 0 99
is 3 "" "nothing is downloaded where there is no topic"
call one epochs 1 70
is 0 "" "70 epochs are committed"
for epoch in 10 20; do
    call one upload $epoch
    is 0 "" "the snapshot of epoch $epoch is uploaded"
done
[ "$(first_epoch)" = 1 ] || fail "progress is let go of too early"
for epoch in 30 40 50; do
    call one upload $epoch
    is 0 "" "the snapshot of epoch $epoch is uploaded"
done
[ "$(first_epoch)" = 30 ] || fail "progress begins at epoch $(first_epoch), not at 30"
say "right: the progress reaches back to the oldest snapshot"
frames=$(holds rollcall.snapshots)

echo "--- an empty host"
host two
call two download 0 70
is 0 "epoch 50, 6 parts" "the newest comes"
cmp "$work"/one/*50.snapshot "$work"/two/*50.snapshot || fail "the files differ"
[ "$(ls -A "$work/two")" = "$(basename "$work"/one/*50.snapshot)" ] || fail "more than one file"
call two download 50 70
is 3 "" "nothing later than the one that is there"
call two download 0 49
is 0 "epoch 40, " "the newest that is not after the last epoch"
call two download 0 29
is 3 "" "older ones are gone"
"$rollcall" snapshot verify "$work/two" || fail "what was downloaded is not whole"

echo "--- what is no whole snapshot"
code=0
(ROLLCALL_CRASH=upload_middle:1 exec "$probe" "$work/one.yaml" upload 60) || code=$?
[ "$code" = 137 ] || fail "the probe was not killed: $code"
head -c 3000 /dev/urandom >"$work/noise"
kcat -b "127.0.0.1:$port" -P -t rollcall.snapshots -p 0 "$work/noise" || fail "kcat"
more=$(holds rollcall.snapshots)
[ "$more" -gt $((frames + 5)) ] || fail "nothing was added to $frames messages"
host three
call three download 0 70
is 0 "epoch 50, " "a torn upload and noise ($((more - frames)) messages) are passed over"
head -c 100000 "$work"/one/*50.snapshot >"$work/torn.snapshot"
call one send "$work/torn.snapshot"
is 1 "it cannot be uploaded" "a file that is torn is not uploaded as a whole"
call three download 50 70
is 3 "" "and nobody takes it for one"
call one upload 70
is 0 "" "the next one is uploaded"
call three download 0 70
is 0 "epoch 70, " "and comes"
[ "$(first_epoch)" = 40 ] || fail "progress begins at epoch $(first_epoch), not at 40"

echo "--- a directory that cannot be written"
host four
sed -i "s,^snapshot:.*,snapshot: {dir: $work/plain.yaml}," "$work/four.yaml"
call four download 0 70
is 0 "epoch 70, " "it comes into memory"
[[ $out == *"the snapshot goes into memory: "* ]] || fail "that is not said: $out"

echo "--- another group"
host other somebody-else
call other download 0 99
is 3 "" "another group's snapshots are not taken"
call other upload 90
is 0 "" "another group uploads one"
call three download 0 99
is 0 "epoch 70, " "ours is behind it"
call other download 0 99
is 0 "epoch 90, " "theirs is there"

if grep "stay in their topics" "$work/run.log"; then fail "something could not be deleted"; fi

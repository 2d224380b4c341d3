#!/usr/bin/env bash
# What becomes of `rekey`'s topics meanwhile: partitions are added, records are larger than topics
# take by default, the input is missing, compacted, or trimmed before it was copied, the copies are
# removed. Nothing is left out in silence.
port=21040
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

at=127.0.0.1:$port
rekey() { "$rollcall" rekey --tasks 4 "$@" "$work/config.yaml" 2>>"$work/run.log"; }
start_rekey() {
    "$rollcall" rekey --tasks 4 "$work/config.yaml" 2>>"$work/run.log" &
    run_pid=$!
}
send() { # send PARTITION COUNT
    local i
    for ((i = 0; i < $2; i++)); do
        echo "{\"type\":\"queued\",\"time\":\"2024-01-08T10:00:0$i.00$1Z\"," \
            "\"client\":\"client-$i\",\"contact\":\"c-$1-$i\"}"
    done | kcat -b "$at" -P -t contact.calls -p "$1"
}
check() {
    python3 "$here/rekey_check.py" --brokers "$at" contact.calls ||
        fail "the copies are not what they should be"
}
refused() { # refused CODE TEXT
    local code=0
    rekey --until-idle || code=$?
    tail -3 "$work/run.log" | grep "$2" || fail "nothing says \"$2\""
    [ "$code" = "$1" ] || fail "rekey ends with $code, not $1"
}

start_broker
config contact.calls:call
sed -i -e '/^time:/s/3s/500ms/' "$work/config.yaml"

say "the input is missing"
start_rekey
sleep 3
grep "an input topic is missing, it is waited for: contact.calls" "$work/run.log" ||
    fail "nobody says so"
broker admin create contact.calls 2 max.message.bytes=3000000
send 0 9
send 1 9
head -c 1900000 /dev/urandom | base64 -w 0 >"$work/large"
kcat -b "$at" -P -t contact.calls -p 1 -X message.max.bytes=4000000 "$work/large"
for ((i = 0; i < 100; i++)); do
    grep -q "caught up" "$work/run.log" && break
    sleep 0.2
done
say "partitions are added"
broker admin grow contact.calls 4
send 3 9
sleep 8
kill -TERM "$run_pid"
wait_run 6 || fail "SIGTERM: rekey ends with $?"
check

say "the input is compacted"
broker admin set contact.calls cleanup.policy=compact
refused 78 "is compacted"
broker admin set contact.calls cleanup.policy=delete

say "the copies are removed"
broker admin delete contact.calls.by-client
refused 65 "contact.calls.by-client is empty, but some of it was copied"
say "records are gone before they were copied"
send 2 9
broker admin trim contact.calls 2 4
refused 65 "contact.calls/2: 4 records are gone"

say "another suffix is another copy"
rekey --until-idle --to-suffix .again || fail "rekey ends with an error"
python3 "$here/rekey_check.py" --brokers "$at" --suffix .again contact.calls ||
    fail "the copies are not what they should be"

#!/bin/bash
# Real Kafka: the topic of the dead letters is there before the program, and takes less than some of
# them are large. What no topic takes is said once and left out; all the rest goes on.
port=20340
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 2 --contacts 40 --for 1d --seed 41
broker admin create rollcall.dead_letter 4 max.message.bytes=20000 >/dev/null ||
    fail "the topic is not made"
python3 - >"$work/large.ndjson" <<'PY'
import base64
import random
print("no event: " + base64.b64encode(random.Random(1).randbytes(60000)).decode())
print("no event, but small")
PY
start_run --until-idle
feed "$work/config.yaml" "$work/large.ndjson" || fail "feed"
feed --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/events.ndjson" || fail "feed"
wait_run 60 || fail "run ends with $?"
grep -q MSG_SIZE_TOO_LARGE "$work/run.log" || fail "it is not said"
grep -a "may not have\|made anew" "$work/run.log" && fail "it is not clear about the rest"
[ "$(dump rollcall.dead_letter | grep -c "no event, but small")" = 1 ] || fail "the small one"
compare 2024-01-19T23:59:59Z --revisions "$work/events.ndjson"
replayed=$(wc -l <"$work/replayed/dead_letter.ndjson")
published=$(dump rollcall.dead_letter -f '%h\n' | sort -u | wc -l)
[ "$published" = $((replayed + 1)) ] || fail "dead letters: $published and $replayed"
say "done"

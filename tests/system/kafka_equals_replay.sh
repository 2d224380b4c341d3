#!/usr/bin/env bash
# Real Kafka, 8 partitions keyed by contact: what `run` publishes equals what `replay` computes, in
# the last interval record of every key and clock; with simulated events, and with real calls.
port=19700
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

one() { # one UNTIL TICK FILE: watermarks lie max_disorder (1 s) before the tick
    feed --tick "$2" "$work/config.yaml" "$3" || fail "feed"
    say "run --until-idle"
    : >"$work/run.log"
    start_run --until-idle
    wait_run 120 || fail "run ends with an error"
    grep -h "stopped:" "$work/run.log"
    compare "$1" --revisions "$3"
    compare_dead_letters
}

start_broker
simulate --clients 6 --contacts 400 --ticket-share 15% --for 1d --seed 11
one 2024-01-19T23:59:59Z 2024-01-20T00:00:00Z "$work/events.ndjson"

bank=$shared/data/bank-1999-q1.ndjson.zst
if [ ! -f "$bank" ]; then
    say "SKIPPED: the bank's calls, $bank is not there"
    exit 0
fi
say "a bank's calls: a new broker"
broker wipe
start_broker
config contact.calls:call
cat >>"$work/config.yaml" <<'YAML'
windows: {interval: [30m, day, month]}
defaults:
  timezone: Asia/Jerusalem
  call: {service_level: {within: 20s, target: 80%, abandoned: ignore_short, short_abandon: 5s}}
YAML
one 1999-04-14T23:59:59Z 1999-04-15T00:00:00Z "$bank"

#!/usr/bin/env bash
# Real Kafka, output.topics: per_client: every client's records stand in its own topics and nowhere
# else, they equal the replay's, and a restart publishes nothing again.
port=19840
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

start_broker
simulate --clients 2 --contacts 100 --for 1d --seed 17
per_client='output: {partitions: 4, topics: per_client}\nclients_only: true'
sed -i -e "s/^output: .*/$per_client/" \
    -e 's/^  acme:$/  acme:\n    topic: ACME.1/' -e 's/^  globex:$/  globex:\n    topic: globex/' \
    "$work/config.yaml"
feed --tick 2024-01-20T00:00:00Z "$work/config.yaml" "$work/events.ndjson" || fail "feed"
start_run --until-idle
wait_run 60 || fail "run ends with an error"

total=0
for client in acme:ACME.1 globex:globex; do
    topic=rollcall.metrics.${client#*:}
    dump "$topic" >"$work/$topic"
    lines=$(wc -l <"$work/$topic")
    own=$(grep -c "\"client\":\"${client%:*}\"" "$work/$topic" || true)
    say "$topic: $lines records, $own of ${client%:*}"
    [ "$lines" -gt 0 ] && [ "$lines" = "$own" ] || fail "records of another client, or none"
    total=$((total + lines))
done
if kcat -b "127.0.0.1:$port" -L | grep -q '"rollcall.metrics"'; then
    fail "the shared topic was made"
fi
cat "$work"/rollcall.metrics.* >"$work/published.ndjson"
"$rollcall" replay --quiet --until 2024-01-19T23:59:59Z --out "$work/replayed" \
    "$work/config.yaml" "$work/events.ndjson" || fail "the replay fails"
python3 "$here/compare.py" "$work/replayed/metrics.ndjson" "$work/published.ndjson" --revisions ||
    fail "figures differ"
compare_dead_letters

say "once more"
start_run --until-idle
wait_run 60 || fail "run ends with an error"
again=$(($(count rollcall.metrics.ACME.1) + $(count rollcall.metrics.globex)))
[ "$again" = "$total" ] || fail "$((again - total)) records were published again"

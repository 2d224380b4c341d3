#!/usr/bin/env bash
# Recorded epochs are made again of the very same records: see recovery_probe.c.
#   SEEDS="1 2 3"  others than the default
port=20020
# shellcheck source=tests/system/kafka_common.bash
. "$(dirname "$0")/kafka_common.bash"

probe=$(dirname "$rollcall")/recovery_probe
[ -x "$probe" ] || skip "no recovery_probe beside $rollcall"
start_broker
for seed in ${SEEDS:-1 2 $((RANDOM + 3))}; do
    say "seed $seed"
    "$probe" "127.0.0.1:$port" "$seed" || fail "with seed $seed"
done

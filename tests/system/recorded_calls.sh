#!/usr/bin/env bash
# Three months of a bank's recorded calls: the sums over the last record of each month are those of
# the source, and the output is the same to the byte whatever the number of shards.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rollcall=${ROLLCALL:-$here/../../build/release/rollcall}
bank=$here/../../../shared/data/bank-1999-q1.ndjson.zst

skip() {
    echo "SKIPPED: $*"
    exit 77
}
fail() {
    echo "FAILED: $*"
    exit 1
}

[ -x "$rollcall" ] || skip "no rollcall at $rollcall (ROLLCALL says where it is)"
[ -f "$bank" ] || skip "the bank's calls, ../shared/data/$(basename "$bank"), are not there"
work=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-test-XXXXXX")
trap 'rm -rf "$work"' EXIT

cat >"$work/config.yaml" <<'YAML'
windows: {rolling: [], interval: [month]}
defaults:
  timezone: Asia/Jerusalem
  call: {service_level: {within: 20s, target: 80%}}
YAML
for shards in 1 2 4; do
    echo "replay with --shards $shards"
    "$rollcall" replay --quiet --format ndjson --shards "$shards" "$work/config.yaml" "$bank" \
        >"$work/$shards.ndjson" || fail "replay --shards $shards ends with $?"
    [ -s "$work/$shards.ndjson" ] || fail "--shards $shards: no record"
    cmp "$work/1.ndjson" "$work/$shards.ndjson" || fail "--shards $shards gives other bytes than 1"
done

# sum FIELD: over the last record of each month, queue *, channel call
sum() {
    awk -v field="\"$1\":" '
        /"queue":"\*"/ && /"channel":"call"/ && /"window":"month"/ {
            match($0, /"start_ms":-?[0-9]+/)
            month = substr($0, RSTART, RLENGTH)
            at = index($0, field)
            if (!at) { missing = 1; next }
            last[month] = substr($0, at + length(field)) + 0
        }
        END {
            for (month in last) { total += last[month]; months++ }
            if (missing || months != 3)
                print months + 0 " months, " missing + 0 " without the field"
            else printf "%.0f\n", total
        }' "$work/1.ndjson"
}
wrong=0
expect() { # expect FIELD SUM
    local got
    got=$(sum "$1")
    echo "$1: $got, $2 expected"
    [ "$got" = "$2" ] || wrong=$((wrong + 1))
}
expect offered 97737
expect answered 82069
expect abandoned 15668
expect handle_ms_sum 14927855000
expect wait_le_20s 43999
[ "$wrong" = 0 ] || fail "$wrong of 5 sums are wrong"
echo "PASSED: 5 sums of 3 months, the same bytes for 1, 2 and 4 shards"

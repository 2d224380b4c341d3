#!/usr/bin/env bash
# The auditor of the exactly-once tests passes a sound recording of topics, and finds each damage in
# it: a test of the tests, without Kafka.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rollcall=${ROLLCALL:-$here/../../build/release/rollcall}
[ -x "$rollcall" ] || {
    echo "SKIPPED: no rollcall at $rollcall (ROLLCALL says where it is)"
    exit 77
}
exec python3 "$here/auditor_self.py" --rollcall "$rollcall" --seed "${SEED:-1}"

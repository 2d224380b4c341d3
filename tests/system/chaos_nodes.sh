#!/usr/bin/env bash
# Three brokers, of which the leader of the progress is killed while events flow.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20260 --three-nodes --kills 2 --broker-kills 4 \
    --per-kill 1200 "$@"

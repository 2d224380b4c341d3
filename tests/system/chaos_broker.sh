#!/usr/bin/env bash
# run is killed, and the broker too, while events flow.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20200 --kills 3 --broker-kills 3 \
    --per-kill 1200 "$@"

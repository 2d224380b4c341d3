#!/usr/bin/env bash
# Without transactions run is killed, and the broker too: a record may come again, but none is
# missing, and the last one of each key is what a replay of the input says.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20920 --at-least-once --kills 16 \
    --broker-kills 1 --per-kill 800 "$@"

#!/usr/bin/env bash
# run is killed 12 times while events flow, at random instants and at named steps of epoch and
# snapshot: every record is there once, and is what a replay of the input says.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20140 --kills 12 --per-kill 800 "$@"

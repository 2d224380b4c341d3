#!/usr/bin/env bash
# run stands still (SIGSTOP), once for longer than a transaction may last, and goes on.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20380 --kills 1 --freezes 3 --per-kill 1500 "$@"

#!/usr/bin/env bash
# The line to the broker is cut or silent, once for longer than a transaction may last.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20320 --kills 1 --cuts 4 --per-kill 1500 "$@"

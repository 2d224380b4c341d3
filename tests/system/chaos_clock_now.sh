#!/usr/bin/env bash
# The wall clock steps back and forth under events of now: those too far ahead of it are set aside.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21180 --scenario clock-now "$@"

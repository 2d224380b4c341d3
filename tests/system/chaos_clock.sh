#!/usr/bin/env bash
# The wall clock steps back and forth under run, and between two runs.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20860 --scenario clock "$@"

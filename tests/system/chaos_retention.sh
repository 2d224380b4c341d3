#!/usr/bin/env bash
# What no snapshot holds is gone from the input: the start is refused, and says what is missing.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20500 --scenario retention "$@"

#!/usr/bin/env bash
# What every snapshot holds is gone from the input: the start does not ask for it.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20560 --scenario trimmed "$@"

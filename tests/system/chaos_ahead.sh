#!/usr/bin/env bash
# A snapshot of an epoch that was never committed is not taken.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20680 --scenario ahead "$@"

#!/usr/bin/env bash
# The disk for snapshots is full, then read-only: run says so and goes on.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20800 --scenario disk "$@"

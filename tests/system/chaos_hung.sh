#!/usr/bin/env bash
# The disk never answers: run goes on without snapshots, and ends when it is told to.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21420 --scenario hung "$@"

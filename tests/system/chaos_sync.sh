#!/usr/bin/env bash
# The disk fails to keep what it took (fdatasync, rename, fsync): older snapshots stay, run goes on.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20980 --scenario sync "$@"

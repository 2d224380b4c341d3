#!/usr/bin/env bash
# All snapshots are lost: all is made anew once, and the starts after that go on from a snapshot.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21420 --scenario anew "$@"

#!/usr/bin/env bash
# run stands still, another takes over, the first goes on: it must not publish any more.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20440 --scenario zombie "$@"

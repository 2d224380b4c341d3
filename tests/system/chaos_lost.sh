#!/usr/bin/env bash
# No snapshot is left and the input's beginning is gone: the start is refused.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21240 --scenario lost "$@"

#!/usr/bin/env bash
# What a service manager and /metrics are told: by a shard that stands still, after a start.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21060 --scenario watched "$@"

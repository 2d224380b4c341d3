#!/usr/bin/env bash
# A process frozen in a transaction wakes up before the one that took over has published: it must
# neither publish nor shut that one out.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21480 --scenario early "$@"

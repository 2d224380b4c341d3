#!/usr/bin/env bash
# A host with nothing but the configuration takes over; one that lost its snapshots goes on.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20740 --scenario empty-host "$@"

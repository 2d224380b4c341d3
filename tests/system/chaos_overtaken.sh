#!/usr/bin/env bash
# Input is gone before run has read it: run ends, and says how much is gone.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21300 --scenario overtaken "$@"

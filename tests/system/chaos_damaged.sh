#!/usr/bin/env bash
# The newest snapshot is damaged, torn or none at all: the next one is taken, and that is said.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 20620 --scenario damaged "$@"

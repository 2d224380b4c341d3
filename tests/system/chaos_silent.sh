#!/usr/bin/env bash
# Kafka falls silent while an empty host fetches a snapshot: that is waited for.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21360 --scenario silent "$@"

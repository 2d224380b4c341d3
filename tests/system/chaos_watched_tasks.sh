#!/usr/bin/env bash
# What a service manager and /metrics are told where members share the tasks: by a task that stands
# still, and by a SIGHUP.
exec "$(dirname "${BASH_SOURCE[0]}")/chaos" --port 21400 --scenario watched-tasks "$@"

#!/usr/bin/env bash
# docs/specification.md is the copy of ../shared/SPEC.md, byte for byte, where that exists.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ ! -f ../shared/SPEC.md ]; then
    echo "skipped: ../shared/SPEC.md is not here"
    exit 77
fi
diff -u ../shared/SPEC.md docs/specification.md

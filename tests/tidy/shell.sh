#!/usr/bin/env bash
# Every script of the project as shellcheck wants it (.shellcheckrc says what is let be).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if ! command -v shellcheck >/dev/null; then
    echo "skipped: shellcheck is missing"
    exit 77
fi
mapfile -d '' -t found < <(find .ci bench deploy tests -type f -print0)
scripts=()
for path in "${found[@]}"; do
    case $path in
    */corpus/* | */regressions/* | *.py) continue ;;
    *.sh | *.bash) scripts+=("$path") ;;
    *) if head -c 64 "$path" | tr -d '\0' | head -1 | grep -q '^#!.*bash'; then
        scripts+=("$path")
    fi ;;
    esac
done
[ ${#scripts[@]} -gt 0 ] || {
    echo "no script was found"
    exit 1
}
shellcheck "${scripts[@]}"
echo "${#scripts[@]} scripts"

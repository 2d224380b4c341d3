#!/usr/bin/env bash
# The command line from outside: exit codes, what goes to which stream, standard input, compressed
# input, NO_COLOR, a reader that leaves early; and `check` refuses what `replay` refuses.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rollcall=${ROLLCALL:-$here/../../build/release/rollcall}
shipped=$here/../../deploy/rollcall.yaml
if [ ! -x "$rollcall" ]; then
    echo "SKIPPED: no rollcall at $rollcall (ROLLCALL says where it is)"
    exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-test-XXXXXX")
cleanup() {
    local status=$?
    rm -rf "$work"
    case $status in 0 | 1 | 77) ;; *) echo "FAILED: the test itself stopped, exit $status" ;; esac
}
trap cleanup EXIT
out=$work/out err=$work/err

checks=0 wrong=0
verdict() { # verdict TEXT STATUS: STATUS 0 is right
    checks=$((checks + 1))
    if [ "$2" = 0 ]; then
        echo "  right: $1"
    else
        echo "  WRONG: $1"
        wrong=$((wrong + 1))
    fi
}
holds() { # holds TEXT COMMAND...
    local text=$1 status=0
    shift
    "$@" || status=$?
    verdict "$text" "$status"
}
call() { # call ARGUMENT...: sets $code, $out and $err
    code=0
    "$rollcall" "$@" >"$out" 2>"$err" || code=$?
}
ends() { # ends CODE STDOUT STDERR TEXT: streams: some, none or any
    local bad=0
    [ "$code" = "$1" ] || bad=1
    case $2 in some) [ -s "$out" ] || bad=1 ;; none) [ ! -s "$out" ] || bad=1 ;; esac
    case $3 in some) [ -s "$err" ] || bad=1 ;; none) [ ! -s "$err" ] || bad=1 ;; esac
    verdict "$4: exit $code ($1 expected), stdout $(wc -c <"$out") bytes ($2), stderr $(wc -c \
        <"$err") bytes ($3)" "$bad"
}
only_records() { ! grep -qv '^{.*}$' "$out"; }
no_records() { ! grep -q '"kind"' "$err"; }

config=$work/config.yaml
echo 'windows: {rolling: [], interval: [month]}' >"$config"
event='{"type":"queued","time":"2026-01-05T09:00:00Z","client":"acme","queue":"billing",'
event+='"channel":"call","contact":"c1"}'
echo "$event" >"$work/good"
printf '%s\nnot an event\n%s\n' "$event" "$event" >"$work/bad"
echo 'tasks: [' >"$work/broken.yaml"

echo "exit codes and streams"
call --version
ends 0 some none "--version"
call replay "$config" "$work/good"
ends 0 some some "replay"
holds "standard output has records alone" only_records
holds "standard error has none" no_records
cp "$out" "$work/expected"
call replay --quiet "$config" "$work/good"
ends 0 some none "replay --quiet"
call replay "$config" "$work/bad"
ends 0 some some "a bad line"
call replay --strict "$config" "$work/bad"
ends 65 any some "--strict with a bad line"
holds "the line is named" grep -q 'bad:2:' "$err"
call replay --strict "$config" "$work/good"
ends 0 some some "--strict without a bad line"
call
ends 64 none some "no command"
call replya
ends 64 none some "unknown command"
call --no-such-option
ends 64 none some "unknown option for a command"
for command in replay run feed simulate demo check snapshot; do
    call "$command" --no-such-option
    ends 64 none some "$command --no-such-option"
done
call replay "$config"
ends 64 none some "replay without FILE"
call replay --only nothing "$config" "$work/good"
ends 64 none some "replay --only nothing"
call replay "$config" "$work/missing"
ends 74 none some "replay of a missing file"
for command in replay run feed check; do
    file=("$work/good")
    case $command in run | check) file=() ;; esac
    call "$command" "$work/missing.yaml" "${file[@]}"
    ends 74 none some "$command with a missing configuration"
    holds "$command says who speaks" grep -q "^rollcall $command: .*missing.yaml: " "$err"
done
call check "$work/broken.yaml"
ends 78 none some "check of a broken configuration"
call replay "$work/broken.yaml" "$work/good"
ends 78 none some "replay with a broken configuration"
call check "$config"
ends 0 some none "check"
printf 'kafka: {brokers: "127.0.0.1:1", topics: {calls: call}}\n' >"$work/nobody.yaml"
call feed --timeout 1 "$work/nobody.yaml" "$work/good"
ends 69 none some "feed where no Kafka is"
if [ "$(id -u)" != 0 ]; then
    cp "$config" "$work/secret.yaml"
    chmod 000 "$work/secret.yaml"
    call check "$work/secret.yaml"
    ends 77 none some "check of a configuration that may not be read"
else
    echo "  SKIPPED: a file that may not be read, root may"
fi

mkdir "$work/empty"
echo 'no snapshot' >"$work/no.snapshot"
call snapshot list "$work/missing"
ends 74 none some "snapshot list of a missing directory"
call snapshot list "$work/empty"
ends 0 none some "snapshot list of an empty directory"
printf 'snapshot: {dir: %s/empty}\n' "$work" >"$work/snapshots.yaml"
call snapshot list "$work/snapshots.yaml"
ends 0 none some "snapshot list of a configuration"
holds "its directory is named" grep -q "$work/empty" "$err"
call snapshot list "$work/broken.yaml"
ends 78 none some "snapshot list of a broken configuration"
call snapshot verify "$work/empty"
ends 1 none some "snapshot verify of an empty directory"
call snapshot verify "$work/no.snapshot"
ends 65 some none "snapshot verify of what is none"
call snapshot show "$work/no.snapshot"
ends 65 none some "snapshot show of what is none"
call snapshot show "$work/missing"
ends 74 none some "snapshot show of a missing file"
call snapshot sohw "$work/missing"
ends 64 none some "snapshot sohw"

echo "--help"
call --help
ends 0 some none "--help"
for command in replay run feed simulate demo check snapshot; do
    call "$command" --help
    ends 0 some none "$command --help"
    cp "$out" "$work/help"
    call help "$command"
    ends 0 some none "help $command"
    holds "help $command is $command --help" cmp -s "$out" "$work/help"
done
call --help
cp "$out" "$work/help"
for word in --help -h help; do
    call help "$word"
    ends 0 some none "help $word"
    holds "help $word is --help" cmp -s "$out" "$work/help"
done

echo "standard output that cannot be written"
full() { # full ARGUMENT...
    code=0
    : >"$out"
    "$rollcall" "$@" >/dev/full 2>"$err" || code=$?
    ends 74 none some "$* >/dev/full"
}
full --version
full --help
full help
for command in replay run feed simulate demo check snapshot; do
    full "$command" --help
    full help "$command"
done
full check "$shipped"
full check --json "$shipped"
full replay --quiet "$config" "$work/good"
full simulate --clients 1 --contacts 10

echo "check and replay agree on the shipped configuration, whole and changed"
agree() { # agree CODE TEXT [SED]
    local checked bad=0
    sed "${3:-}" "$shipped" >"$work/changed.yaml"
    if [ $# -gt 2 ] && cmp -s "$shipped" "$work/changed.yaml"; then
        verdict "$2: the change changes nothing" 1
        return
    fi
    call check --quiet "$work/changed.yaml"
    checked=$code
    call replay --quiet "$work/changed.yaml" "$work/good"
    [ "$checked" = "$1" ] && [ "$code" = "$1" ] || bad=1
    verdict "$2: check $checked, replay $code ($1 expected)" "$bad"
}
agree 0 "as shipped"
agree 0 "tasks: 8" 's/^tasks: 64/tasks: 8/'
agree 0 "at_least_once" 's/delivery: exactly_once/delivery: at_least_once/'
agree 0 "grace: 30m" 's/grace: 15m/grace: 30m/'
agree 0 "http off" 's/"127.0.0.1:9187"/off/'
agree 78 "tasks: 0" 's/^tasks: 64/tasks: 0/'
agree 78 "an unknown key" 's/^tasks:/taskz:/'
agree 78 "a key twice" 's/^tasks: 64/&\ntasks: 8/'
agree 78 "an unknown delivery" 's/delivery: exactly_once/delivery: sometimes/'
agree 78 "an unknown time zone" 's,America/New_York,America/Nowhere,'
agree 78 "an unknown calendar" 's/calendar: manila-office/calendar: nowhere/'
agree 78 "a target over 100 %" 's/target: 92%/target: 192%/'
agree 78 "short_abandon over within" 's/short_abandon: 5s/short_abandon: 25s/'
agree 78 "an alert on no window" 's/window: 15m, below/window: 17m, below/'
agree 78 "restate_for below fcr.window" 's/restate_for: {default: 8d/restate_for: {default: 1d/'
agree 78 "a port out of range" 's/:9187/:99999/'
agree 78 "a secret in clear" 's/  security: {}/  security: {sasl.password: hunter2}/'
agree 78 "a key file that is missing" \
    's,# pseudonym_key: .*,pseudonym_key: {file: no/such/key},'

echo "standard input and compressed input"
same() { # same TEXT
    ends 0 some none "$1"
    holds "$1: the same records" cmp -s "$out" "$work/expected"
}
call replay --quiet "$config" - <"$work/good"
same "- is standard input"
if command -v zstd >/dev/null; then
    zstd -q "$work/good" -o "$work/no-suffix"
    call replay --quiet "$config" "$work/no-suffix"
    same "zstd is known by its first bytes"
    call replay --quiet "$config" - <"$work/no-suffix"
    same "zstd on standard input"
    cp "$work/good" "$work/plain.zst"
    call replay --quiet "$config" "$work/plain.zst"
    same "plain text in a file named .zst"
else
    echo "  SKIPPED: compressed input, zstd is missing"
fi

echo "colours"
colour=$'\e''\[[0-9;]*m'
plain() { ! grep -q "$colour" "$out" "$err"; }
call replay --format table "$config" "$work/good"
holds "none where there is no terminal" plain
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    code=0
    NO_COLOR=1 script -qec "'$rollcall' replay '$config' '$work/good'" /dev/null \
        >"$out" 2>"$err" </dev/null || code=$?
    ends 0 some any "NO_COLOR on a terminal"
    holds "none on a terminal with NO_COLOR" plain
else
    echo "  SKIPPED: NO_COLOR on a terminal, script is missing or can open none"
fi

echo "a reader that leaves early"
leaves() { # leaves TEXT ARGUMENT...
    local text=$1 codes
    shift
    set +e
    "$rollcall" "$@" 2>"$err" | head -1 >"$out"
    codes=("${PIPESTATUS[@]}")
    set -e
    code=${codes[0]}
    ends 0 some any "$text | head -1"
}
call simulate --clients 5 --contacts 200
ends 0 some any "simulate"
cp "$out" "$work/day"
echo 'windows: {rolling: [], interval: [15m, 30m, day]}' >"$work/many.yaml"
call replay --quiet "$work/many.yaml" "$work/day"
bytes=$(wc -c <"$out")
holds "the output ($bytes bytes) does not fit into a pipe" test "$bytes" -gt 200000
leaves "simulate" simulate --clients 5 --contacts 200
leaves "replay" replay --quiet "$work/many.yaml" "$work/day"
leaves "check" check "$shipped"

if [ "$wrong" != 0 ]; then
    echo "FAILED: $wrong of $checks checks"
    exit 1
fi
echo "PASSED: $checks checks"

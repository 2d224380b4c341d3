#!/usr/bin/env bash
# What is not an event: each kind goes to the dead letters with its reason, and the good event on
# the line after it counts.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rollcall=${ROLLCALL:-$here/../../build/release/rollcall}
skip() {
    echo "SKIPPED: $*"
    exit 77
}
[ -x "$rollcall" ] || skip "no rollcall at $rollcall (ROLLCALL says where it is)"
command -v python3 >/dev/null || skip "python3 is missing"
work=$(mktemp -d "${TMPDIR:-/tmp}/rollcall-test-XXXXXX")
trap 'rm -rf "$work"' EXIT

cat >"$work/config.yaml" <<'YAML'
windows: {rolling: [], interval: [month]}
clients_only: true
clients: {acme: {timezone: UTC}}
YAML
cat >"$work/cases.py" <<'PY'
import json
import subprocess
import sys

rollcall, work = sys.argv[1:]
TIME = b'"2026-01-05T09:00:00Z"'


def event(extra=b"", type=b'"queued"', time=TIME, client=b'"acme"', contact=b'"bad"'):
    return (b'{"type":' + type + b',"time":' + time + b',"client":' + client +
            b',"queue":"q","channel":"call","contact":' + contact + extra + b"}")


def extra(value):
    return event(b',"x":' + value)


NONE = None  # no dead letter
cases = [
    ("garbage", b"garbage", "not_json"),
    ("binary garbage", bytes(b for b in range(128, 256)), "not_json"),
    ("an open brace", b"{", "not_json"),
    ("half an event", event()[:40], "not_json"),
    ("something after the event", event() + b" x", "not_json"),
    ("an array", b"[1]", "not_object"),
    ("a number", b"42", "not_object"),
    ("a string", b'"x"', "not_object"),
    ("UTF-8 cut after 1 of 2 bytes", extra(b'"\xc3"'), "not_json"),
    ("UTF-8 cut after 2 of 3 bytes", extra(b'"\xe2\x82"'), "not_json"),
    ("UTF-8 cut after 3 of 4 bytes", extra(b'"\xf0\x9f\x98"'), "not_json"),
    ("a surrogate in UTF-8", extra(b'"\xed\xa0\x80"'), "not_json"),
    ("half a surrogate pair", extra(b'"\\ud800"'), "not_json"),
    ("a line of 10 MB", extra(b'"' + b"a" * 10_000_000 + b'"'), "too_large"),
    ("10 MB that are not JSON", b"a" * 10_000_000, "too_large"),
    ("20 MB that are not JSON", b"a" * 20_000_000, "too_large"),
    ("5,000 arrays in each other", b"[" * 5000 + b"]" * 5000, "not_json"),
    ("an event with 5,000 arrays", extra(b"[" * 5000 + b"]" * 5000), "not_json"),
    ("a key twice", event(b',"queue":"z"'), "invalid:queue"),
    ("a key twice, deeper", extra(b'{"k":1,"k":2}'), "invalid:k"),
    ("score over 10^6", event(b',"score":1000001', b'"rated"'), "invalid:score"),
    ("score 1e400", event(b',"score":1e400', b'"rated"'), "invalid:score"),
    ("no score", event(b"", b'"rated"'), "missing:score"),
    ("duration -1", event(b',"duration_ms":-1', b'"worked"'), "invalid:duration_ms"),
    ("duration over 31 days", event(b',"duration_ms":2678400001', b'"worked"'),
     "invalid:duration_ms"),
    ("duration beyond 64 bits", event(b',"duration_ms":99999999999999999999', b'"worked"'),
     "invalid:duration_ms"),
    ("defects -1", event(b',"defects":-1', b'"reviewed"'), "invalid:defects"),
    ("NUL between tokens", event(b"\0"), "not_json"),
    ("NUL in a string", extra(b'"\0"'), "not_json"),
    ("NUL alone", b"\0\0\0", "not_json"),
    ("NUL, escaped, in a name", event(contact=b'"b\\u0000"'), "invalid:contact"),
    ("time 2100", event(time=b'"2100-01-01T00:00:00Z"'), "invalid:time"),
    ("time 1989", event(time=b'"1989-12-31T23:59:59Z"'), "invalid:time"),
    ("time beyond 64 bits", event(time=b"99999999999999999999"), "invalid:time"),
    ("time -1", event(time=b"-1"), "invalid:time"),
    ("time not an integer", event(time=b"1e12"), "invalid:time"),
    ("time that is no date", event(time=b'"2026-02-30T00:00:00Z"'), "invalid:time"),
    ("type not a string", event(type=b"7"), "invalid:type"),
    ("no type", event().replace(b'"type":"queued",', b""), "missing:type"),
    ("contact too long", event(contact=b'"' + b"c" * 129 + b'"'), "invalid:contact"),
    ("a client that is not named", event(client=b'"nobody"'), "unknown_client"),
    ("an unknown type", event(type=b'"danced"'), NONE),
    ("a reserved type", event(type=b'"agent_ready"'), NONE),
    ("an empty line", b"", NONE),
    ("blanks", b"   ", NONE),
]
unknown, blank = 2, 2

with open(f"{work}/events", "wb") as file:
    for number, (_, line, _) in enumerate(cases):
        file.write(line + b"\n" + event(contact=b'"good-%d"' % number) + b"\n")
    file.write(event()[:50])  # and no end of line
command = [rollcall, "replay", "--json", "--out", f"{work}/out", f"{work}/config.yaml",
           f"{work}/events"]
done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
wrong = 0


def check(text, got, expected):
    global wrong
    right = got == expected
    wrong += not right
    print(f"  {'right' if right else 'WRONG'}: {text}: {got}"
          + ("" if right else f", {expected} expected"))


check("exit code", done.returncode, 0)
if wrong:
    sys.exit(f"replay: {done.stderr.decode(errors='replace')[-2000:]}")
letters = {}
for text in open(f"{work}/out/dead_letter.ndjson", encoding="utf-8"):
    letter = json.loads(text)
    letters.setdefault(letter["line"], []).append(letter)
for number, (text, line, reason) in enumerate(cases):
    here = letters.pop(2 * number + 1, [])
    check(text, [letter["reason"] for letter in here], [reason] if reason else [])
    if here:
        kept, expected = here[0].get("value"), line[:16_000_000].decode("utf-8", "replace")
        if kept != expected:
            check(text + ", the value kept", f"{len(kept)} characters, {kept[:80]}",
                  f"{len(expected)} characters, {expected[:80]}")
check("a last line without an end", [letter["reason"] for letter in
      letters.pop(2 * len(cases) + 1, [])], ["not_json"])
check("lines refused beyond these", sorted(letters), [])

metrics = [json.loads(text) for text in open(f"{work}/out/metrics.ndjson")]
check("clients in the figures", sorted({record["client"] for record in metrics}), ["acme"])
last = [record for record in metrics if record["queue"] == "*"][-1]
check("good events that count", last["offered"], len(cases))
summary = json.loads(done.stderr)
check("unknown types counted", summary["unknown_type"], unknown)
check("blank lines counted", summary["blank"], blank)
if wrong:
    sys.exit(f"{wrong} checks are wrong")
print(f"PASSED: {len(cases)} kinds of bad input, {len(cases)} good events after them")
PY
echo "bad lines, a good event after each"
python3 "$work/cases.py" "$rollcall" "$work" || {
    echo "FAILED: bad input is not answered as it should be"
    exit 1
}

#!/usr/bin/env python3
"""Compares the last record of every key of two recordings of rollcall.metrics, .slas or .contacts;
of the first two only those of intervals.

    tests/system/compare.py LEFT.ndjson RIGHT.ndjson [--revisions | --repeats] [--before=MS]
    tests/system/compare.py --added LEFT.ndjson RIGHT.ndjson

Each line is one record, the last of a key counts. All fields must be equal but those that may tell
of arrival (SPEC section 8: revision, status, as_of_ms, oldest_wait_ms). A record that is zero on
one side need not be on the other: what stood there for a moment was seen by one of them alone.
--revisions: also checks
that on the right the revisions of every key count from 1 without a gap, over all its records.
--repeats: the same, but records may come again, as without transactions.
--before=MS: only intervals that start before that instant: where time went on with the wall
clock while there was nothing to read, later ones are there on the right alone.
--added: instead prints what RIGHT, a later recording of the same topic, has more than LEFT, and
what it changes. Exit code 1 if anything differs; the last line says how much was compared.
"""
import json
import sys

ARRIVAL = ("revision", "status", "as_of_ms", "oldest_wait_ms")
KEY = ("client", "queue", "channel", "window", "clock", "start_ms")  # metrics have no clock
KEY_OF_CONTACT = ("client", "contact")


def records(path):
    """Key and record of every line."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                continue
            record = json.loads(line)
            if "contact" in record:
                yield tuple(record[name] for name in KEY_OF_CONTACT), record
                continue
            key = tuple(record[name] for name in KEY if name in record and name != "start_ms")
            if record["kind"] == "interval":
                key += (record["start_ms"],)
            yield key, record


def read(path, revisions, repeats=False):
    last, highest, faults = {}, {}, 0
    for key, record in records(path):
        expected = highest.get(key, 0) + 1
        again = repeats and 0 < record["revision"] < expected
        highest[key] = max(highest.get(key, 0), record["revision"])
        if revisions and record["revision"] != expected and not again:
            faults += 1
            if faults <= 5:
                print(f"{path}: {key}: revision {record['revision']}, expected {expected}")
        last[key] = record
    return {key: r for key, r in last.items() if r.get("kind", "interval") == "interval"}, faults


def is_zero(record):
    """Nothing in it but its key, its contract and targets."""
    lead = list(record).index("contract") + 1
    return not any(value for name, value in list(record.items())[lead:]
                   if name not in ARRIVAL + ("clock", "measure") and "_target_" not in name)


def differences(left, right):
    for key in sorted(left.keys() | right.keys(), key=str):
        a, b = left.get(key), right.get(key)
        if a is None or b is None:
            if is_zero(a or b):
                continue
            yield key, "only on the " + ("right" if a is None else "left")
            continue
        fields = [name for name in a.keys() | b.keys()
                  if name not in ARRIVAL and a.get(name) != b.get(name)]
        if fields:
            yield key, ", ".join(f"{n}: {a.get(n)} / {b.get(n)}" for n in sorted(fields))


def added(left, right):
    """What RIGHT has more, each with the fields in which it differs from the one before."""
    last = {}
    for key, record in records(left):
        last[key] = record
    found = 0
    for key, record in records(right):
        before = last.get(key)
        if before and record["revision"] <= before["revision"]:
            continue
        last[key] = record
        found += 1
        what = ", ".join(f"{name}: {(before or {}).get(name)} -> {record[name]}"
                         for name in record if (before or {}).get(name) != record[name])
        print(key, what)
    return found


def main():
    paths = [a for a in sys.argv[1:] if not a.startswith("--")]
    if len(paths) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    if "--added" in sys.argv:
        return 1 if added(*paths) else 0
    left, _ = read(paths[0], False)
    repeats = "--repeats" in sys.argv
    right, faults = read(paths[1], repeats or "--revisions" in sys.argv, repeats)
    for option in sys.argv[1:]:
        if option.startswith("--before="):
            before = int(option.partition("=")[2])
            left, right = ({k: r for k, r in side.items() if r.get("start_ms", 0) < before}
                           for side in (left, right))
    found = list(differences(left, right))
    for key, what in found[:10]:
        print(key, what)
    print(f"{len(left)} keys on the left, {len(right)} on the right, {len(found)} differ, "
          f"{faults} wrong revisions")
    return 1 if found or faults or not left else 0


if __name__ == "__main__":
    sys.exit(main())

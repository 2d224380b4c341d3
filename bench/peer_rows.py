"""Rows of the peers' job, their totals, and a digest of them, from what was published.

peer_rows.py rollcall <NDJSON of rollcall.metrics     peer_rows.py peer <KEY,VALUE of a peer's topic

A row is a client's queue in a window that is not all zeros: offered, answered, abandoned, answered
after at most 20 s, waits, and handling without after-contact work; m: of a minute, s: of 15
minutes, every 10 s, by the window's start. Rollcall has records of calls and of chats, and none
where nothing changed: both are put together here, each as it was until the next one. Prints lines
that are the same for the same rows."""

import hashlib
import json
import sys

WINDOWS = {"1m": (60000, 60000, "m"), "15m": (900000, 10000, "s")}
FIELDS = ("offered", "answered", "abandoned", "wait_le_20s", "wait_ms_sum")


def read_rollcall(lines):
    series = {}
    for line in lines:
        record = json.loads(line)
        if record["queue"] == "*":
            continue
        key = record["client"], record["queue"], record["window"], record["channel"]
        values = [record[field] for field in FIELDS]
        values.append(record["talk_ms_sum"] + record["hold_ms_sum"])
        series.setdefault(key, {})[record["end_ms"]] = values
    rows = {}
    for (client, queue, window, _), records in series.items():
        length, every, letter = WINDOWS[window]
        ends = sorted(records)
        for end, upto in zip(ends, ends[1:] + [ends[-1] + every]):
            for at in range(end, upto, every):
                row = rows.setdefault(f"{client}/{queue}|{letter}|{at - length}", [0] * 6)
                for i, value in enumerate(records[end]):
                    row[i] += value
    return rows


def read_peer(lines):
    rows = {}
    for line in lines:
        key, values = line.rstrip("\n").split(",", 1)
        rows[key] = [int(value) for value in values.split(",")]
    return rows


def main():
    read = {"rollcall": read_rollcall, "peer": read_peer}[sys.argv[1]]
    rows = read(sys.stdin)
    for letter in "ms":
        some = sorted((key, ",".join(map(str, values))) for key, values in rows.items()
                      if key.split("|")[1] == letter and any(values))
        totals = [sum(values[i] for key, values in rows.items() if key.split("|")[1] == letter)
                  for i in range(6)]
        digest = hashlib.md5("\n".join(f"{key} {text}" for key, text in some).encode())
        print(letter, len(some), "rows, totals", *totals, digest.hexdigest())


main()

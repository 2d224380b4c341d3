"""Audits what sink_probe left: audit_epochs.py BROKERS RECORDS [EPOCHS].

Every record of every epoch is there exactly once, in its order, with a timestamp that does not go
back within its key; no epoch is there in part; dead letters once; the progress has every epoch once
and agrees with the rest. Prints the last epoch.
"""
import collections
import json
import subprocess
import sys


def dump(topic, form, *options):
    command = ["kcat", "-b", brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-X",
               "isolation.level=read_committed", "-X", "fetch.wait.max.ms=5", "-f", form, *options]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return done.stdout.decode().splitlines()


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


brokers, records = sys.argv[1], int(sys.argv[2])
progress = [json.loads(line) for line in dump("rollcall.progress", "%s\n", "-p", "0")]
epochs = [record["epoch"] for record in progress if not record["restated"]]
last = len(epochs)
check(epochs == list(range(1, last + 1)), f"epochs in the progress: {epochs}")
of_key, stamps = collections.defaultdict(list), {}
for line in dump("rollcall.metrics", "%T|%s\n"):
    stamp, text = line.split("|", 1)
    record = json.loads(text)
    of_key[record["queue"]].append(record["revision"])
    check(int(stamp) >= stamps.get(record["queue"], 0), f"{record['queue']}: timestamps go back")
    stamps[record["queue"]] = int(stamp)
check(len(of_key) == (records if last else 0), f"{len(of_key)} keys")
for queue, revisions in sorted(of_key.items()):
    check(revisions == list(range(1, last + 1)), f"{queue}: revisions {revisions} of {last}")
dead = sorted(int(line.split("rollcall.offset=")[1].split(",")[0])
              for line in dump("rollcall.dead_letter", "%h\n"))
check(dead == [2 * epoch for epoch in range(10, last + 1, 10)], f"dead letters of {dead}")
for record in progress:
    counts = {output["topic"]: output["count"] for output in record["outputs"]}
    check(counts.get("rollcall.metrics") == records, f"epoch {record['epoch']}: {counts}")
if len(sys.argv) > 3:
    check(last == int(sys.argv[3]), f"{last} epochs instead of {sys.argv[3]}")
print(last)

#!/usr/bin/env python3
"""Whether the auditor finds what it is there to find: makes a recording of topics as a sound run
leaves them, which must pass, then damages it in one place after the other, each of which must be
found by the check that is named. Needs no Kafka.

    tests/system/auditor_self.py --rollcall PATH [--seed N] [--keep DIR]
"""
import argparse
import bisect
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import auditor
import kafka_dump
import output_hash
from kafka_dump import Record

HERE = os.path.dirname(os.path.abspath(__file__))
PARTITIONS = 4
EPOCHS = 40
GROUP = "rollcall-self"
TOPICS = {"contact.calls": "call", "contact.chats": "chat", "contact.rest": "any"}
TICK_MS = 1705708800000  # 2024-01-20T00:00:00Z
NOW_MS = TICK_MS - 1000
WALL_MS = 1800000000000


def hash_of(text):
    found = 2166136261
    for byte in text:
        found = (found ^ byte) * 16777619 & 0xffffffff
    return found


class Sound:
    """What a run without a mistake leaves: topic -> records, and the offsets."""

    def __init__(self, rollcall, folder, seed):
        self.rollcall, self.folder = rollcall, folder
        self.topics, self.ends = {}, {}
        self.random = random.Random(seed)
        self.simulate(seed)
        self.input()
        self.publish()
        self.write_state()

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        subprocess.run([self.rollcall, *arguments], check=True)

    def simulate(self, seed):
        self.run("simulate", "--quiet", "--from", "2024-01-08", "--disorder", "800ms", "--late",
                 "0.5%", "--duplicates", "1%", "--damaged", "1%", "--clients", "3", "--contacts",
                 "15", "--ticket-share", "15%", "--seed", str(seed), "--out", self.path("events"),
                 "--config", self.path("simulated.yaml"))
        with open(self.path("key"), "w", encoding="utf-8") as key:
            key.write("c2VsZi10ZXN0IG9mIHRoZSBhdWRpdG9y\n")
        os.chmod(self.path("key"), 0o600)
        with open(self.path("simulated.yaml"), encoding="utf-8") as simulated:
            rest = simulated.read()
        with open(self.path("config.yaml"), "w", encoding="utf-8") as config:
            config.write(f"kafka:\n  brokers: 127.0.0.1:1\n  group: {GROUP}\n  topics: {{"
                         + ", ".join(f"{name}: {channel}" for name, channel in TOPICS.items())
                         + f"}}\nprivacy: {{pseudonym_key: {{file: {self.path('key')}}}}}\n" + rest)

    def add(self, topic, partition, stamp_ms, key, value, headers=b"", gap=0):
        end = self.ends.setdefault((topic, partition), 0) + gap
        self.topics.setdefault(topic, []).append(
            Record(partition, end, stamp_ms, key, value, headers))
        self.ends[topic, partition] = end + 1

    def input(self):
        with open(self.path("events"), "rb") as lines:
            for line in lines:
                line = line.rstrip(b"\n")
                try:
                    event = json.loads(line)
                    contact = str(event.get("contact", "")).encode()
                    channel = event.get("channel")
                except (ValueError, AttributeError):
                    contact, channel = line, None
                topic = next(name for name, own in TOPICS.items() if own in (channel, "any"))
                self.add(topic, hash_of(contact) % PARTITIONS, WALL_MS, contact, line)
        for topic in TOPICS:
            for partition in range(PARTITIONS):
                self.ends.setdefault((topic, partition), 0)
                self.add(topic, partition, WALL_MS, None,
                         b'{"type":"tick","time":"2024-01-20T00:00:00Z"}')

    def replayed(self):
        """Records as (as_of_ms, topic, key, value), dead letters as (place, reason, value)."""
        paths = []
        for topic in sorted(TOPICS):
            for partition in range(PARTITIONS):
                paths.append(self.path(f"{topic}-{partition}.ndjson"))
                with open(paths[-1], "wb") as out:
                    out.writelines(r.value + b"\n" for r in self.topics[topic]
                                   if r.partition == partition and b'"tick"' not in r.value)
        self.run("replay", "--quiet", "--provisional", "--until", str(NOW_MS), "--out",
                 self.path("out"), self.path("config.yaml"), *paths)
        records, dead = [], []
        for kind in ("metrics", "slas", "contacts"):
            with open(self.path(f"out/{kind}.ndjson"), "rb") as lines:
                for line in lines:
                    record = json.loads(line)
                    records.append((record["as_of_ms"], "rollcall." + kind,
                                    auditor.key_of(record).encode(), line.rstrip(b"\n")))
        with open(self.path("out/dead_letter.ndjson"), "rb") as lines:
            for line in lines:
                said = json.loads(line.decode(errors="replace"))
                topic, _, partition = os.path.basename(said["file"])[:-7].rpartition("-")
                dead.append(((topic, int(partition), said["line"] - 1), said["reason"]))
        records.sort(key=lambda record: record[0])
        return records, dead

    def publish(self):
        records, dead = self.replayed()
        self.random.shuffle(dead)
        with open(self.path("config.yaml"), encoding="utf-8") as config:
            hashes = output_hash.Hashes(config.read(), list(TOPICS))
        nows = [record[0] for record in records]
        cuts = sorted({nows[len(nows) * i // EPOCHS] for i in range(1, EPOCHS)} | {NOW_MS})
        at = 0
        for epoch, now_ms in enumerate(cuts, 1):
            stamp_ms = WALL_MS + 250 * epoch
            end = bisect.bisect_right(nows, now_ms)
            letters = [dead.pop() for _ in range(min(len(dead), 2 if now_ms < NOW_MS else 99))]
            self.publish_epoch(stamp_ms, records[at:end], letters, hashes)
            at = end
            sums = [(topic, *hashes.of(topic, stamp)) for topic, stamp in sorted(hashes.found)
                    if stamp == stamp_ms]
            parts = [{"topic": topic, "partition": partition, "largest_ms": TICK_MS, "idle": True,
                      "next": self.ends[topic, partition] * (now_ms == NOW_MS)}
                     for topic in TOPICS for partition in range(PARTITIONS)]
            said = {"format": 1, "figures": 1, "group": GROUP, "epoch": epoch, "now_ms": now_ms,
                    "published_ms": stamp_ms, "rebuilt": False, "restated": False, "parts": parts,
                    "outputs": [{"topic": topic, "count": count, "hash": f"{found:016x}"}
                                for topic, count, found in sums]}
            self.add("rollcall.progress", 0, stamp_ms, None, json.dumps(said).encode(),
                     gap=epoch > 1)

    def publish_epoch(self, stamp_ms, records, letters, hashes):
        seen = set()

        def put(topic, partition, *rest):
            # The end of the transaction before takes an offset.
            gap = (topic, partition) not in seen and (topic, partition) in self.ends
            seen.add((topic, partition))
            self.add(topic, partition, stamp_ms, *rest, gap=int(gap))
            hashes.add(topic, self.topics[topic][-1])

        for _, topic, key, value in records:
            put(topic, hash_of(key) % PARTITIONS, key, value)
        for (topic, partition, offset), reason in letters:
            value = next(r.value for r in self.topics[topic]
                         if r.partition == partition and r.offset == offset)
            headers = (f"rollcall.reason={reason},rollcall.topic={topic},"
                       f"rollcall.partition={partition},rollcall.offset={offset}").encode()
            put("rollcall.dead_letter", hash_of(value) % PARTITIONS, None, value, headers)

    def write_state(self):
        offsets, group = {}, {}
        for (topic, partition), end in self.ends.items():
            if topic.startswith("rollcall."):
                end += 1
            else:
                group.setdefault(topic, {})[str(partition)] = end
            offsets.setdefault(topic, {})[str(partition)] = [0, end, end]
        self.state = {"offsets": offsets, "group": group}


# ---- damages: each changes the topics (topic -> list of records) or the state ----

def pick(sound, topics, topic, wanted=lambda record: True):
    found = [at for at, record in enumerate(topics[topic]) if wanted(record)]
    return sound.random.choice(found)


def last_of_keys(topics, topic, wanted):
    last = {record.key: at for at, record in enumerate(topics[topic]) if wanted(record)}
    return list(last.values())


def is_interval(record):
    return record.value and b'"kind":"interval"' in record.value


def add_to(value, name):
    """The number of that name, one more."""
    said = json.loads(value)
    said[name] += 1
    return json.dumps(said, separators=(",", ":")).encode()


def figure_changed(sound, topics, state):
    at = sound.random.choice(last_of_keys(topics, "rollcall.metrics", lambda r: is_interval(r)
                                          and b'"offered"' in r.value))
    record = topics["rollcall.metrics"][at]
    topics["rollcall.metrics"][at] = record._replace(value=add_to(record.value, "offered"))


def contact_changed(sound, topics, state):
    at = sound.random.choice(last_of_keys(topics, "rollcall.contacts",
                                          lambda r: b'"wait_ms"' in r.value))
    record = topics["rollcall.contacts"][at]
    topics["rollcall.contacts"][at] = record._replace(value=add_to(record.value, "wait_ms"))


def clock_changed(sound, topics, state):
    at = sound.random.choice(last_of_keys(topics, "rollcall.slas", is_interval))
    record = topics["rollcall.slas"][at]
    topics["rollcall.slas"][at] = record._replace(value=add_to(record.value, "sla_of"))


def passing_figure_changed(sound, topics, state):
    """Of a record that another one of its key follows: no check of final values sees it."""
    records = topics["rollcall.metrics"]
    last = set(last_of_keys(topics, "rollcall.metrics", lambda r: True))
    at = sound.random.choice([at for at, r in enumerate(records)
                              if at not in last and b'"offered"' in r.value])
    records[at] = records[at]._replace(value=add_to(records[at].value, "offered"))


def letter_changed(sound, topics, state):
    """What the dead letter says it was is not what came."""
    at = pick(sound, topics, "rollcall.dead_letter")
    record = topics["rollcall.dead_letter"][at]
    topics["rollcall.dead_letter"][at] = record._replace(value=record.value + b" ")


def without_key(sound, topics, state):
    """All records of an interval key that is not zero are gone."""
    records = topics["rollcall.slas"]
    key = records[pick(sound, topics, "rollcall.slas", is_interval)].key
    topics["rollcall.slas"] = [record for record in records if record.key != key]


def record_lost(sound, topics, state):
    """One in the middle of its key's."""
    records = topics["rollcall.metrics"]
    last = set(last_of_keys(topics, "rollcall.metrics", lambda r: True))
    del records[sound.random.choice([at for at in range(len(records)) if at not in last])]


def record_doubled(sound, topics, state):
    at = pick(sound, topics, "rollcall.metrics")
    record = topics["rollcall.metrics"][at]
    end = max(r.offset for r in topics["rollcall.metrics"] if r.partition == record.partition)
    topics["rollcall.metrics"].append(record._replace(
        offset=end + 1, timestamp_ms=topics["rollcall.metrics"][-1].timestamp_ms))


def revision_skipped(sound, topics, state):
    at = pick(sound, topics, "rollcall.contacts")
    record = topics["rollcall.contacts"][at]
    topics["rollcall.contacts"][at] = record._replace(value=add_to(record.value, "revision"))


def revision_after_tombstone(sound, topics, state):
    """A record becomes a tombstone: what comes after it must begin at 1."""
    records = topics["rollcall.metrics"]
    last = set(last_of_keys(topics, "rollcall.metrics", lambda r: True))
    at = sound.random.choice([at for at in range(len(records)) if at not in last])
    records[at] = records[at]._replace(value=None)


def timestamp_back(sound, topics, state):
    records = topics["rollcall.contacts"]
    again = [at for at, record in enumerate(records)
             if any(r.key == record.key for r in records[:at])][:200]
    at = sound.random.choice(again)
    records[at] = records[at]._replace(timestamp_ms=WALL_MS)


def key_elsewhere(sound, topics, state):
    records = topics["rollcall.metrics"]
    last = max(at for at, record in enumerate(records) if record.partition == 0)
    moved = records[last]._replace(partition=1)
    moved = moved._replace(offset=max(r.offset for r in records if r.partition == 1) + 1)
    records[last] = moved


def key_of_another(sound, topics, state):
    records = topics["rollcall.contacts"]
    at = pick(sound, topics, "rollcall.contacts", lambda r: b'"revision":1,' in r.value)
    records[at] = records[at]._replace(key=b"nobody|c-0")


def dead_doubled(sound, topics, state):
    record = topics["rollcall.dead_letter"][0]
    topics["rollcall.dead_letter"].append(record._replace(
        offset=1000, timestamp_ms=topics["rollcall.dead_letter"][-1].timestamp_ms))


def dead_lost(sound, topics, state):
    del topics["rollcall.dead_letter"][pick(sound, topics, "rollcall.dead_letter")]


def dead_by_mistake(sound, topics, state):
    """A sound event among them."""
    record = topics["rollcall.dead_letter"][0]
    headers = b"rollcall.reason=expired,rollcall.topic=contact.calls,rollcall.partition=0," \
              b"rollcall.offset=3"
    topics["rollcall.dead_letter"][0] = record._replace(headers=headers)


def dead_reason(sound, topics, state):
    record = topics["rollcall.dead_letter"][0]
    topics["rollcall.dead_letter"][0] = record._replace(
        headers=record.headers.replace(b"reason=", b"reason=invalid:"))


def change_progress(topics, at, change):
    record = topics["rollcall.progress"][at]
    said = json.loads(record.value)
    change(said)
    topics["rollcall.progress"][at] = record._replace(value=json.dumps(said).encode())


def epoch_lost(sound, topics, state):
    """With all that came in it but its records: as if two had been one."""
    del topics["rollcall.progress"][7]


def epoch_doubled(sound, topics, state):
    change_progress(topics, 8, lambda said: said.update(epoch=8))


def epoch_malformed(sound, topics, state):
    change_progress(topics, 8, lambda said: said.pop("outputs"))


def progress_behind(sound, topics, state):
    change_progress(topics, -1, lambda said: said["parts"][0].update(
        next=said["parts"][0]["next"] - 1))


def epoch_torn(sound, topics, state):
    """An epoch says that it had a record more."""
    change_progress(topics, 5, lambda said: said["outputs"][0].update(
        count=said["outputs"][0]["count"] + 1))


def half_an_epoch(sound, topics, state):
    """The last epoch's records stand there, its progress record does not."""
    del topics["rollcall.progress"][-1]


def offsets_behind(sound, topics, state):
    parts = state["group"]["contact.calls"]
    parts["1"] -= 1


def offsets_missing(sound, topics, state):
    del state["group"]["contact.chats"]


def transaction_open(sound, topics, state):
    state["offsets"]["rollcall.metrics"]["2"][2] += 5


DAMAGES = [
    ("equal", figure_changed), ("equal", contact_changed), ("equal", clock_changed),
    ("equal", without_key), ("revisions", record_lost), ("revisions", record_doubled),
    ("revisions", revision_skipped), ("revisions", revision_after_tombstone),
    ("times", timestamp_back), ("keys", key_elsewhere), ("keys", key_of_another),
    ("dead", dead_doubled), ("dead", dead_lost), ("dead", dead_by_mistake), ("dead", dead_reason),
    ("epochs", epoch_lost), ("epochs", epoch_doubled), ("epochs", epoch_malformed),
    ("epochs", progress_behind), ("whole", epoch_torn), ("whole", record_lost),
    ("whole", half_an_epoch), ("whole", record_doubled), ("input", offsets_behind),
    ("input", offsets_missing), ("open", transaction_open), ("hashes", figure_changed),
    ("hashes", passing_figure_changed), ("hashes", letter_changed)]


def audit(sound, topics, state, folder):
    """The verdict of each check, and the whole report."""
    os.makedirs(folder)
    for topic, records in topics.items():
        with open(os.path.join(folder, topic + ".dump"), "wb") as out:
            for record in records:
                kafka_dump.write(out, record)
    with open(os.path.join(folder, "state.json"), "w", encoding="utf-8") as out:
        json.dump(state, out)
    done = subprocess.run([sys.executable, os.path.join(HERE, "auditor.py"), "--rollcall",
                           sound.rollcall, "--recorded", folder, sound.path("config.yaml")],
                          capture_output=True, text=True, check=False)
    shutil.rmtree(folder)
    verdicts = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if words and words[0] in auditor.CHECKS:
            verdicts[words[0]] = words[1]
    return done.returncode, verdicts, done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--rollcall", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep")
    options = parser.parse_args()
    folder = options.keep or tempfile.mkdtemp(prefix="rollcall-audit-self-")
    os.makedirs(folder, exist_ok=True)
    failed = 0
    try:
        sound = Sound(options.rollcall, folder, options.seed)
        records = {topic: len(found) for topic, found in sound.topics.items()}
        print(f"seed {options.seed}: {records}")
        code, verdicts, report = audit(sound, sound.topics, sound.state, sound.path("sound"))
        print(report, end="")
        if code != 0 or any(verdict != "ok" for verdict in verdicts.values()):
            print("FAILED: a sound recording does not pass")
            return 1
        for check, damage in DAMAGES:
            topics = {topic: list(records) for topic, records in sound.topics.items()}
            state = json.loads(json.dumps(sound.state))
            damage(sound, topics, state)
            code, verdicts, report = audit(sound, topics, state, sound.path("damaged"))
            found = code == 1 and verdicts.get(check, "ok") != "ok"
            others = sorted(name for name, said in verdicts.items()
                            if said != "ok" and name != check)
            print(f"{damage.__name__:26} {'found' if found else 'NOT FOUND'} by {check}"
                  + (f", also by {', '.join(others)}" if others else ""))
            if not found:
                failed += 1
                print(report)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(DAMAGES)} damages, {failed} not found")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

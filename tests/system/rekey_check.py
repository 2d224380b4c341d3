#!/usr/bin/env python3
"""Whether topics that `rollcall rekey` made hold what the input topics hold.

    tests/system/rekey_check.py --brokers LIST [--suffix .by-client] [--disorder MS] TOPIC...

Of every TOPIC and TOPIC.by-client, as read_committed shows them:

- each record stands there as often as in the input, with its value, time stamp and headers; a tick
  stands in every partition that often;
- its partition is Kafka's own for its client, who is its key; a record that names none goes by its
  value, and keeps its key;
- the records of one input partition that went to the same partition stand in their order;
- with --disorder: no more records are older than their partition's newest less MS than were so in
  the input.

The last line says how much was compared; exit code 1 if anything differs.
"""
import argparse
import collections
import datetime
import json
import sys

import kafka_dump

CLIENT_MAX = 64


class Broken(ValueError):
    """What is no event."""


def murmur2(data):
    """Kafka's hash of a key, from its definition (MurmurHash2 of 32 bits, seed 0x9747b28c)."""
    mask, m = 0xffffffff, 0x5bd1e995
    h = 0x9747b28c ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at:at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def unique(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise Broken("a key stands twice")
    return dict(pairs)


def read_event(value):
    """The event as an object; None: it is none."""
    try:
        found = json.loads((value or b"").decode(), object_pairs_hook=unique)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def client_of(found):
    name = found.get("client") if found else None
    if not isinstance(name, str) or not 0 < len(name.encode()) <= CLIENT_MAX:
        return None
    return None if any(ord(c) < 0x20 or ord(c) == 0x7f for c in name) else name.encode()


def same(record):
    return record.value, record.timestamp_ms, record.headers


def time_of(found):
    """In milliseconds; None: it has none that could be one."""
    at = found.get("time") if found else None
    try:
        return round(datetime.datetime.fromisoformat(at).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def late(records, disorder_ms):
    """How many records of a partition are older than the newest before them less so much."""
    count, newest = 0, 0
    for record in records:
        found = read_event(record.value)
        at = time_of(found)
        # of what `simulate` damages; it moves no time
        valid = client_of(found) and "contact" in found and "fax" not in found.get("channel", "")
        if at is not None and valid:
            count += at < newest - disorder_ms
            newest = max(newest, at)
    return count


class Topic:
    """One topic before and after."""

    def __init__(self, name, before, after, partitions):
        self.name, self.partitions = name, partitions
        self.before, self.after = self.by_partition(before), self.by_partition(after)
        self.problems = []

    @staticmethod
    def by_partition(records):
        found = collections.defaultdict(list)
        for record in records:
            found[record.partition].append(record)
        return found

    def problem(self, text):
        self.problems.append(f"{self.name}: {text}")

    def expected(self, record):
        """(partition, key) of its copies."""
        found = read_event(record.value)
        if found and found.get("type") == "tick":
            return [(partition, record.key) for partition in range(self.partitions)]
        client = client_of(found)
        key = client if client else record.key
        return [((murmur2(client or record.value or b"") & 0x7fffffff) % self.partitions, key)]

    def check(self):
        wanted = collections.defaultdict(list)  # (partition, key, what) -> where it stands
        for number, records in self.before.items():
            for record in records:
                for partition, key in self.expected(record):
                    wanted[partition, key, same(record)].append((number, record.offset))
        # Equal ones of several partitions (ticks): which of them this is nobody can tell.
        alike = {what for what, places in wanted.items() if len({n for n, _ in places}) > 1}
        for places in wanted.values():
            places.reverse()
        for partition, records in self.after.items():
            reached = {}
            for record in records:
                places = wanted.get((partition, record.key, same(record)))
                if not places:
                    self.problem(f"{partition}/{record.offset}: doubled, changed or misplaced: "
                                 f"{record.key!r} {(record.value or b'')[:120]!r}")
                    continue
                number, offset = places.pop()
                if (partition, record.key, same(record)) in alike:
                    continue
                if offset < reached.get(number, -1):
                    self.problem(f"{partition}/{record.offset}: {number}/{offset} stands behind "
                                 f"{number}/{reached[number]}")
                reached[number] = max(offset, reached.get(number, -1))
        for (partition, _, what), places in wanted.items():
            for number, offset in places:
                self.problem(f"{number}/{offset} is not in {partition}: {(what[0] or b'')[:120]!r}")

    def check_disorder(self, disorder_ms):
        before = sum(late(records, disorder_ms) for records in self.before.values())
        after = sum(late(records, disorder_ms) for records in self.after.values())
        print(f"{self.name}: older than {disorder_ms} ms before the newest: {before} of the "
              f"input, {after} of the copies")
        if after > before:
            self.problem("time is out of order")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--suffix", default=".by-client")
    parser.add_argument("--disorder", type=int)
    parser.add_argument("topics", nargs="+")
    given = parser.parse_args()
    cluster = kafka_dump.Cluster(given.brokers, None)
    partitions = cluster.topics()
    compared, problems = 0, []
    for name in given.topics:
        copy = name + given.suffix
        topic = Topic(name, cluster.records(name), cluster.records(copy), partitions[copy])
        topic.check()
        if given.disorder is not None:
            topic.check_disorder(given.disorder)
        compared += sum(map(len, topic.before.values()))
        problems += topic.problems
    for problem in problems[:20]:
        print(problem)
    print(f"{compared} records compared, {len(problems)} problems")
    return 1 if problems or not compared else 0


if __name__ == "__main__":
    sys.exit(main())

"""What stands in Kafka's topics, for tests: read with kcat, or from files that --save wrote.

A dump is a stream of records: a line `partition offset timestamp key_size value_size` (sizes -1:
null), then the bytes of key and value, `name=value,...` of the headers, and TERMINATOR.
"""
import json
import os
import subprocess
from typing import NamedTuple, Optional

HERE = os.path.dirname(os.path.abspath(__file__))
TERMINATOR = b"\x1e\n"
# %K and %S are -1 for a null, which prints as nothing.
FORMAT = r"%p %o %T %K %S\n%k%s\x1e\n"
FORMAT_HEADERS = r"%p %o %T %K %S\n%k%s%h\x1e\n"


class Record(NamedTuple):
    partition: int
    offset: int
    timestamp_ms: int
    key: Optional[bytes]
    value: Optional[bytes]
    headers: bytes


class Unreadable(Exception):
    """Kafka or a dump cannot be read: nothing can be said about what stands in it."""


def parse(stream, name):
    """The records of a dump; of one partition in the order of their offsets."""
    while True:
        line = stream.readline()
        if not line:
            return
        try:
            partition, offset, timestamp_ms, key_size, value_size = map(int, line.split())
        except ValueError:
            raise Unreadable(f"{name}: not the beginning of a record: {line[:80]!r}") from None
        key = stream.read(key_size) if key_size >= 0 else None
        value = stream.read(value_size) if value_size >= 0 else None
        headers = b""
        while not headers.endswith(TERMINATOR):
            more = stream.readline()
            if not more:
                raise Unreadable(f"{name}: ends in the middle of a record")
            headers += more
        yield Record(partition, offset, timestamp_ms, key, value, headers[:-len(TERMINATOR)])


def write(stream, record):
    sizes = [-1 if part is None else len(part) for part in (record.key, record.value)]
    stream.write(b"%d %d %d %d %d\n" % (record.partition, record.offset, record.timestamp_ms,
                                        *sizes))
    stream.write((record.key or b"") + (record.value or b"") + record.headers + TERMINATOR)


def headers_of(record, prefix=b"rollcall."):
    """The headers that Rollcall added; they come last, and their values hold no comma."""
    found = {}
    at = record.headers.rfind(prefix + b"reason=")
    for pair in record.headers[at:].split(b",") if at >= 0 else []:
        name, _, value = pair.partition(b"=")
        found[name[len(prefix):].decode()] = value.decode(errors="replace")
    return found


class Cluster:
    """Topics of a running Kafka."""

    def __init__(self, brokers, scratch, save=None):
        self.brokers, self.scratch, self.save = brokers, scratch, save

    def topics(self):
        """Partitions of every topic."""
        done = subprocess.run(["kcat", "-b", self.brokers, "-L", "-J", "-m", "15"],
                              capture_output=True, check=False)
        if done.returncode:
            raise Unreadable(f"kcat -L: {done.stderr.decode(errors='replace').strip()}")
        return {topic["topic"]: len(topic["partitions"])
                for topic in json.loads(done.stdout)["topics"]}

    def records(self, topic):
        """All that read_committed shows, up to the end of every partition."""
        headers = topic.endswith(".dead_letter") or not topic.startswith("rollcall.")
        command = ["kcat", "-b", self.brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-q",
                   "-X", "isolation.level=read_committed", "-X", "check.crcs=true",
                   "-X", "enable.partition.eof=true", "-X", "fetch.wait.max.ms=10",
                   "-f", FORMAT_HEADERS if headers else FORMAT]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as kcat:
            copy = None
            if self.save:
                copy = open(os.path.join(self.save, topic + ".dump"), "wb")
            for record in parse(kcat.stdout, topic):
                if copy:
                    write(copy, record)
                yield record
            if copy:
                copy.close()
            error = kcat.stderr.read().decode(errors="replace").strip()
        if kcat.returncode:
            raise Unreadable(f"{topic}: kcat ends with {kcat.returncode}: {error[-300:]}")

    def state(self, group, topics):
        """Offsets as {"offsets": {topic: {partition: [earliest, stable, high]}}, "group":
        {topic: {partition: committed}}}."""
        command = [os.path.join(HERE, "broker"), "admin", "--dir", self.scratch,
                   "--bootstrap", self.brokers, "state", group, *topics]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            error = done.stderr.decode(errors="replace").strip()
            raise Unreadable(f"broker admin state: {error[-300:]}")
        state = {"offsets": {}, "group": {}}
        for line in done.stdout.decode().splitlines():
            what, topic, partition, *numbers = line.split()
            numbers = [int(number) for number in numbers]
            part = numbers[0] if what == "group" else numbers
            state["group" if what == "group" else "offsets"].setdefault(topic, {})[partition] = part
        if self.save:
            with open(os.path.join(self.save, "state.json"), "w", encoding="utf-8") as out:
                json.dump(state, out, indent=1)
        return state


class Recording:
    """The same from files: TOPIC.dump, and state.json."""

    def __init__(self, folder):
        self.folder = folder

    def _state(self):
        with open(os.path.join(self.folder, "state.json"), encoding="utf-8") as text:
            return json.load(text)

    def topics(self):
        return {topic: len(parts) for topic, parts in self._state()["offsets"].items()}

    def records(self, topic):
        path = os.path.join(self.folder, topic + ".dump")
        if not os.path.exists(path):
            return
        with open(path, "rb") as stream:
            yield from parse(stream, path)

    def state(self, group, topics):
        del group, topics  # only one was saved
        return self._state()

"""The hashes of the progress records, made again from what readers see: for each epoch and topic,
XXH3-64 over its records in the order in which they were made, which no topic with more than one
partition shows, so they are sorted as the specification orders them."""
import collections
import ctypes
import json
import re
import struct

import kafka_dump

CHANNELS = {"call": 0, "chat": 1, "ticket": 2}
ABSENT = 0xFFFFFFFF


class Missing(Exception):
    """The library that hashes is not there."""


def load_xxh3():
    """XXH3-64 with a seed, of the library that the program is built with."""
    try:
        found = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSeed
    except (OSError, AttributeError) as error:
        raise Missing(str(error)) from None
    found.restype = ctypes.c_uint64
    found.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64)
    return found


def window_order(config_text):
    """Names of windows -> their place: the rolling ones, then the others, as they are written."""
    names = []
    for kind, name in (("rolling", r"name: *([^,}\s]+)"), ("interval", r"[^,\s]+")):
        listed = re.search(rf"^ +{kind}: *\[(.*)\]", config_text, re.M)
        names += re.findall(name, listed[1]) if listed else []
    return {name: place for place, name in enumerate(names)}


def part(text):
    return text.encode("utf-8", "surrogatepass")


def rank_of_queue(queue):
    return 2 if queue == "*" else 1 if queue.startswith("@") else 0


class Hashes:
    """Keeps all records of all epochs, by topic and timestamp."""

    def __init__(self, config_text, topics):
        self.xxh3 = load_xxh3()
        self.windows = window_order(config_text)
        self.topics = {topic: place for place, topic in enumerate(topics)}
        self.found = collections.defaultdict(list)

    def add(self, topic, record):
        self.found[topic, record.timestamp_ms].append(record)

    def place(self, record):
        """Where a figure or a contact stands among those of its topic."""
        said = json.loads(record.value)
        lead = (said["as_of_ms"], part(said["client"]))
        if "window" not in said:
            return lead + (part(said["contact"]), said["revision"])
        return lead + (rank_of_queue(said["queue"]), part(said["queue"]), CHANNELS[said["channel"]],
                       self.windows[said["window"]], said.get("start_ms", 0),
                       part(said.get("clock", "")))

    def place_of_letter(self, record):
        said = kafka_dump.headers_of(record)
        return (self.topics[said["topic"]], int(said["partition"]), int(said["offset"]),
                part(said["reason"]))

    @staticmethod
    def headers(record):
        """As they are hashed; None where they are not Rollcall's own alone, as what is printed of
        them could be read in two ways then."""
        said, packed = kafka_dump.headers_of(record), b""
        if not record.headers.startswith(b"rollcall.reason="):
            return None
        for name in ("reason", "topic", "partition", "offset"):
            value = said[name].encode()
            name = b"rollcall." + name.encode()
            packed += struct.pack("<II", len(name), len(value)) + name + value
        return packed

    def of(self, topic, stamp_ms):
        """(count, hash); hash None: the records do not tell their order."""
        records = self.found.get((topic, stamp_ms), [])
        letters = topic.endswith(".dead_letter")
        if any(r.value is None for r in records) and not letters:
            return len(records), None  # of a tombstone nobody knows as of when it is
        found = 0
        for record in sorted(records, key=self.place_of_letter if letters else self.place):
            headers = self.headers(record) if letters else b""
            if headers is None:
                return len(records), None
            sizes = [ABSENT if piece is None else len(piece)
                     for piece in (record.key, record.value)] + [len(headers)]
            packed = struct.pack("<III", *sizes)
            content = (record.key or b"") + (record.value or b"") + headers
            found = self.xxh3(packed, len(packed), found)
            found = self.xxh3(content, len(content), found)
        return len(records), found

"""The progress record of an epoch (docs/architecture.md, section 5), as the auditor reads it: made
from what the record is for, not from the code that writes it."""
import json


class Malformed(Exception):
    """Not a progress record, or one that lacks what it must say."""


class Progress:
    """What one record says; name is the reader's."""

    def __init__(self, said):
        self.name = ""
        self.group = said["group"]
        self.epoch = number(said, "epoch")
        self.now_ms = None if said["now_ms"] is None else number(said, "now_ms")
        self.published_ms = number(said, "published_ms")
        self.next_offset = {(part["topic"], number(part, "partition")): number(part, "next")
                            for part in said["parts"]}
        self.count = {part["topic"]: number(part, "count") for part in said["outputs"]}
        self.hash = {part["topic"]: int(part["hash"], 16) for part in said["outputs"]}
        # Then its records are not those of one epoch.
        self.apart = said["rebuilt"] or said["restated"]

    def count_of(self, topic):
        return self.count.get(topic, 0)


def number(said, name):
    if not isinstance(said.get(name), int):
        raise Malformed(f"{name} is {said.get(name)!r}")
    return said[name]


def parse(value):
    """A Progress; None for what is not about an epoch, e.g. a configuration."""
    try:
        said = json.loads(value or b"")
        if not isinstance(said, dict):
            raise Malformed("not an object")
        return Progress(said) if "epoch" in said else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"cannot be read: {error!r}") from None

#!/usr/bin/env python3
"""Whether the output topics hold exactly what the input says, once: recomputes it from the raw
input topics with `rollcall replay`, and reads everything that read_committed shows.

    tests/system/auditor.py --rollcall PATH --brokers LIST CONFIG
        --recorded DIR    audit a dump instead of --brokers
        --save DIR        keep what is read as such a dump
        --earlier DIR     a dump of the input topics from before retention took its beginning
        --now TIME        how far time had come, epoch ms; default: what the progress says
        --without LIST    checks that are left out, by name, comma-separated
        --group NAME, --topics NAME:CHANNEL,...   default: those of CONFIG
        --work DIR        for the input and the replay's output (default: a temporary folder)

Checks, by name:

    input      the group's committed offsets are the end of every input partition
    open       no transaction is open: readers see all that was written
    revisions  of each key from 1, each once, in the order of offsets; after a tombstone from 1
    times      a record's timestamp is never before that of the one before of its key
    keys       a key stands in one partition, and says what its record says
    dead       each refused input once, with its reason, and nothing else
    equal      the last interval record and the last contact record of each key are the replay's
               (but for what may tell of arrival, SPEC section 8)
    alerts     no alert is said twice
    epochs     the progress counts epochs from 1, each once; its offsets are the group's
    whole      of each epoch every topic has as many records as its progress record says
    hashes     and the hash of them, made again, is the one that it says

Where the configuration says `delivery: at_least_once`, a record may be there again: revisions,
dead letters and alerts may come twice, but none may be missing.

The last line is "audit: N checks, M faults". Exit code 0 without faults, 1 with, 2 if nothing can
be said. Memory grows with the number of records (--without hashes: of keys).
"""
import argparse
import collections
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import compare
import kafka_dump
import output_hash
import progress_record

CHECKS = ("input", "open", "revisions", "times", "keys", "dead", "equal", "alerts", "epochs",
          "whole", "hashes")
SHOWN = 5  # faults of a check that are printed
REVISION = re.compile(rb'"revision":(\d+)')
AS_OF = re.compile(rb'"as_of_ms":(\d+)')
NEVER = -1 << 63
# What replay cannot know: it has no wall clock.
OF_THE_WALL_CLOCK = ("future",)


class Report:
    def __init__(self, without):
        self.without = without
        self.faults = collections.Counter()
        self.figures = collections.OrderedDict()
        self.shown = []

    def fault(self, check, text):
        if check in self.without:
            return
        self.faults[check] += 1
        if self.faults[check] <= SHOWN:
            self.shown.append((check, text))

    def figure(self, check, text):
        self.figures.setdefault(check, []).append(text)

    def show(self):
        for check in CHECKS:
            said = "; ".join(self.figures.get(check, []))
            verdict = "left out" if check in self.without else "ok"
            if self.faults[check]:
                verdict = f"{self.faults[check]} FAULTS"
            print(f"{check:10} {verdict:10} {said}".rstrip())
            for name, text in self.shown:
                if name == check:
                    print(f"    {text}")
            if self.faults[check] > SHOWN:
                print(f"    ... and {self.faults[check] - SHOWN} more")
        done = sum(check not in self.without for check in CHECKS)
        print(f"audit: {done} checks, {sum(self.faults.values())} faults")
        return 1 if self.faults else 0


def text_of(key):
    return "(none)" if key is None else key.decode(errors="backslashreplace")


def escaped(name):
    """A name inside a key (SPEC section 9)."""
    return re.sub(r"[%|\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", name)


def key_of(record):
    if "window" not in record:
        return f"{escaped(record['client'])}|{escaped(record['contact'])}"
    parts = [escaped(record["client"]), escaped(record["queue"]), record["channel"],
             escaped(record["window"])]
    if record["kind"] == "interval":
        parts.append(str(record["start_ms"]))
    if "clock" in record:
        parts.append(escaped(record["clock"]))
    return "|".join(parts)


class Runs:
    """Records of a topic whose offsets follow each other: they came in one transaction, as its end
    takes an offset too. Another timestamp begins another run."""

    def __init__(self):
        self.found = []  # [records, timestamp, largest as_of_ms, partition, first offset]
        self.last = {}   # by partition: the next offset, and the run

    def add(self, record):
        known = self.last.get(record.partition)
        as_of = AS_OF.search(record.value) if record.value else None
        as_of_ms = int(as_of[1]) if as_of else NEVER
        if not known or known[0] != record.offset or known[1][1] != record.timestamp_ms:
            known = [0, [0, record.timestamp_ms, NEVER, record.partition, record.offset]]
            self.found.append(known[1])
            self.last[record.partition] = known
        known[0] = record.offset + 1
        run = known[1]
        run[0] += 1
        run[2] = max(run[2], as_of_ms)


class Known:
    """The last record of a key."""
    __slots__ = ("partition", "offset", "timestamp_ms", "revision", "value")

    def __init__(self, partition):
        self.partition, self.offset, self.timestamp_ms = partition, -1, NEVER
        self.revision, self.value = 0, None


class Audit:
    def __init__(self, options, kafka, work):
        self.options, self.kafka, self.work = options, kafka, work
        self.report = Report(options.without)
        self.topics = kafka.topics()
        outputs = sorted(name for name in self.topics if name.startswith("rollcall."))
        self.outputs = [name for name in outputs if kind_of(name) in
                        ("metrics", "slas", "contacts", "alerts")]
        self.state = kafka.state(options.group, sorted(
            name for name in self.topics
            if name in options.topics or name in self.outputs or
            name in ("rollcall.dead_letter", "rollcall.progress")))
        self.last = {"metrics": {}, "slas": {}, "contacts": {}}
        self.runs = collections.OrderedDict()
        self.hashes = self.open_hashes()
        self.dead = {}     # (topic, partition, offset) of the refused input -> reason
        self.progress = []
        self.offset = {}   # (topic, partition) -> offset of each line of its file

    def open_hashes(self):
        """None: they are not asked for."""
        if "hashes" in self.options.without:
            return None
        try:
            with open(self.options.config, encoding="utf-8") as text:
                return output_hash.Hashes(text.read(), list(self.options.topics))
        except output_hash.Missing as why:
            raise kafka_dump.Unreadable(f"libxxhash: {why}") from None

    # ---- what was published ----

    def records(self, topic):
        """Also keeps which of them belong together."""
        runs = self.runs.setdefault(topic, Runs())
        for record in self.kafka.records(topic):
            runs.add(record)
            if self.hashes and topic != "rollcall.progress":
                self.hashes.add(topic, record)
            yield record

    def check_record(self, topic, known, record):
        name = f"{topic} {record.partition}:{record.offset} {text_of(record.key)}"
        if record.partition != known.partition:
            self.report.fault("keys", f"{name}: stands in partition {known.partition} too")
        elif record.timestamp_ms < known.timestamp_ms:
            self.report.fault("times", f"{name}: {known.timestamp_ms - record.timestamp_ms} ms "
                                       f"before {record.partition}:{known.offset}")
        revision = 0
        if record.value is not None:
            found = REVISION.search(record.value)
            revision = int(found[1]) if found else -1
            again = self.options.may_repeat and 0 < revision <= known.revision
            if revision != known.revision + 1 and not again:
                what = f"{name}: revision {revision} after {known.revision}"
                if revision == known.revision:
                    same = known.value is not None and known.value == record.value
                    what = f"{name}: revision {revision} again" + (", the same" if same else "")
                self.report.fault("revisions", what)
        known.partition, known.offset = record.partition, record.offset
        known.timestamp_ms = max(known.timestamp_ms, record.timestamp_ms)
        known.revision = revision

    def read_output(self, topic):
        kind = kind_of(topic)
        keys = {}
        count = tombstones = 0
        # client|queue|channel|window|start_ms, and of slas the clock
        bars = {"metrics": 4, "slas": 5, "contacts": 1}[kind]
        for record in self.records(topic):
            count += 1
            tombstones += record.value is None
            known = keys.get(record.key)
            if known is None:
                known = keys[record.key] = Known(record.partition)
            self.check_record(topic, known, record)
            if record.key is None:
                self.report.fault("keys", f"{topic} {record.partition}:{record.offset}: no key")
            elif record.key.count(b"|") == bars:
                known.value = record.value
        for key, known in keys.items():
            if known.value is not None and key is not None:
                self.check_key(topic, key, known.value)
                self.last[kind][key] = known.value
        self.report.figure("revisions", f"{topic}: {count} records of {len(keys)} keys" +
                           (f", {tombstones} tombstones" if tombstones else ""))

    def check_key(self, topic, key, value):
        try:
            said = key_of(json.loads(value))
        except (ValueError, KeyError) as error:
            self.report.fault("keys", f"{topic} {text_of(key)}: the record is not one: {error!r}")
            return
        if said.encode() != key:
            self.report.fault("keys", f"{topic} {text_of(key)}: the record says {said}")

    def read_alerts(self, topic):
        last, count = {}, 0
        for record in self.records(topic):
            count += 1
            if record.value is None:
                last.pop(record.key, None)
                continue
            alert = json.loads(record.value)
            said = tuple(alert.get(name) for name in ("state", "severity", "since_ms", "at_ms"))
            if last.get(record.key) == said and not self.options.may_repeat:
                self.report.fault("alerts", f"{topic} {record.partition}:{record.offset} "
                                            f"{text_of(record.key)}: {said} again")
            last[record.key] = said
        self.report.figure("alerts", f"{topic}: {count}")

    def read_dead_letters(self):
        count = 0
        for record in self.records("rollcall.dead_letter"):
            count += 1
            said = kafka_dump.headers_of(record)
            name = f"dead letter {record.partition}:{record.offset}"
            try:
                place = (said["topic"], int(said["partition"]), int(said["offset"]))
                reason = said["reason"]
            except (KeyError, ValueError):
                self.report.fault("dead", f"{name}: its headers do not say where it came from")
                continue
            if place in self.dead and not self.options.may_repeat:
                self.report.fault("dead", f"{name}: {place_text(place)} is there twice")
            self.dead[place] = reason
        self.report.figure("dead", f"{count} published")

    def read_progress(self):
        for record in self.records("rollcall.progress"):
            name = f"progress {record.partition}:{record.offset}"
            try:
                read = progress_record.parse(record.value)
            except progress_record.Malformed as error:
                self.report.fault("epochs", f"{name}: {error}")
                continue
            if read and read.group == self.options.group:
                read.name = name
                self.progress.append(read)

    # ---- the raw input ----

    def ends(self):
        """The end of every input partition for the audit, and whether the group is there."""
        ends, missing, total = {}, 0, 0
        for topic in self.options.topics:
            for partition, (_, stable, high) in self.state["offsets"].get(topic, {}).items():
                if stable != high:
                    self.report.fault("open", f"{topic} {partition}: readable to {stable} of "
                                              f"{high}: a transaction is open")
                committed = self.state["group"].get(topic, {}).get(partition)
                total += 1
                if committed != stable and stable > 0:
                    missing += 1
                    self.report.fault("input", f"{topic} {partition}: the group stands at "
                                               f"{committed}, the end is {stable}")
                ends[topic, int(partition)] = stable if "input" in self.options.without else \
                    committed or 0
        self.report.figure("input", f"{total - missing} of {total} partitions are read to the end")
        return ends

    def input_records(self, topic):
        """The raw input, with what retention has taken meanwhile."""
        if self.options.earlier:
            first = {int(part): offsets[0]
                     for part, offsets in self.state["offsets"].get(topic, {}).items()}
            for record in kafka_dump.Recording(self.options.earlier).records(topic):
                if record.offset < first.get(record.partition, 0):
                    yield record
        yield from self.kafka.records(topic)

    def write_input(self, ends, now_ms):
        """Each partition into a file, what lies at or after now aside, as it still waits."""
        paths, waiting, aside, events = [], 0, 0, 0
        folder = os.path.join(self.work, "input")
        os.makedirs(folder)
        for topic in sorted(self.options.topics):
            if topic not in self.topics:
                continue
            files = {}
            for partition in range(self.topics[topic]):
                path = os.path.join(folder, f"{topic}-{partition}.ndjson")
                files[partition] = open(path, "wb")
                paths.append(path)
                self.offset[topic, partition] = []
            for record in self.input_records(topic):
                if record.offset >= ends.get((topic, record.partition), 0):
                    continue
                events += 1
                place = (topic, record.partition, record.offset)
                line = line_of(record, self.options.topics[topic])
                if place in self.dead:
                    if self.dead[place] in OF_THE_WALL_CLOCK:
                        aside += 1
                        line = b""
                elif now_ms is not None and is_ahead(line, now_ms):
                    waiting += 1
                    line = b""
                files[record.partition].write(line + b"\n")
                self.offset[topic, record.partition].append(record.offset)
            for file in files.values():
                file.close()
        self.report.figure("input", f"{events} records" +
                           (f", {waiting} of them at or after now" if waiting else "") +
                           (f", {aside} of them ahead of the wall clock" if aside else ""))
        return paths

    def replay(self, paths, now_ms):
        out = os.path.join(self.work, "replayed")
        command = [self.options.rollcall, "replay", "--quiet", "--out", out]
        if now_ms is not None:
            command += ["--until", str(now_ms)]
        done = subprocess.run(command + [self.options.config] + paths, capture_output=True,
                              check=False)
        if done.returncode:
            raise kafka_dump.Unreadable(
                f"replay ends with {done.returncode}: {done.stderr.decode()[-400:]}")
        return out

    # ---- checks ----

    def check_dead(self, out):
        expected = {}
        with open(os.path.join(out, "dead_letter.ndjson"), "rb") as lines:
            for line in lines:
                dead = json.loads(line.decode(errors="replace"))
                topic, _, partition = os.path.basename(dead["file"])[:-7].rpartition("-")
                offset = self.offset[topic, int(partition)][dead["line"] - 1]
                expected[topic, int(partition), offset] = dead["reason"]
        for place in sorted(expected.keys() | self.dead.keys()):
            published, refused = self.dead.get(place), expected.get(place)
            if published == refused or (not refused and published in OF_THE_WALL_CLOCK):
                continue
            if not published:
                what = f"refused ({refused}), but not among the dead letters"
            elif not refused:
                what = f"among the dead letters ({published}), but not refused"
            else:
                what = f"{published}, the replay says {refused}"
            self.report.fault("dead", f"{place_text(place)}: {what}")
        self.report.figure("dead", f"{len(expected)} refused by the replay")

    def check_equal(self, out, kind):
        left = {}
        with open(os.path.join(out, kind + ".ndjson"), "rb") as lines:
            for line in lines:
                record = json.loads(line)
                if record.get("kind", "interval") == "interval":
                    left[key_of(record).encode()] = line
        right, compared = self.last[kind], 0
        customers = Pairs() if kind == "contacts" and not self.options.has_key else None
        for key in sorted(left.keys() | right.keys()):
            a = json.loads(left[key]) if key in left else None
            b = json.loads(right[key]) if key in right else None
            if a is None or b is None:
                # What stood there for a moment alone was seen by one of them alone.
                if kind == "contacts" or not compare.is_zero(a or b):
                    self.report.fault("equal", f"{kind} {text_of(key)}: only " +
                                      ("published" if a is None else "in the replay"))
                continue
            compared += 1
            if customers and customers.match(a.get("customer"), b.get("customer")):
                a["customer"] = b.get("customer")
            fields = [name for name in a.keys() | b.keys()
                      if name not in compare.ARRIVAL and a.get(name) != b.get(name)]
            if fields or list(a) != list(b):
                what = ", ".join(f"{n}: {b.get(n)} published, {a.get(n)} in the replay"
                                 for n in sorted(fields)) or "the fields are in another order"
                self.report.fault("equal", f"{kind} {text_of(key)}: {what}")
        self.report.figure("equal", f"{compared} keys of {kind}")
        return compared

    def check_epochs(self, ends):
        report, progress = self.report, self.progress
        if not progress:
            report.fault("epochs", "there is no progress record")
            return
        first = self.state["offsets"].get("rollcall.progress", {}).get("0", [0])[0]
        expected = 1 if first == 0 else progress[0].epoch
        for read in progress:
            if read.epoch != expected:
                report.fault("epochs", f"{read.name}: epoch {read.epoch}, expected {expected}")
            expected = read.epoch + 1
        for before, after in zip(progress, progress[1:]):
            if after.now_ms is not None and before.now_ms is not None and \
                    after.now_ms < before.now_ms:
                report.fault("epochs", f"{after.name}: now goes back by "
                                       f"{before.now_ms - after.now_ms} ms")
            for place, offset in before.next_offset.items():
                if after.next_offset.get(place, offset) < offset:
                    report.fault("epochs", f"{after.name}: {place[0]} {place[1]} goes back from "
                                           f"{offset} to {after.next_offset[place]}")
        for place, offset in progress[-1].next_offset.items():
            if ends.get(place) != offset and (offset or ends.get(place)):
                report.fault("epochs", f"{progress[-1].name}: {place[0]} {place[1]} is at "
                                       f"{offset}, the group at {ends.get(place)}")
        report.figure("epochs", f"{len(progress)} epochs, {progress[0].epoch} to "
                                f"{progress[-1].epoch}")

    def check_whole(self):
        if not self.progress:
            return
        # Every record of an epoch has the timestamp that its progress record names. Epochs of one
        # timestamp (a wall clock that stands still) are counted together.
        epochs = collections.OrderedDict()
        for read in self.progress:
            epochs.setdefault(read.published_ms, []).append(read)
        compared = 0
        # Progress before the oldest snapshot is let go of, and nothing more is known of its epochs.
        oldest_ms = self.progress[0].published_ms if self.progress[0].epoch > 1 else 0
        for topic, runs in self.runs.items():
            if topic == "rollcall.progress":
                continue
            found, first = collections.Counter(), {}
            for count, stamp_ms, as_of_ms, partition, offset in runs.found:
                name = f"{topic} {partition}:{offset}"
                found[stamp_ms] += count
                first.setdefault(stamp_ms, name)
                if stamp_ms in epochs and as_of_ms > max(now_of(e) for e in epochs[stamp_ms]):
                    self.report.fault("whole", f"{name}: a record as of {time_text(as_of_ms)} in "
                                               f"epoch {epochs[stamp_ms][-1].epoch}")
            for stamp_ms in found.keys() - epochs.keys():
                # Without transactions: of an epoch that was not finished.
                if stamp_ms < oldest_ms or self.options.may_repeat:
                    continue
                self.report.fault("whole", f"{first[stamp_ms]}: {found[stamp_ms]} records of no "
                                           f"epoch (published {time_text(stamp_ms)})")
            for stamp_ms, reads in epochs.items():
                said = sum(read.count_of(topic) for read in reads)
                compared += found[stamp_ms]
                # While the wall clock stands still, epochs that are let go of have it, too.
                more = self.options.may_repeat or stamp_ms == oldest_ms
                if said != found[stamp_ms] and not (more and said < found[stamp_ms]):
                    self.report.fault("whole", f"{reads[0].name}, epoch {reads[0].epoch}: "
                                               f"{found[stamp_ms]} records of {topic}, it says "
                                               f"{said}")
        self.report.figure("whole", f"{compared} records in {len(self.progress)} epochs")

    def check_hashes(self):
        if not self.hashes:
            return
        shared = collections.Counter(read.published_ms for read in self.progress)
        alone = made = apart = 0
        for at, read in enumerate(self.progress):
            # What was let go of may have the timestamp of the first.
            is_alone = shared[read.published_ms] == 1 and (at or read.epoch == 1)
            for topic, said in read.hash.items():
                alone += bool(is_alone)
                count, found = self.hashes.of(topic, read.published_ms)
                if read.apart or not is_alone or found is None or count != read.count[topic]:
                    apart += 1
                    continue
                made += 1
                if found != said:
                    self.report.fault("hashes", f"{read.name}, epoch {read.epoch}: {topic} has "
                                                f"{found:016x}, it says {said:016x}")
        if alone and not made:
            self.report.fault("hashes", "none could be made again")
        self.report.figure("hashes", f"{made} made again" +
                           (f", {apart} cannot be" if apart else ""))

    def check_open(self):
        for topic in self.outputs + ["rollcall.dead_letter", "rollcall.progress"]:
            for partition, (_, stable, high) in self.state["offsets"].get(topic, {}).items():
                if stable != high:
                    self.report.fault("open", f"{topic} {partition}: readable to {stable} of "
                                              f"{high}: a transaction is open")

    def run(self):
        for topic in self.outputs:
            self.read_alerts(topic) if kind_of(topic) == "alerts" else self.read_output(topic)
        if "rollcall.dead_letter" in self.topics:
            self.read_dead_letters()
        if "rollcall.progress" in self.topics:
            self.read_progress()
        now_ms = self.options.now
        if now_ms is None and self.progress:
            now_ms = self.progress[-1].now_ms
        ends = self.ends()
        self.check_open()
        out = self.replay(self.write_input(ends, now_ms), now_ms)
        self.check_dead(out)
        compared = sum(self.check_equal(out, kind) for kind in ("metrics", "slas", "contacts"))
        if not compared:
            self.report.fault("equal", "there is nothing to compare")
        self.report.figure("equal", "now " + time_text(now_ms))
        self.check_epochs(ends)
        self.check_whole()
        self.check_hashes()
        return self.report.show()


class Pairs:
    """Pseudonyms under two keys: each of one side stands for one of the other."""

    def __init__(self):
        self.there, self.back = {}, {}

    def match(self, a, b):
        if (a is None) != (b is None):
            return False
        return self.there.setdefault(a, b) == b and self.back.setdefault(b, a) == a


def kind_of(topic):
    parts = topic.split(".")
    return parts[1] if parts[0] == "rollcall" and len(parts) > 1 else None


def place_text(place):
    return f"{place[0]} {place[1]}:{place[2]}"


def time_text(time_ms):
    if time_ms is None:
        return "the end of the input"
    at = datetime.datetime.fromtimestamp(time_ms / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"


def now_of(progress):
    return NEVER if progress.now_ms is None else progress.now_ms


def line_of(record, channel):
    """The record as a line of a replay file: with the channel that its topic implies."""
    if record.value is None:
        return b""
    line = record.value
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return line.replace(b"\n", b"\x01")  # stays what it is: not JSON
    line = line.replace(b"\n", b" ")  # between two words of JSON
    if isinstance(event, dict) and event.get("channel") is None and channel != "any" and \
            event and "specversion" not in event and "channel" not in event:
        at = line.index(b"{") + 1
        line = line[:at] + b'"channel":"%s",' % channel.encode() + line[at:]
    return line


def is_ahead(line, now_ms):
    """Whether it is an event that waits for its time."""
    try:
        event = json.loads(line)
        said = event["time"] if "specversion" not in event else event["data"]["time"]
        if isinstance(said, int):
            return said >= now_ms
        at = datetime.datetime.fromisoformat(said.replace(" ", "T").upper())
        return int(at.timestamp() * 1000) >= now_ms
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def time_ms(text):
    if text.lstrip("-").isdigit():
        return int(text)
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def settings(text):
    """Group and input topics, as the tests write them: on one line each."""
    group = re.search(r"^\s*group: *(\S+)", text, re.M)
    topics = re.search(r"^\s*topics: *\{(.*?)\}", text, re.M)
    return (group[1] if group else None), (topics[1].replace(" ", "") if topics else "")


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    for name in ("rollcall", "brokers", "recorded", "save", "earlier", "group", "topics", "work"):
        parser.add_argument("--" + name)
    parser.add_argument("--now", type=time_ms)
    parser.add_argument("--without", default="")
    parser.add_argument("config")
    options = parser.parse_args()
    with open(options.config, encoding="utf-8") as config:
        text = config.read()
    group, topics = settings(text)
    options.has_key = re.search(r"^\s*privacy:.*pseudonym_key", text, re.M) is not None
    options.may_repeat = re.search(r"\bdelivery: *at_least_once\b", text) is not None
    options.group = options.group or group
    options.topics = dict(pair.rsplit(":", 1)
                          for pair in (options.topics or topics).split(",") if pair)
    options.without = set(filter(None, options.without.split(",")))
    if not options.rollcall or not (options.brokers or options.recorded):
        parser.error("--rollcall, and --brokers or --recorded, are needed")
    if not options.group or not options.topics:
        parser.error("no group or topics in the configuration: --group, --topics")
    if options.without - set(CHECKS):
        parser.error(f"no such check: {', '.join(options.without - set(CHECKS))}")
    return options


def main():
    options = parse_arguments()
    began = time.monotonic()
    work = options.work or tempfile.mkdtemp(prefix="rollcall-audit-")
    if options.save:
        os.makedirs(options.save, exist_ok=True)
    kafka = kafka_dump.Recording(options.recorded) if options.recorded else \
        kafka_dump.Cluster(options.brokers, work, options.save)
    try:
        code = Audit(options, kafka, work).run()
        print(f"audited in {time.monotonic() - began:.1f} s")
        return code
    except kafka_dump.Unreadable as error:
        print(f"audit: nothing can be said: {error}", file=sys.stderr)
        return 2
    finally:
        if not options.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

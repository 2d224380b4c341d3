"""What the chaos tests work with: a real broker, hosts on which rollcall runs and is killed, a flow
of events, a proxy whose line can be cut, and the audit afterwards."""
import ctypes
import datetime
import heapq
import json
import os
import random
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import kafka_dump

HERE = os.path.dirname(os.path.abspath(__file__))
BANK = os.path.join(HERE, "../../../shared/data/bank-1999-q1.ndjson.zst")
CRASH_H = os.path.join(HERE, "../../include/rollcall/crash.h")
TOPICS = "contact.calls: call, contact.chats: chat, contact.rest: any"
GROUP = "rollcall-chaos"
SKIPPED = 77


class Failed(Exception):
    """The test has failed, and says why."""


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def skip(text):
    print("SKIPPED:", text)
    sys.exit(SKIPPED)


def crash_steps():
    """The names of the steps at which the process can kill itself."""
    with open(CRASH_H, encoding="utf-8") as header:
        return re.findall(r"^\s*X\((\w+)\)", header.read(), re.M)


def wait_until(seconds, what, done, step=0.02):
    """Polls; `what` None: it need not come true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = done()
        if found:
            return found
        time.sleep(step)
    if what:
        raise Failed(f"{what}: not after {seconds} s")
    return None


class Run:
    """One `rollcall run`, with what it forks, on a host."""

    def __init__(self, lab, host, options=(), crash=None, environment=None):
        self.lab, self.host = lab, host
        lab.runs_made += 1
        self.log_path = os.path.join(host, f"run-{lab.runs_made}.log")
        variables = dict(os.environ, **(environment or {}))
        variables.pop("ROLLCALL_CRASH", None)
        if crash:
            variables["ROLLCALL_CRASH"] = crash
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [lab.rollcall, "run", *options, lab.config_of(host)], cwd=host, env=variables,
                stdin=subprocess.DEVNULL, stderr=log, stdout=log, start_new_session=True)
        self.began = time.monotonic()
        lab.runs.append(self)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def says(self, pattern):
        return re.search(pattern, self.log(), re.M | re.I)

    def ended(self):
        return self.process.poll() is not None

    def signal(self, number, all_of_it=False):
        try:
            if all_of_it:
                os.killpg(self.pid, number)
            else:
                self.process.send_signal(number)
        except ProcessLookupError:
            pass

    def kill(self, all_of_it=True):
        """kill -9, of the process alone or with what it forked, as a power cut does."""
        self.signal(signal.SIGKILL, all_of_it)
        self.process.wait()

    def expect_alive(self):
        if self.ended():
            self.fail(f"it ended by itself, with {self.process.returncode}")

    def wait(self, seconds, code=0):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.fail(f"it has not ended after {seconds} s")
        if code is not None and self.process.returncode != code:
            self.fail(f"it ended with {self.process.returncode}")
        return self.process.returncode

    def wait_for(self, seconds, what, pattern):
        """Until the log says so."""
        def look():
            if not self.says(pattern):
                self.expect_alive()
                return None
            return True
        wait_until(seconds, what, look)

    def fail(self, why):
        lines = self.log().splitlines()[-15:]
        raise Failed("\n    ".join([f"run {os.path.basename(self.log_path)}: {why}", *lines]))


class Manager:
    """A service manager: what a process that knows sd_notify(3) tells it."""

    def __init__(self, timeout_s):
        self.name = f"@rollcall-chaos-{os.getpid()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:])
        self.environment = {"NOTIFY_SOCKET": self.name, "WATCHDOG_USEC": str(timeout_s * 1000000)}

    def told(self):
        """All states since the last call."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096, socket.MSG_DONTWAIT).decode())
            except BlockingIOError:
                return found


class Held:
    """A thread that is stopped where it is, while the others of its process go on: as one that
    computes without end."""
    SEIZE, INTERRUPT, DETACH, ALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, pid, name):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        self.thread = next(int(thread) for thread in os.listdir(f"/proc/{pid}/task")
                           if self.name_of(pid, thread) == name)
        if not (self.ptrace(self.SEIZE) and self.ptrace(self.INTERRUPT)):
            raise PermissionError(os.strerror(ctypes.get_errno()))
        os.waitpid(self.thread, self.ALL)

    @staticmethod
    def name_of(pid, thread):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="utf-8") as name:
            return name.read().strip()

    def ptrace(self, what):
        return self.libc.ptrace(what, self.thread, None, None) == 0

    def release(self):
        self.ptrace(self.DETACH)


class Proxy:
    """A line to the broker that can be cut (connections are closed, none is taken) or be silent
    (nothing goes through, nobody is told)."""
    FETCH = b"\0\1"  # a request's bytes 4 and 5

    def __init__(self, port, to_port):
        self.to_port, self.mode = to_port, "open"
        self.silent_at = None  # a topic: it falls silent, once, when its records are asked for
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self.listener.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.pairs = {}
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def accept(self):
        client, _ = self.listener.accept()
        if self.mode == "cut":
            client.close()
            return
        try:
            broker = socket.create_connection(("127.0.0.1", self.to_port), 2)
        except OSError:
            client.close()
            return
        for one, other in ((client, broker), (broker, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def close(self, one):
        other = self.pairs.pop(one, None)
        if other is None:
            return
        self.pairs.pop(other, None)
        for end in (one, other):
            self.selector.unregister(end)
            end.close()

    def serve(self):
        while True:
            if self.mode == "cut":
                for one in list(self.pairs):
                    self.close(one)
            if self.mode == "silent":
                time.sleep(0.05)
                continue
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.pairs:
                    self.carry(key.fileobj)

    def carry(self, one):
        try:
            data = one.recv(1 << 18)
            if data and self.silent_at and data[4:6] == self.FETCH and self.silent_at in data:
                self.silent_at, self.mode = None, "silent"
            if data:
                self.pairs[one].sendall(data)
                return
        except OSError:
            pass
        self.close(one)


class Flow(threading.Thread):
    """Events that flow into Kafka at a steady rate, as far as they are let."""

    def __init__(self, lab, lines, tick, rate):
        super().__init__(daemon=True)
        self.lab, self.lines, self.rate = lab, lines, rate
        self.allowed, self.sent, self.over = 0, 0, threading.Event()
        self.feed = subprocess.Popen(
            [lab.rollcall, "feed", "--quiet", "--key", lab.key, "--partitions", "8", "--timeout",
             "180", "--tick", tick, lab.config, "-"], stdin=subprocess.PIPE)
        lab.helpers.append(self.feed)
        self.start()

    def run(self):
        try:
            while self.sent < len(self.lines):
                end = min(self.sent + max(1, self.rate // 20), len(self.lines))
                if not self.over.is_set():
                    end = min(end, self.allowed)
                    time.sleep(0.05)
                self.feed.stdin.writelines(self.lines[self.sent:end])
                self.feed.stdin.flush()
                self.sent = end
            self.feed.stdin.close()
        except (BrokenPipeError, ValueError):
            pass  # finish() says so

    def allow(self, count):
        self.allowed = min(self.allowed + count, len(self.lines))

    def finish(self):
        """All that is left, as fast as it goes, and the tick."""
        self.over.set()
        self.join(300)
        if self.is_alive() or self.feed.wait(300):
            raise Failed("feed has not sent all")


class Lab:
    def __init__(self, rollcall, port, seed, nodes=1, proxy=False, work=None):
        self.rollcall, self.port, self.nodes = os.path.abspath(rollcall), port, nodes
        self.random = random.Random(seed)
        self.work = work or tempfile.mkdtemp(prefix="rollcall-chaos-")
        self.config = os.path.join(self.work, "config.yaml")
        self.runs, self.helpers, self.runs_made, self.hosts = [], [], 0, 0
        self.through_proxy, self.proxy = proxy, None
        self.mounts, self.windows, self.key = [], "", "contact"

    # ---- the broker ----

    def broker(self, command, *arguments, check=True):
        done = subprocess.run(
            [os.path.join(HERE, "broker"), command, "--port", str(self.port), "--dir",
             os.path.join(self.work, "broker"), "--nodes", str(self.nodes), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if check and done.returncode:
            raise Failed(f"broker {command}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def brokers(self):
        return ",".join(f"127.0.0.1:{self.port + node}" for node in range(self.nodes))

    def start_broker(self):
        say(f"starting a real Kafka, {self.nodes} node{'s'[:self.nodes > 1]}, port {self.port}")
        extra = []
        if self.through_proxy:
            # A second listener behind the proxy; who comes through it is told to come again so.
            behind, front = self.port + 29, self.port + 39
            extra = [f"listeners=PLAINTEXT://127.0.0.1:{self.port},PROXIED://127.0.0.1:{behind},"
                     f"CONTROLLER://127.0.0.1:{self.port + 10}",
                     f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port},"
                     f"PROXIED://127.0.0.1:{front}",
                     "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,"
                     "CONTROLLER:PLAINTEXT"]
            self.proxy = Proxy(front, behind)
        self.broker("start", *extra)

    # ---- configuration and events ----

    def write_config(self, **changes):
        settings = {"commit_every": "100ms", "snapshot_every": "2s", "keep": "3",
                    "idle_after": "500ms", "align": "1h", "delivery": "exactly_once",
                    "http": "off", "keyed_by": "any"}
        settings.update(changes)
        self.key = "client" if settings["keyed_by"] == "client" else "contact"
        key = os.path.join(self.work, "pseudonym_key")
        if not os.path.exists(key):
            with open(key, "w", encoding="utf-8") as out:
                out.write("%064x\n" % self.random.getrandbits(256))
            os.chmod(key, 0o600)
        brokers = f"127.0.0.1:{self.port + 39}" if self.through_proxy else self.brokers()
        # dir: of the host on which it runs, as two hosts have one configuration. align: partitions
        # may part, so that restarts bring late events. retention, restate_for: whether a late event
        # still finds its contact, and its window open, is a matter of arrival: what it leaves could
        # not be compared with a replay.
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f"""kafka:
  brokers: {brokers}
  group: {GROUP}
  keyed_by: {settings["keyed_by"]}
  topics: {{{TOPICS}}}
output: {{partitions: 4, commit_every: {settings["commit_every"]}, replication: {self.nodes},
         delivery: {settings["delivery"]}}}
tasks: 8
snapshot: {{dir: snapshots, every: {settings["snapshot_every"]}, keep: {settings["keep"]}}}
http: {{listen: {settings["http"]}}}
time: {{idle_after: {settings["idle_after"]}, align: {settings["align"]},
       retention: {{call: 30d, chat: 30d}}, restate_for: {{default: 100d}}}}
privacy: {{pseudonym_key: {{file: {key}}}}}
{self.windows}""")

    def simulate(self, first, events, days):
        """Lines, in the order in which they come."""
        path = os.path.join(self.work, "simulated.ndjson")
        contacts = max(5, int(events / (90 * days)))
        subprocess.run(
            [self.rollcall, "simulate", "--quiet", "--from", first, "--for", f"{days + 1}d",
             "--events", str(events), "--disorder", "800ms", "--late", "0.5%", "--duplicates", "1%",
             "--damaged", "0.3%", "--clients", "5", "--contacts", str(contacts), "--ticket-share",
             "15%", "--seed", str(self.random.randrange(1, 1 << 30)), "--out", path, "--config",
             os.path.join(self.work, "simulated.yaml")], check=True)
        with open(os.path.join(self.work, "simulated.yaml"), encoding="utf-8") as text:
            self.windows = text.read()
        with open(path, "rb") as lines:
            found = list(lines)
        os.unlink(path)
        return found

    def events(self, count, first=None):
        """So many, recorded ones among them where they are there and no first day is asked for; and
        the time of the tick."""
        recorded, days = [], max(1, count // 20000)
        if first:
            pass
        elif os.path.exists(BANK) and shutil.which("zstdcat"):
            with subprocess.Popen(["zstdcat", BANK], stdout=subprocess.PIPE) as bank:
                for line in bank.stdout:
                    recorded.append(line)
                    if len(recorded) == count // 4:
                        break
                bank.kill()
            first = date_of(ms_of(recorded[0]))
            days = (ms_of(recorded[-1]) - ms_of(recorded[0])) // 86400000 + 1
        else:
            first = "2024-01-08"
            say("SKIPPED in part: no recorded events at ../shared/data, or no zstdcat")
        simulated = self.simulate(first, count - len(recorded), days)
        lines = list(heapq.merge(in_order(simulated), in_order(recorded), key=lambda at: at[0]))
        last_ms = lines[-1][0]
        tick = date_of(last_ms + 13 * 86400000) + "T00:00:00Z"
        say(f"{len(lines)} events, {len(recorded)} of them recorded, over "
            f"{(last_ms - lines[0][0]) / 86400000:.1f} days")
        return [line for _, line in lines], tick

    # ---- hosts and runs ----

    def host(self, named=False):
        """A folder that nobody has written to. named: with a name of its own in the group, as hosts
        have that run at the same time."""
        self.hosts += 1
        name = f"host-{self.hosts}"
        path = os.path.join(self.work, name)
        os.makedirs(os.path.join(path, "snapshots"))
        if named:
            with open(self.config, encoding="utf-8") as config:
                text = config.read().replace("kafka:\n", f"kafka:\n  instance: {name}\n", 1)
            with open(os.path.join(path, "config.yaml"), "w", encoding="utf-8") as out:
                out.write(text)
        return path

    def config_of(self, host):
        own = os.path.join(host, "config.yaml")
        return own if os.path.exists(own) else self.config

    def run(self, host, *options, crash=None, environment=None):
        return Run(self, host, options, crash, environment)

    def finish(self, host, seconds=240, environment=None):
        """The last run, until all is quiet; its statistics."""
        run = self.run(host, "--until-idle", environment=environment)
        run.wait(seconds)
        stopped = run.says(r"stopped:.*")
        say(stopped[0] if stopped else "ended without saying so")
        return run

    def http(self, path):
        """(status, text) of a run with http at port + 49; status 0: nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port + 49}{path}",
                                        timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name):
        """The sample of that name and labels; None: there is none."""
        found = re.search("^" + re.escape(name) + r" (\S+)$", self.http("/metrics")[1], re.M)
        return float(found[1]) if found else None

    # ---- what is in Kafka ----

    def kafka(self):
        scratch = os.path.join(self.work, "admin")
        os.makedirs(scratch, exist_ok=True)
        return kafka_dump.Cluster(self.brokers(), scratch)

    def count(self, topic="rollcall.metrics"):
        """Records that a reader sees."""
        try:
            return sum(1 for _ in self.kafka().records(topic))
        except kafka_dump.Unreadable:
            return 0  # it is not there yet

    def wait_records(self, count, seconds, run=None):
        def look():
            if run:
                run.expect_alive()
            return self.count() >= count
        wait_until(seconds, f"{count} records of rollcall.metrics", look, 0.25)

    def input_topics(self):
        return [pair.split(":")[0].strip() for pair in TOPICS.split(",")]

    def save_input(self):
        """A dump of the input as far as it is there, for audits after it was trimmed."""
        folder = os.path.join(self.work, "earlier")
        os.makedirs(folder)
        for topic in self.input_topics():
            with open(os.path.join(folder, topic + ".dump"), "wb") as out:
                for record in self.kafka().records(topic):
                    kafka_dump.write(out, record)
        return folder

    def committed(self):
        """What the group has read: {topic: {partition: offset}}."""
        return self.kafka().state(GROUP, self.input_topics())["group"]

    def ends(self):
        """Where the input ends: {topic: {partition: offset}}."""
        found = {}
        for topic in self.input_topics():
            for line in self.broker("admin", "offsets", topic).splitlines():
                part, *numbers = line.split()
                if part != "total":
                    found.setdefault(topic, {})[part] = int(numbers[2])
        return found

    def trim(self, offsets):
        """Deletes what lies before, as retention does."""
        self.broker("admin", "trim", *[word for topic, parts in offsets.items()
                                       for part, offset in parts.items()
                                       for word in (topic, part, str(offset))])

    # ---- disks ----

    def mount(self, path, options):
        """A small disk; false: it cannot be had."""
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path],
                              capture_output=True, check=False)
        if done.returncode == 0:
            self.mounts.append(path)
        return done.returncode == 0

    def unmount(self, path):
        subprocess.run(["umount", "-l", path], capture_output=True, check=False)
        self.mounts.remove(path)

    # ---- the proof ----

    def audit(self, last_run=None, without="", earlier=None):
        """The auditor's verdict; what it says is printed."""
        command = [sys.executable, os.path.join(HERE, "auditor.py"), "--rollcall", self.rollcall,
                   "--brokers", self.brokers()]
        if earlier:
            command += ["--earlier", earlier]
        if without:
            command += ["--without", without]
            now = last_run and last_run.says(r"stopped:.*, now (\S+)$")
            if now and "epochs" in without:
                command += ["--now", now[1]]
        say("auditing")
        sys.stdout.flush()
        code = subprocess.run(command + [self.config], check=False).returncode
        if code:
            raise Failed(f"the audit ends with {code}")

    def close(self, keep=False):
        for run in self.runs:
            run.signal(signal.SIGCONT, all_of_it=True)
            run.signal(signal.SIGKILL, all_of_it=True)
            run.process.wait()
        for process in self.helpers:
            if process.poll() is None:
                process.kill()
        for path in list(self.mounts):
            self.unmount(path)
        self.broker("thaw", check=False)
        self.broker("kill", check=False)
        if not keep:
            shutil.rmtree(self.work, ignore_errors=True)


def date_of(time_ms):
    at = datetime.datetime.fromtimestamp(time_ms // 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%d")


def ms_of(line):
    """None: it has no time."""
    try:
        said = json.loads(line)["time"]
        if isinstance(said, int):
            return said
        return int(datetime.datetime.fromisoformat(said).timestamp() * 1000)
    except (ValueError, KeyError, TypeError):
        return None


def in_order(lines):
    """Each with the largest time so far, so that a late one stays where it is."""
    largest = 0
    for line in lines:
        at = ms_of(line) or 0
        # a damaged time may lie anywhere
        if largest == 0 or at < largest + 86400000:
            largest = max(largest, at)
        yield largest, line


def requirements(rollcall):
    """Skips, aloud, when something is missing."""
    if not os.access(rollcall, os.X_OK):
        skip(f"no rollcall at {rollcall} (ROLLCALL says where it is)")
    if not shutil.which("java"):
        skip("java is missing: no real Kafka can be started")
    jars = os.environ.get("KAFKA_LIB", os.path.expanduser("~/.cache/rollcall/kafka-3.9"))
    if not shutil.which("mvn") and not os.path.isdir(jars):
        skip("mvn is missing and Kafka's jars are not there")
    if not shutil.which("kcat"):
        skip("kcat is missing: records cannot be read back")

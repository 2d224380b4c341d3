"""The mishaps that are not a kill among others: each a function of a Lab, its first line for
`chaos --list`. All end with the audit."""
import glob
import os
import shutil
import signal
import struct
import subprocess
import time

from chaos_lab import (HERE, Failed, Flow, Held, Manager, date_of, in_order, say, skip,
                       wait_until)

RATE = 600
PASSED_OVER = r"passed over"
RESTORED = r"recovered to epoch [1-9]"


def begin(lab, events=9000, first=None, **changes):
    """A broker, a configuration, and a flow of which a third is let go."""
    lab.start_broker()
    lines, tick = lab.events(events, first)
    lab.write_config(**changes)
    flow = Flow(lab, lines, tick, RATE)
    flow.allow(events // 3)
    return flow


def end(lab, flow, host, options, earlier=None, environment=None):
    flow.finish()
    last = lab.finish(host, environment=environment)
    lab.audit(last, options.without, earlier)


def snapshots(host):
    """Their files, the oldest first."""
    return sorted(glob.glob(os.path.join(host, "snapshots", "*.snapshot")))


def wait_snapshots(host, run, count, seconds=40):
    """Until so many that were not there have been made; old ones are removed meanwhile."""
    before, made = set(snapshots(host)), set()

    def look():
        run.expect_alive()
        made.update(set(snapshots(host)) - before)
        return len(made) >= count

    wait_until(seconds, f"{count} new snapshots", look)


def wait_restored(run, seconds=40):
    """Until it says that it has a snapshot of which epoch."""
    run.wait_for(seconds, "it says which epoch it recovered", RESTORED)
    say(run.says(".*" + RESTORED + ".*")[0].strip()[:200])


def zombie(lab, options):
    """A process stands still (SIGSTOP), another takes over, then the first goes on (SIGCONT)."""
    flow = begin(lab)
    first, second = lab.host(named=True), lab.host(named=True)
    frozen = lab.run(first)
    lab.wait_records(500, 60, frozen)
    frozen.signal(signal.SIGSTOP)
    say(f"frozen, with {lab.count()} records out; another host takes over")
    began = time.monotonic()
    other = lab.run(second)
    flow.allow(len(flow.lines) // 3)
    before = lab.count()
    lab.wait_records(before + 500, 90, other)
    say(f"the other has published {time.monotonic() - began:.1f} s after its start")
    frozen.signal(signal.SIGCONT)
    say("the zombie goes on")
    flow.allow(len(flow.lines))
    time.sleep(8)
    other.expect_alive()
    if not frozen.says(r"fenced|stand(s|ing)? by|another (process|member|instance)|taken over"):
        frozen.fail("the zombie does not say that another has taken over")
    if frozen.ended():
        say(f"the zombie has left with {frozen.process.returncode}")
        if frozen.process.returncode == 0:
            frozen.fail("it ended as if all were well")
    else:
        say("the zombie stands by")
        frozen.kill()
    other.signal(signal.SIGTERM)
    other.wait(15)
    end(lab, flow, second, options)


def early(lab, options):
    """A process frozen in a transaction wakes up before the one that took over has published."""
    flow = begin(lab, commit_every="20ms")
    first, second = lab.host(named=True), lab.host(named=True)
    slow = os.path.join(second, "config.yaml")
    with open(slow, encoding="utf-8") as config:
        text = config.read().replace("commit_every: 20ms", "commit_every: 10s")
    with open(slow, "w", encoding="utf-8") as config:
        config.write(text)
    frozen = lab.run(first)
    lab.wait_records(500, 60, frozen)
    other = lab.run(second)
    other.wait_for(30, "it stands by", r"another process of the group is active")
    # Where it stands in a transaction: one follows the other while events flow.
    flow.allow(len(flow.lines) // 3)
    time.sleep(1)
    frozen.signal(signal.SIGSTOP)
    began = time.monotonic()
    other.wait_for(20, "it takes over", RESTORED)
    say(f"the other has taken over {time.monotonic() - began:.1f} s after the first was frozen")
    time.sleep(max(0, began + 13 - time.monotonic()))
    frozen.signal(signal.SIGCONT)
    say("the first goes on, before the other has published anything")
    flow.allow(len(flow.lines))
    time.sleep(15)
    other.expect_alive()
    if other.says(r"fenced|another process has taken over"):
        other.fail("the one that has taken over is shut out")
    if frozen.says(r"it is sent again") or not frozen.says(r"stands by"):
        frozen.fail("the one that was frozen does not stand by at once")
    frozen.kill()
    other.signal(signal.SIGTERM)
    other.wait(15)
    end(lab, flow, second, options)


def retention(lab, options):
    """Input that is needed is gone: the start is refused, and says how much is missing."""
    flow = begin(lab, snapshot_every="1d")
    host = lab.host()
    run = lab.run(host)
    lab.wait_records(500, 60, run)
    run.kill()
    lab.trim(lab.committed())
    say("no snapshot, and what was read is gone from the input")
    refused(lab, host, r"[1-9]\d* records of .* are gone")


def refused(lab, host, said, code=65):
    """A start that publishes nothing, and says so."""
    before = lab.count()
    run = lab.run(host)
    run.wait(60, code)
    line = run.says(f".*error:.*{said}.*")
    if not line:
        run.fail(f"it should say: {said}")
    say(f"refused with {code}: {line[0].strip()[:300]}")
    if lab.count() != before:
        raise Failed(f"the refused start has published {lab.count() - before} records")


def lost(lab, options):
    """No snapshot is left, and the input's beginning is gone: nothing is made anew of the rest."""
    flow = begin(lab)
    host = lab.host()
    run = lab.run(host)
    lab.wait_records(500, 60, run)
    wait_snapshots(host, run, 6)  # three are kept, and no progress before them
    run.kill()
    shutil.rmtree(os.path.join(host, "snapshots"))
    lab.broker("admin", "delete", "rollcall.snapshots")
    lab.trim(lab.committed())
    say("all snapshots are lost, and what was read is gone from the input")
    refused(lab, host, r"made anew, but the first [1-9]\d* records of .* are gone")
    run = lab.run(host, "--restate")
    flow.allow(len(flow.lines))
    time.sleep(5)
    end_of(run)


def anew(lab, options):
    """All snapshots are lost, and all is made anew; with the next snapshot it is as before."""
    flow = begin(lab)
    first, second = lab.host(named=True), lab.host(named=True)
    run = lab.run(first)
    lab.wait_records(500, 60, run)
    wait_snapshots(first, run, 6)  # three are kept, and no progress before them
    run.kill()
    shutil.rmtree(os.path.join(first, "snapshots"))
    lab.broker("admin", "delete", "rollcall.snapshots")
    say("all snapshots are lost")
    flow.allow(len(flow.lines) // 3)
    run = lab.run(first, crash="snapshot_write:1")
    run.wait_for(60, "its first snapshot fails", r"no snapshot of epoch \d+: .* signal 9")
    run.kill()
    for one in run, lab.run(first):
        run = one
        run.wait_for(60, "it begins anew", r"all is made anew from the beginning of the input")
        run.wait_for(60, "it has caught up", r"rebuilt: \d+ records are new or differ")
    say(run.says(r".*rebuilt: .*")[0].strip()[:200])
    wait_snapshots(first, run, 1)
    flow.allow(len(flow.lines) // 6)
    lab.wait_records(lab.count() + 200, 60, run)
    run.kill()
    run = lab.run(first)
    wait_restored(run)
    other = lab.run(second)
    wait_restored(other)
    run.kill()
    other.wait_for(30, "the other one takes over", r"taking over")
    flow.allow(len(flow.lines) // 6)
    lab.wait_records(lab.count() + 200, 60, other)
    for one in run, other:
        if one.says(r"made anew|nothing is kept warm"):
            one.fail("it cannot go on from the snapshot")
    other.kill()
    end(lab, flow, second, options)


def overtaken(lab, options):
    """Input is gone before a run that is behind has read it: it ends, and says how much."""
    flow = begin(lab)
    host = lab.host()
    run = lab.run(host)
    lab.wait_records(500, 60, run)
    wait_until(60, "all is sent that may be", lambda: flow.sent == flow.allowed)
    time.sleep(2)
    run.signal(signal.SIGSTOP)
    flow.allow(len(flow.lines) // 3)
    wait_until(60, "all is sent that may be", lambda: flow.sent == flow.allowed)
    time.sleep(1)
    offsets = lab.ends()
    lab.trim(offsets)
    say("frozen, and what came meanwhile is gone from the input")
    run.signal(signal.SIGCONT)
    run.wait(30, 65)
    line = run.says(r".*error:.*[1-9]\d* records of .* are gone before they were read.*")
    if not line:
        run.fail("it does not say how many records are gone")
    say(line[0].strip()[:300])
    refused(lab, host, r"[1-9]\d* records of .* are gone")
    before = lab.count()
    run = lab.run(host, "--restate")
    flow.allow(len(flow.lines))
    lab.wait_records(before + 200, 60, run)
    say(run.says(r".*without them \(--restate\).*")[0].strip()[:300])
    end_of(run)


def silent(lab, options):
    """Kafka falls silent while an empty host fetches a snapshot: that is waited for."""
    flow = begin(lab)
    first, second = lab.host(), lab.host()
    run = lab.run(first)
    lab.wait_records(500, 60, run)
    wait_snapshots(first, run, 6)  # three are kept, and no progress before them
    run.kill()
    lab.proxy.silent_at = b"rollcall.snapshots"
    run = lab.run(second)
    run.wait_for(60, "it says that Kafka is waited for", r"Kafka does not give its snapshots")
    say(run.says(r".*does not give its snapshots.*")[0].strip()[:200])
    if not run.says(r"recovering: looking for a snapshot"):
        run.fail("it does not say how far it is")
    time.sleep(3)
    lab.proxy.mode = "open"
    wait_restored(run, 60)
    if not run.says(r"recovered to .* the snapshot fetched from its topic in \d+, restored in"):
        run.fail("it does not say how long each part took")
    if run.says(r"made anew"):
        run.fail("it has begun anew")
    end_of(run)
    end(lab, flow, second, options)


def trimmed(lab, options):
    """Input that no snapshot needs is gone: the start does not ask for it."""
    flow = begin(lab)
    host = lab.host()
    run = lab.run(host)
    lab.wait_records(500, 60, run)
    wait_snapshots(host, run, 1)
    committed = lab.committed()
    flow.allow(len(flow.lines) // 3)
    # Three are kept, and what was committed lies before them all.
    wait_snapshots(host, run, 5)
    run.kill()
    earlier = lab.save_input()
    lab.trim(committed)
    say("what was read before the oldest snapshot is gone from the input")
    run = lab.run(host)
    wait_restored(run)
    end_of(run)
    end(lab, flow, host, options, earlier)


def end_of(run):
    time.sleep(2)
    run.expect_alive()
    run.kill()


def flip(path):
    with open(path, "r+b") as file:
        at = os.path.getsize(path) // 2
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def tear(path):
    os.truncate(path, os.path.getsize(path) * 2 // 3)


def empty(path):
    os.truncate(path, 0)


def last_byte(path):
    os.truncate(path, os.path.getsize(path) - 1)


def first_bytes(path):
    with open(path, "r+b") as file:
        file.write(b"not a snapshot of anything")


def damaged(lab, options):
    """The newest snapshot is damaged, torn, or of no known kind: the next one is taken."""
    flow = begin(lab, events=12000)
    host = lab.host()
    for damage in (flip, tear, empty, last_byte, first_bytes):
        run = lab.run(host)
        flow.allow(1500)
        wait_snapshots(host, run, 2)
        run.kill()
        newest = snapshots(host)[-1]
        damage(newest)
        # What was uploaded would be as good as the file.
        run = lab.run(host)
        name = os.path.basename(newest).replace(".", r"\.")
        line = f".*({PASSED_OVER}).*{name}.*"
        wait_until(30, None, lambda: run.says(line) or run.ended())
        run.expect_alive()
        said = run.says(line)
        if not said:
            run.fail(f"{damage.__name__}: it does not say that {newest} is passed over")
        say(f"{damage.__name__}: {said[0].strip()[:200]}")
        end_of(run)
    end(lab, flow, host, options)


def ahead(lab, options):
    """A snapshot of an epoch that was never committed is not taken."""
    flow = begin(lab)
    host = lab.host()
    run = lab.run(host)
    wait_snapshots(host, run, 3)
    run.kill()
    # As if the broker had lost what came after the snapshot before.
    newest = snapshots(host)[-1]
    stem, _, epoch = os.path.basename(newest)[:-len(".snapshot")].rpartition("-")
    name = f"{stem}-{int(epoch) + 1000000:0{len(epoch)}d}.snapshot"
    shutil.copy(newest, os.path.join(host, "snapshots", name))
    run = lab.run(host)
    wait_restored(run)
    end_of(run)
    end(lab, flow, host, options)


def empty_host(lab, options):
    """A host with nothing but the configuration takes over; so does one whose folder was lost."""
    flow = begin(lab)
    first, second = lab.host(), lab.host()
    run = lab.run(first)
    lab.wait_records(500, 60, run)
    wait_snapshots(first, run, 3)
    run.kill()
    run = lab.run(second)
    flow.allow(len(flow.lines) // 3)
    wait_restored(run)
    wait_snapshots(second, run, 1)
    run.kill()
    shutil.rmtree(os.path.join(second, "snapshots"))
    say("its folder of snapshots is gone")
    run = lab.run(second)
    wait_restored(run)
    end_of(run)
    end(lab, flow, second, options)


def disk(lab, options):
    """The disk for snapshots is full, then read-only: the run says so and goes on."""
    host = lab.host()
    folder = os.path.join(host, "snapshots")
    if not lab.mount(folder, "size=64k"):
        skip("no small disk can be mounted (needs root)")
    flow = begin(lab)
    run = lab.run(host)
    run.wait_for(60, "it says that the disk is full", r"snapshot.*(No space left|full)")
    say(run.says(r".*snapshot.*(No space left|full).*")[0].strip()[:200])
    lab.wait_records(500, 60, run)
    flow.allow(len(flow.lines) // 3)
    lab.wait_records(lab.count() + 200, 60, run)
    lab.unmount(folder)
    lab.mount(folder, "size=64m,ro")
    run.wait_for(60, "it says that the folder is read-only", r"snapshot.*(Read-only|read-only)")
    say(run.says(r".*snapshot.*(Read-only|read-only).*")[0].strip()[:200])
    run.kill()
    say("killed, and started with the folder still read-only")
    run = lab.run(host)
    lab.wait_records(lab.count(), 60, run)
    end_of(run)
    lab.unmount(folder)
    run = lab.run(host)
    wait_snapshots(host, run, 1)
    say("the disk is back, and so are the snapshots")
    run.kill()
    end(lab, flow, host, options)


def preload(lab, name):
    """The path of a library that replaces functions of libc."""
    compiler = shutil.which("cc") or skip(f"cc is missing: {name}.c cannot be built")
    library = os.path.join(lab.work, name + ".so")
    subprocess.run([compiler, "-std=gnu17", "-O2", "-shared", "-fPIC", "-o", library,
                    os.path.join(HERE, name + ".c")], check=True)
    return library


def sync(lab, options):
    """The disk fails to keep what it took (fdatasync, rename, fsync): older snapshots stay."""
    failing = os.path.join(lab.work, "failing")
    environment = {"LD_PRELOAD": preload(lab, "failing_disk"), "FAILING_DISK": failing}

    def fail(calls):
        with open(failing, "w", encoding="utf-8") as out:
            out.write(calls)

    fail("")
    flow = begin(lab)
    host = lab.host()
    run = lab.run(host, environment=environment)
    wait_snapshots(host, run, 2)
    for call in ("fdatasync", "renameat", "fsync"):
        fail(call)
        flow.allow(len(flow.lines) // 8)
        time.sleep(3)  # what was begun before is finished
        before, said = snapshots(host), run.log().count("Input/output error")
        wait_until(20, f"a warning that {call} has failed",
                   lambda: run.log().count("Input/output error") > said)
        run.expect_alive()
        if snapshots(host) != before or not before:
            raise Failed(f"{call}: {before} before, now {snapshots(host)}")
        say(f"{call}: " + run.says(r".*Input/output error.*")[0].strip()[:150])
        if call == "renameat":
            run.kill()
            say("killed, and started again on that disk")
            run = lab.run(host, environment=environment)
            wait_restored(run)
    left = glob.glob(os.path.join(host, "snapshots", ".*"))
    if len(left) > 1:  # the one being written
        raise Failed(f"left behind: {left}")
    fail("")
    wait_snapshots(host, run, 2)
    say("the disk is well, and the snapshots come again")
    run.kill()
    end(lab, flow, host, options)


def hung(lab, options):
    """The disk never answers: the run goes on and can be stopped, and the next one goes on."""
    failing = os.path.join(lab.work, "failing")
    environment = {"LD_PRELOAD": preload(lab, "failing_disk"), "FAILING_DISK": failing}
    with open(failing, "w", encoding="utf-8") as out:
        out.write("hangs")
    flow = begin(lab)
    host = lab.host()
    run = lab.run(host, environment=environment)
    lab.wait_records(500, 60, run)
    flow.allow(len(flow.lines) // 3)
    lab.wait_records(lab.count() + 200, 60, run)
    time.sleep(3)
    began = time.monotonic()
    run.signal(signal.SIGTERM)
    run.wait(90)
    say(f"stopped, {time.monotonic() - began:.0f} s after SIGTERM")
    if not run.says(r"no snapshot of epoch .* was not done after"):
        run.fail("it does not say that no snapshot was made")
    if snapshots(host):
        raise Failed(f"there is a snapshot: {snapshots(host)}")
    end(lab, flow, host, options)


def steps_of_clock(lab):
    """(a function that sets the clock so many seconds off, the environment of its processes)"""
    stepping, stamp = preload(lab, "step_clock"), os.path.join(lab.work, "clock")
    with open(stamp, "wb") as out:
        out.write(struct.pack("=q", 0))

    def step(seconds):
        with open(stamp, "r+b", buffering=0) as out:
            out.write(struct.pack("=q", 1000 * seconds))
        say(f"the wall clock is {seconds:+d} s off")

    return step, {"LD_PRELOAD": stepping, "STEP_CLOCK": stamp}


def clock_now(lab, options):
    """The wall clock steps under events of now: those too far ahead of it become dead letters."""
    step, environment = steps_of_clock(lab)
    now_ms = int(1000 * time.time())
    flow = begin(lab, first=date_of(now_ms - 86400000), keep="1000")
    times = [at for at, _ in in_order(flow.lines)]
    host = lab.host()

    def allow_to(minutes):
        flow.allowed = sum(at <= now_ms + 60000 * minutes for at in times)
        wait_until(60, "the events are sent", lambda: flow.sent >= flow.allowed)

    def future():
        return sum(b"rollcall.reason=future" in record.headers
                   for record in lab.kafka().records("rollcall.dead_letter"))

    allow_to(-120)
    run = lab.run(host, environment=environment)
    lab.wait_records(200, 60, run)
    for at, (seconds, minutes) in enumerate(((-3600, 5), (7200, 60), (-600, 300), (0, 900))):
        step(seconds)
        allow_to(minutes)
        time.sleep(2)
        run.expect_alive()
        say(f"events up to {minutes} min from now are sent; {future()} dead letters `future`")
        if at % 2 == 0:
            run.kill()
            run = lab.run(host, environment=environment)
            wait_restored(run)
    if not future():
        raise Failed("no event was ahead of the clock")
    # What late events have changed is published when time goes on from where it came to: a day is
    # looked at every 10 s.
    step(7300)
    time.sleep(13)
    end_of(run)
    end(lab, flow, host, options, environment=environment)


def clock(lab, options):
    """The wall clock steps back and forth, while it runs and between two runs."""
    step, environment = steps_of_clock(lab)
    flow = begin(lab, events=12000)
    flow.allowed = 1500
    host = lab.host()
    run = lab.run(host, environment=environment)
    lab.wait_records(200, 60, run)
    for at, seconds in enumerate((-3600, 7200, -600, 0)):
        before = lab.count()
        step(seconds)
        flow.allow(1500)
        lab.wait_records(before + 100, 60, run)
        time.sleep(1)
        if at % 2:
            run.kill()
            run = lab.run(host, environment=environment)
    end_of(run)
    end(lab, flow, host, options)


def starve(lab, run, manager, what="shard 0"):
    """A shard, or the one of a task, stands still: the watchdog is not fed, and that is seen."""
    try:
        held = Held(run.pid, "shard 0")
    except PermissionError as why:
        say(f"SKIPPED in part: no thread can be held: {why}")
        return
    # A shard has half of the manager's time.
    wait_until(20, "it is seen that a shard stands still",
               lambda: (lab.metric("rollcall_shard_stall_seconds") or 0) > 7)
    manager.told()
    run.wait_for(20, "a warning that it stands still", f"warning: {what} has been at")
    told, age = manager.told(), lab.metric("rollcall_epoch_age_seconds")
    if "WATCHDOG=1" in told:
        run.fail(f"the watchdog is fed while a shard stands still: {told}")
    if age < 5 or not lab.metric("rollcall_epochs_waiting"):
        run.fail(f"the last epoch is said to be {age} s old, and none to wait")
    held.release()
    run.wait_for(20, "it says that all move again", r"all (shards|tasks) move again")
    wait_until(10, "the watchdog is fed again", lambda: "WATCHDOG=1" in manager.told(), 0.2)
    wait_until(10, "the last epoch is young again",
               lambda: lab.metric("rollcall_epoch_age_seconds") < 2, 0.2)
    say(f"a shard that stood still did not feed the watchdog; the last epoch was {age} s old")


def ready_within(lab, run, seconds):
    """Also on an input that is at rest, in which no epoch comes."""
    if not wait_until(seconds, None, lambda: lab.http("/readyz")[0] == 200, 0.1):
        run.fail(f"not ready after {seconds} s: {lab.http('/readyz')}")
    epochs = lab.metric("rollcall_epochs_total")
    say(f"ready {time.monotonic() - run.began:.1f} s after the start, with {epochs:.0f} epochs")


def watched(lab, options):
    """A service manager and /metrics watch: a shard that stands still, a start that took long."""
    manager = Manager(timeout_s=12)
    # Long, so that time stands still when nothing comes.
    flow = begin(lab, idle_after="20s", align="30d",
                 http=f"127.0.0.1:{lab.port + 49}")
    host = lab.host()
    run = lab.run(host, environment=manager.environment)
    lab.wait_records(500, 60, run)
    told = manager.told()
    if told[:1] != ["READY=1"] or "WATCHDOG=1" not in told:
        run.fail(f"the service manager was told {told}")
    for name in ("rollcall_epochs_waiting", "rollcall_epoch_age_seconds",
                 "rollcall_shard_stall_seconds", 'rollcall_commit_seconds_bucket{le="+Inf"}',
                 "rollcall_commit_seconds_sum", 'rollcall_restore_seconds{part="progress"}',
                 'rollcall_input_lag_records{topic="contact.calls",partition="0"}',
                 'rollcall_event_lag_seconds{topic="contact.calls",partition="0"}'):
        if lab.metric(name) is None:
            run.fail(f"/metrics does not say {name}")
        say(f"{name} {lab.metric(name)}")
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "metrics"], check=False, text=True,
                                 input=lab.http("/metrics")[1], capture_output=True)
        if checked.returncode:
            run.fail(f"promtool: {checked.stderr}")
    flow.allow(len(flow.lines) // 3)
    starve(lab, run, manager)
    run.kill()
    run = lab.run(host, environment=manager.environment)
    wait_until(30, "/metrics says how long the start took",
               lambda: lab.metric('rollcall_restore_seconds{part="replay"}') is not None, 0.1)
    parts = [lab.metric(f'rollcall_restore_seconds{{part="{part}"}}')
             for part in ("progress", "snapshot", "replay")]
    say("the start took {} s for progress, {} s for a snapshot, {} s to make epochs again".format(
        *parts))
    wait_until(30, "all is sent that may be", lambda: flow.sent == flow.allowed)
    ready_within(lab, run, 30)
    run.signal(signal.SIGTERM)
    run.wait(15)
    if "STOPPING=1" not in manager.told():
        run.fail("the service manager was not told that it stops")
    run = lab.run(host, environment=manager.environment)
    ready_within(lab, run, 15)
    run.kill()
    end(lab, flow, host, options)


def watched_tasks(lab, options):
    """The same where members share the tasks: one of them stands still, and the others go on."""
    manager = Manager(timeout_s=12)
    flow = begin(lab, keyed_by="client", http=f"127.0.0.1:{lab.port + 49}")
    host = lab.host()
    run = lab.run(host, environment=manager.environment)
    wait_until(40, "all tasks are live", lambda: lab.metric("rollcall_tasks_live") == 8, 0.2)
    lab.wait_records(500, 60, run)
    wait_until(10, "the service manager is told that it runs, and is well",
               lambda: {"READY=1", "WATCHDOG=1"} <= set(manager.told()), 1.5)
    flow.allow(len(flow.lines) // 3)
    starve(lab, run, manager, r"task \d")
    say(run.says(r".*warning: task.*")[0].strip()[:200])
    run.signal(signal.SIGHUP)
    run.wait_for(10, "it hears SIGHUP", "SIGHUP: nothing has changed")
    with open(lab.config, "a", encoding="utf-8") as config:
        config.write("# another one\n")
    run.signal(signal.SIGHUP)
    run.wait_for(10, "it goes over", "over to it")
    wait_until(20, "all tasks are live again", lambda: lab.metric("rollcall_tasks_live") == 8, 0.2)
    told = manager.told()
    if "STOPPING=1" in told:
        run.fail(f"a service manager is told that it stops: {told}")
    run.signal(signal.SIGTERM)
    run.wait(15)
    if "STOPPING=1" not in manager.told():
        run.fail("the service manager was not told that it stops")
    flow.finish()
    last = lab.finish(host)
    # The auditor knows one progress and one end of time: that figures are equal is shown by
    # kafka_members*.sh.
    lab.audit(last, ",".join(filter(None, (options.without, "equal", "epochs"))))


THROUGH_A_PROXY = ("silent",)
SCENARIOS = {"zombie": zombie, "early": early, "retention": retention, "lost": lost, "anew": anew,
             "overtaken": overtaken, "silent": silent, "trimmed": trimmed, "damaged": damaged,
             "ahead": ahead, "empty-host": empty_host, "disk": disk, "sync": sync, "hung": hung,
             "clock": clock, "clock-now": clock_now, "watched": watched,
             "watched-tasks": watched_tasks}

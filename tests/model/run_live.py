#!/usr/bin/python3
"""Compares the core in its live mode with the model: the events of run.py's cases, cut into epochs at random;
then again with another number of shards, and with restarts from a saved state, which must change nothing.

  run_live.py --epochs PATH [--seeds FROM-TO,…] [--keep DIR] [SEED ...]      PATH: model_epochs
"""
import argparse
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import generate  # noqa: E402
import model  # noqa: E402
import quick_yaml  # noqa: E402
import run  # noqa: E402
from generate import D, H, M, S  # noqa: E402

TOPICS = ['metrics', 'slas', 'contacts']
JUMP_MAX = 25 * D       # of all of now's jumps together: tombstones, which begin at 35 d, are not the model's


def time_of(line):
    """Of an event that is valid; else None."""
    try:
        ev = model.parse(line.encode())
        return ev and ev['time']
    except model.Bad:
        return None


def interleaved(r, files):
    """[(partition, line)], the order within a partition kept."""
    left = [list(reversed(f)) for f in files]
    fair = r.random() < .7          # else one partition may come long before another
    out = []
    while any(left):
        open_ = [i for i, f in enumerate(left) if f]
        i = r.choices(open_, [len(left[i]) for i in open_])[0] if fair else open_[0 if r.random() < .95 else -1]
        out.append((i, left[i].pop()))
    return out


def sizes(r, total):
    """How many events an epoch has."""
    how = r.choice(['one', 'few', 'few', 'mixed', 'mixed', 'many', 'all'])
    while total > 0:
        n = {'one': 1, 'few': r.randrange(0, 5), 'mixed': r.choice([0, 0, 1, 1, 2, 5, 20, 60]),
             'many': r.randrange(10, 80), 'all': total}[how]
        n = min(n, total)
        total -= n
        yield n


class Clock:
    """Where now goes at the end of an epoch: with the events, ahead of them, or behind."""

    def __init__(self, r, partitions, disorder, first, span, epochs):
        self.r = r
        self.how = r.choice(['watermark', 'watermark', 'newest', 'wander'])
        self.marks = [None] * partitions
        self.lag = r.choice([disorder, disorder, 0, 10 * M])
        self.restless = r.choice([0, .02, .1])
        self.jumps = 0
        self.step = 2 * span // max(1, epochs) + 1
        self.now = first - r.choice([0, H]) if self.how == 'wander' else None

    def see(self, partition, time):
        if time is not None:
            self.marks[partition] = max(time, self.marks[partition] or time)

    def next(self):
        r, seen = self.r, [m for m in self.marks if m is not None]
        to = None
        if self.how == 'wander':
            to = self.now + r.randrange(self.step)
        elif seen and (self.how == 'newest' or len(seen) == len(self.marks)):
            to = (max if self.how == 'newest' else min)(seen) - self.lag
        if to is not None and r.random() < self.restless:
            to = self.jump(to)
        if to is not None and r.random() < .8:
            self.now = to if self.now is None else max(to, self.now)
        return self.now

    def jump(self, at):
        far = self.r.choice([1, S, M, 10 * M, H, H, 6 * H, D, 2 * D, 5 * D])
        if self.jumps + far > JUMP_MAX:
            return at
        self.jumps += far
        return at + far


def generate_epochs(seed):
    """(configuration as YAML, [([(partition, line)], now)])"""
    case = generate.generate(seed)
    r = random.Random(seed * 2 + 1)
    case['config']['windows']['catch_up'] = r.choice(['all', 'latest'])
    lines = interleaved(r, case['files'])
    times = [t for t in (time_of(x) for _, x in lines) if t is not None]
    cuts = list(sizes(r, len(lines)))
    first, last = min(times), max(times)
    clock = Clock(r, len(case['files']), case['disorder'], first, last - first, len(cuts))
    out, at = [], 0
    for n in cuts:
        part = lines[at:at + n]
        at += n
        for i, x in part:
            clock.see(i, time_of(x))
        out.append((part, clock.next()))
    now = max(clock.now or 0, last + 1)
    for _ in range(r.randrange(7)):
        now = clock.jump(now)
        out.append(([], now))
    return quick_yaml.dump(case['config']), out


def core(path, conf, file, shards, more=()):
    """{topic: lines}"""
    try:
        p = subprocess.run([path, conf, file, str(shards), *more], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise run.Wrong('the core did not end within 60 s')
    if p.returncode:
        raise run.Wrong('the core ended with %d: %s' % (p.returncode, p.stderr.decode('utf-8', 'replace')[-600:]))
    out = {topic: [] for topic in TOPICS + ['dead_letter']}
    for x in p.stdout.splitlines():
        topic, _, value = x.partition(b'\t')
        out[topic.decode()].append(value)
    return out


def contacts_of(found):
    """In the model's order: what is late comes in the epoch after, with the now of the one before."""
    recs = sorted((json.loads(x) for x in found['contacts']), key=lambda r: (
        r['as_of_ms'], r['client'].encode(), r['contact'].encode(), r['revision']))
    return run.nameless(b''.join(run.line(r) for r in recs))


def check(path, seed, base):
    text, epochs = generate_epochs(seed)
    conf, file = os.path.join(base, 'config.yaml'), os.path.join(base, 'epochs')
    with open(conf, 'w', encoding='utf-8') as f:
        f.write(text)
    with open(file, 'w', encoding='utf-8') as f:
        f.writelines(json.dumps({'events': e, 'now': now}) + '\n' for e, now in epochs)
    want, want_dead = model.live(model.Config(text), [([(p, x.encode()) for p, x in e], now) for e, now in epochs])
    n, m = random.Random(seed).sample([1, 2, 3, 4], 2)
    found = core(path, conf, file, n)
    for topic in TOPICS:
        if topic == 'contacts':
            found[topic] = contacts_of(found)
            run.compare(topic, run.nameless(b''.join(run.line(x) for x in want[topic])), found[topic])
            continue
        run.compare(topic, want[topic], [json.loads(x) for x in found[topic]])
    dead = sorted((d['partition'], d['offset'] + 1, d['reason']) for d in map(json.loads, found['dead_letter']))
    if dead != want_dead:
        raise run.Wrong('dead letters: expected %s\n  found %s' % (
            [x for x in want_dead if x not in dead][:3], [x for x in dead if x not in want_dead][:3]))
    straight = core(path, conf, file, m)
    if any(found[topic] != (contacts_of(straight) if topic == 'contacts' else straight[topic]) for topic in TOPICS):
        raise run.Wrong('%d and %d shards differ' % (n, m))
    restarted = core(path, conf, file, n, ['restarts=%d' % (seed + 1)])
    for topic, was in straight.items():
        now = restarted[topic]
        if topic == 'contacts':     # customers' pseudonyms are of one run each
            was, now = (run.nameless(b'\n'.join(x)) for x in (was, now))
        if topic == 'dead_letter':  # they come by shard
            was, now = sorted(was), sorted(now)
        if was != now:
            at = next((i for i, pair in enumerate(zip(was, now)) if pair[0] != pair[1]), min(len(was), len(now)))
            raise run.Wrong('%s, record %d differs with restarts: expected %s\n  found %s' % (
                topic, at, was[at:at + 1], now[at:at + 1]))
    return sum(len(want[topic]) for topic in TOPICS)


def one(job):
    path, seed, keep = job
    base = os.path.join(keep, str(seed)) if keep else tempfile.mkdtemp(prefix='rollcall-live-')
    try:
        os.makedirs(base, exist_ok=True)
        return seed, check(path, seed, base), None
    except run.Wrong as w:
        return seed, 0, str(w)
    except Exception as e:
        import traceback
        return seed, 0, 'the model or its runner broke: %s: %s\n%s' % (type(e).__name__, e, traceback.format_exc())
    finally:
        if not keep:
            shutil.rmtree(base, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--epochs', required=True, help='the program model_epochs')
    ap.add_argument('--seeds', default='')
    ap.add_argument('--jobs', type=int, default=2)
    ap.add_argument('--keep', help='leave the files of every seed in DIR/SEED')
    ap.add_argument('--max-failures', type=int, default=20)
    ap.add_argument('seed', nargs='*', type=int)
    a = ap.parse_args()
    seeds = run.regressions('live') if not a.seed else a.seed
    for part in (a.seeds or ('' if a.seed else '1-200')).split(','):
        lo, _, hi = part.partition('-')
        seeds += range(int(lo), int(hi or lo) + 1) if lo else []
    seeds = list(dict.fromkeys(seeds))
    path = os.path.abspath(a.epochs)
    passed = failed = records = 0
    with multiprocessing.Pool(a.jobs) as pool:
        for seed, count, why in pool.imap(one, [(path, s, a.keep) for s in seeds]):
            records += count
            if why is None:
                passed += 1
                continue
            failed += 1
            print('FAILED seed %d\n  %s\n  again: run_live.py --epochs PATH --keep DIR %d' % (seed, why, seed),
                  flush=True)
            if failed >= a.max_failures:
                print('too many failures, stopping')
                pool.terminate()
                break
    print('%d passed, %d failed; %d records compared' % (passed, failed, records))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())

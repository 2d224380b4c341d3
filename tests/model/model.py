#!/usr/bin/python3
"""A slow, plain model of docs/SPEC.md, alerts aside.

Everything is derived from the set of facts by pure functions; README.md says which file follows which section.
  model.py CONFIG FILE... [--until T] [--provisional] [--topic metrics|slas|contacts] [--dead] [--sample 1%]
  model.py CONFIG EPOCHS --live [--dead]     one epoch a line: {"events": [[partition, "line"], ...], "now": ms}
"""
import argparse
import json
import subprocess
import sys

from contracts import Config
from engine import Run
from events import Bad, parse
from fields import LEAD  # noqa: F401
from sample import Sample
from times import INF, parse_time

TOPICS = ('metrics', 'slas', 'contacts')


class Source:
    """A file's lines, one ahead: it is at its end as soon as the last one is read."""

    def __init__(self, lines):
        self.lines, self.read, self.mark = iter(lines), 0, None
        self.ahead = next(self.lines, None)

    def take(self):
        line, self.ahead = self.ahead, next(self.lines, None)
        self.read += 1
        return line


def decode(cfg, line):
    ev = parse(line)
    if ev is not None and ev['type'] != 'tick' and cfg.clients_only and ev['client'] not in cfg.clients:
        raise Bad('unknown_client')
    return ev


def replay(cfg, files, until=None, provisional=False, sample=None):
    """files: lists of lines (bytes). Returns ({topic: [record]}, dead letters [(file, line, reason, bytes)])."""
    run = Run(cfg, provisional, wanted=sample)
    sources = [Source(x) for x in files]
    dead = {}
    largest = now = None
    while True:
        live = [i for i, s in enumerate(sources) if s.ahead is not None]
        if not live:
            break
        i = min(live, key=lambda n: (sources[n].mark if sources[n].mark is not None else -INF, n))
        s = sources[i]
        line = s.take()
        src = (i, s.read)
        ev, t = None, sample.plain_time(line) if sample and not cfg.clients_only else None
        if t is None:
            try:
                ev = decode(cfg, line)
                t = ev['time'] if ev is not None else None
            except Bad as b:
                run.dead.append(src + (str(b),))
                dead[src] = line
        if t is not None:
            if ev is not None and ev['type'] != 'tick' and (sample is None or sample.needs(ev)):
                dead_before = len(run.dead)
                if sample and now is not None and (run.now is None or now > run.now):
                    run.advance(now)
                r = run.arrive(ev, src)
                if r == 'late':
                    run.apply_late(ev)
                elif r:
                    run.dead.append(src + (r,))
                if not sample or len(run.dead) > dead_before:
                    dead[src] = line
            s.mark = max(s.mark if s.mark is not None else -INF, t - cfg.max_disorder)
            largest = t if largest is None else max(largest, t)
        open_ = [x.mark for x in sources if x.ahead is not None]
        if open_ and all(m is not None for m in open_):
            now = min(open_) if now is None else max(now, min(open_))
            if not sample and (run.now is None or now > run.now):
                run.advance(now)
    if largest is not None:
        w = largest + 1
        if until is not None:
            w = max(w, until)
        run.advance(w)
        run.at_end()
    return run.records(), sorted((f, n, r, dead.get((f, n), b'')) for f, n, r in run.dead)


def live(cfg, epochs):
    """epochs: [([(partition, line)], now)]. As replay; all published, in order."""
    run = Run(cfg, True, cfg.catch_up != 'all')
    offs = {}
    for events, now in epochs:
        late = []
        for part, line in events:
            offs[part] = offs.get(part, 0) + 1
            src = (part, offs[part])
            try:
                ev = decode(cfg, line)
            except Bad as b:
                run.dead.append(src + (str(b),))
                continue
            if ev is None or ev['type'] == 'tick':
                continue
            r = run.arrive(ev, src)
            if r == 'late':
                late.append(ev)
            elif r:
                run.dead.append(src + (r,))
        for ev in sorted(late, key=lambda e: (e['time'], e['src'])):
            run.apply_late(ev)
        if now is not None and (run.now is None or now > run.now):
            run.advance(now)
    return run.records(), sorted(run.dead)


def read_lines(path):
    if path.endswith('.zst'):
        data = subprocess.run(['zstd', '-dcq', path], stdout=subprocess.PIPE, check=True).stdout
    else:
        with open(path, 'rb') as f:
            data = f.read()
    lines = data.split(b'\n')
    if lines and lines[-1] == b'':
        lines.pop()
    return lines


class Lines:
    """A file's lines, read anew each time: for files too large to hold."""

    def __init__(self, path):
        self.path = path

    def __iter__(self):
        if self.path.endswith('.zst'):
            with subprocess.Popen(['zstd', '-dcq', self.path], stdout=subprocess.PIPE) as p:
                yield from (x.rstrip(b'\n') for x in p.stdout)
        else:
            with open(self.path, 'rb') as f:
                yield from (x.rstrip(b'\n') for x in f)


def show(rec):
    print(json.dumps(rec, ensure_ascii=False, separators=(',', ':')))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('config')
    ap.add_argument('files', nargs='+')
    ap.add_argument('--until')
    ap.add_argument('--provisional', action='store_true')
    ap.add_argument('--live', action='store_true', help='the file holds epochs')
    ap.add_argument('--topic', choices=TOPICS, default='metrics')
    ap.add_argument('--dead', action='store_true', help='print the dead letters instead')
    ap.add_argument('--sample', help='only the keys of so many of the queues: 1%% of them, roll-ups left out')
    a = ap.parse_args()
    with open(a.config, encoding='utf-8') as f:
        cfg = Config(f.read())
    if a.live:
        epochs = [json.loads(x) for x in read_lines(a.files[0])]
        recs, dead = live(cfg, [([(p, x.encode()) for p, x in e['events']], e['now']) for e in epochs])
        dead = [{'partition': p, 'offset': n - 1, 'reason': w} for p, n, w in dead]
    else:
        files = [(Lines if a.sample else read_lines)(p) for p in a.files]
        sample = Sample(a.sample, files) if a.sample else None
        recs, dead = replay(cfg, files, parse_time(a.until) if a.until else None, a.provisional, sample)
        dead = [{'file': a.files[f], 'line': n, 'reason': r, 'value': v.decode('utf-8', 'replace')}
                for f, n, r, v in dead]
    for r in dead if a.dead else recs[a.topic]:
        show(r)


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/python3
"""Compares a binary's replay with the model on random cases, and checks laws that need no model.

  run.py --rollcall PATH [--topics metrics,slas,contacts] [--seeds FROM-TO,…] [--jobs N] [--passed FILE] [--keep DIR]
         [SEED ...]
  run.py --rollcall PATH --set CONFIG FILE... [--sample 1%]
"""
import argparse
import glob
import hashlib
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

IDENT = ('client', 'queue', 'channel', 'window', 'kind', 'start_ms', 'clock', 'contact', 'as_of_ms')


class Wrong(Exception):
    pass


def binary(path, conf, files, args, shards, out, topics):
    """{topic: bytes}"""
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    cmd = [path, 'replay', conf] + files + ['--quiet', '--out', out]
    cmd += ['--shards', str(shards)] + args
    try:
        p = subprocess.run(cmd, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise Wrong('the binary did not end within 60 s')
    if p.returncode:
        raise Wrong('the binary ended with %d: %s' % (p.returncode, p.stderr.decode('utf-8', 'replace')[-600:]))
    got = {}
    for name in topics:
        f = os.path.join(out, name + '.ndjson')
        data = open(f, 'rb').read() if os.path.exists(f) else b''
        got[name] = b''.join(line(x) for x in nameless(data)) if name == 'contacts' else data
    return got


def line(rec):
    return json.dumps(rec, ensure_ascii=False, separators=(',', ':')).encode() + b'\n'


def nameless(data):
    """Records of contacts; a customer, whose pseudonym differs from run to run, becomes the place of its first one."""
    recs = [json.loads(x) for x in data.splitlines()]
    seen = {}
    for r in recs:
        if 'customer' in r:
            r['customer'] = seen.setdefault((r['client'], r['customer']), '#%d' % len(seen))
    return recs


def ident(r):
    return '|'.join(str(r.get(k)) for k in IDENT if k in r)


def compare(topic, want, found):
    for i in range(max(len(want), len(found))):
        if i >= len(found) or (i < len(want) and ident(want[i]) != ident(found[i])):
            w = want[i] if i < len(want) else None
            f = found[i] if i < len(found) else None
            ids = {ident(x) for x in found[i:]}
            if w is None or (f is not None and ident(w) in ids and ident(f) not in {ident(x) for x in want}):
                raise Wrong('%s, record %d: not expected: %s' % (topic, i, brief(f)))
            raise Wrong('%s, record %d: expected %s\n  found %s' % (topic, i, brief(w), brief(f) if f else 'nothing'))
        if i >= len(want):
            raise Wrong('%s, record %d: not expected: %s' % (topic, i, brief(found[i])))
        w, f = want[i], found[i]
        fields = list(w)
        if list(f) != fields:
            raise Wrong('%s, record %d %s: fields %s\n  found %s' % (topic, i, ident(w), fields, list(f)))
        c = f['contract']
        if not (isinstance(c, str) and len(c) == 16 and set(c) <= set('0123456789abcdef')):
            raise Wrong('%s, record %d %s: contract %r' % (topic, i, ident(w), c))
        bad = ['%s: expected %r, found %r' % (k, w[k], f[k]) for k in fields
               if k != 'contract' and (w[k] != f[k] or type(w[k]) is not type(f[k]))]
        if bad:
            raise Wrong('%s, record %d %s (%s)\n  %s' % (topic, i, ident(w), w.get('status', ''), '\n  '.join(bad)))


def brief(r):
    return '%s %s r%s %s' % (ident(r), r.get('status', ''), r['revision'], json.dumps(
        {k: v for k, v in r.items() if k not in model.LEAD and v not in (0, None) and not isinstance(v, bool)}))


def one(job):
    path, seed, keep, topics = job
    base = os.path.join(keep, str(seed)) if keep else tempfile.mkdtemp(prefix='rollcall-model-')
    files_of = topics + ['dead_letter']
    try:
        case, orders = generate.arrangements(seed)
        args = generate.args(case)
        cfg = model.Config(case['text'])
        conf, files = generate.write(case, base)
        lines = [model.read_lines(f) for f in files]
        recs, dead = model.replay(cfg, lines, case['until'], case['provisional'])
        r = random.Random(seed)
        n, m = r.sample([1, 2, 3, 4], 2)
        a = binary(path, conf, files, args, n, os.path.join(base, 'out'), files_of)
        for t in topics:
            want = b''.join(line(x) for x in recs[t])
            compare(t, nameless(want) if t == 'contacts' else recs[t], [json.loads(x) for x in a[t].splitlines()])
        found = [json.loads(x) for x in a['dead_letter'].splitlines()]
        want = [(os.path.basename(files[f]), ln, why, v.decode('utf-8', 'replace')) for f, ln, why, v in dead]
        found = [(os.path.basename(str(d['file'])), d['line'], d['reason'], d['value']) for d in found]
        if want != found:
            i = next((i for i, (x, y) in enumerate(zip(want, found)) if x != y), min(len(want), len(found)))
            raise Wrong('dead letter %d: expected %s, found %s' % (i, want[i:i + 1], found[i:i + 1]))
        b = binary(path, conf, files, args, m, os.path.join(base, 'out-shards'), files_of)
        if a != b:
            raise Wrong('--shards %d and %d differ in %s' % (n, m, [t for t in a if a[t] != b[t]]))
        first = None
        for i, (name, fs) in enumerate(orders):
            conf, files = generate.write(case, os.path.join(base, 'law%d' % i), fs)
            g = binary(path, conf, files, args, n, os.path.join(base, 'law%d' % i, 'out'), topics)
            if first is None:
                first = g
            for t in topics:
                if g[t] != first[t]:
                    x, y = first[t].splitlines(), g[t].splitlines()
                    j = next((j for j, (p, q) in enumerate(zip(x, y)) if p != q), min(len(x), len(y)))
                    raise Wrong('law: sorted and %s differ in %s at record %d:\n  %s\n  %s' % (
                        name, t, j, (x[j:j + 1] or [b'nothing'])[0].decode(), (y[j:j + 1] or [b'nothing'])[0].decode()))
        law_of_late(path, seed, base, n, [t for t in topics if t != 'contacts'])
        return seed, None
    except Wrong as w:
        return seed, str(w)
    except Exception as e:
        import traceback
        return seed, 'the model or its runner broke: %s: %s\n%s' % (type(e).__name__, e, traceback.format_exc())
    finally:
        if not keep:
            shutil.rmtree(base, ignore_errors=True)


TELLS = ('revision', 'status', 'as_of_ms', 'oldest_wait_ms')
FIXED = set(model.LEAD) | {'clock', 'measure'}


def last_records(data):
    """{key: record} of intervals, without what may tell of the order of arrival. A record of zeros is as good as none."""
    out = {}
    for x in data.splitlines():
        r = json.loads(x)
        if r['kind'] == 'interval':
            out[tuple(r.get(k) for k in IDENT[:-1])] = {k: v for k, v in r.items() if k not in TELLS}
    return {k: r for k, r in out.items()
            if any(v for f, v in r.items() if f not in FIXED and '_target_' not in f and not f.endswith('_ok'))}


def law_of_late(path, seed, base, shards, topics):
    if not topics or seed % 1000 == 24 and seed >= generate.LONG:
        return      # an episode of more contacts than it holds: those known first
    case, in_order, as_they_come = generate.late(seed)
    got, refused = [], []
    for name, fs in (('in-order', [in_order]), ('late', [as_they_come])):
        conf, files = generate.write(case, os.path.join(base, name), fs)
        out = binary(path, conf, files, generate.args(case), shards, os.path.join(base, name, 'out'),
                     topics + ['dead_letter'])
        dead = [json.loads(x) for x in out['dead_letter'].splitlines()]
        if any(d['reason'].startswith('limit:') for d in dead):
            return      # what goes beyond a limit depends on the order
        refused.append(sorted((d['reason'], d['value']) for d in dead))
        got.append(out)
    if refused[0] != refused[1]:
        raise Wrong('law: late events are refused otherwise: %d in order, %d late' % tuple(map(len, refused)))
    for t in topics:
        a, b = (last_records(g[t]) for g in got)
        for k in sorted(set(a) | set(b), key=str):
            if a.get(k) != b.get(k):
                x, y = a.get(k, {}), b.get(k, {})
                raise Wrong('law: late events change the last record of %s %s: %s' % (t, k, ', '.join(
                    '%s: %r, late %r' % (f, x.get(f), y.get(f)) for f in x | y if x.get(f) != y.get(f))))


def one_set(path, topics, conf, files, sample, out=None):
    """A given set of events, whole or the keys of some of its queues; `out`: where its replay is already. Returns
    what is wrong, or None."""
    with tempfile.TemporaryDirectory(prefix='rollcall-model-') as base:
        plain = []
        for i, f in enumerate(files):
            if f.endswith('.zst'):
                plain.append(os.path.join(base, '%d.ndjson' % i))
                subprocess.run(['zstd', '-dqf', f, '-o', plain[-1]], check=True)
            else:
                plain.append(f)
        with open(conf, encoding='utf-8') as f:
            cfg = model.Config(f.read())
        lines = [model.Lines(f) for f in plain]
        part = model.Sample(sample, lines) if sample else None
        recs, _ = model.replay(cfg, lines, sample=part)
        if out is None:
            out = base
            subprocess.run([path, 'replay', conf] + plain + ['--quiet', '--out', out], check=True)
        try:
            for t in topics:
                f = os.path.join(out, t + '.ndjson')
                found = (json.loads(x) for x in model.Lines(f)) if os.path.exists(f) else []
                found = b''.join(line(x) for x in found if part is None or (x['client'], x['queue']) in part)
                want = b''.join(line(x) for x in recs[t])
                read = nameless if t == 'contacts' else lambda data: [json.loads(x) for x in data.splitlines()]
                compare(t, read(want), read(found))
                print('%s: %d records agree' % (t, len(recs[t])))
        except Wrong as w:
            return str(w)
    return None


def regressions(of=None):
    """Lines are `SEED # why`, or `live SEED # why` for those of run_live.py."""
    with open(os.path.join(HERE, 'regressions.txt')) as f:
        words = [x.split('#')[0].split() for x in f]
    return [int(w[-1]) for w in words if w and w[:-1] == ([of] if of else [])]


class Passed:
    """The seeds that passed, one a line, for a long run to go on where it stopped. The first line names binary,
    model and topics: what another one passed says nothing."""

    def __init__(self, path, rollcall, topics):
        digest = hashlib.sha256(','.join(topics).encode())
        for p in [rollcall] + sorted(glob.glob(os.path.join(HERE, '*.py'))):
            with open(p, 'rb') as f:
                digest.update(f.read())
        head = '# ' + digest.hexdigest()[:16]
        self.seeds = set()
        if os.path.exists(path):
            with open(path) as f:
                lines = f.read().split('\n')[:-1]     # a line that was cut off while written is run again
            if lines[:1] == [head]:
                self.seeds = set(map(int, lines[1:]))
            elif lines:
                print('%s is of another binary, model or topics: all seeds run' % path)
        self.file = open(path, 'w')
        self.file.write('\n'.join([head] + [str(x) for x in sorted(self.seeds)]) + '\n')
        self.file.flush()

    def add(self, seed):
        self.seeds.add(seed)
        self.file.write('%d\n' % seed)
        self.file.flush()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--rollcall', required=True)
    ap.add_argument('--topics', default='metrics', help='which to compare, of metrics,slas,contacts (default metrics)')
    ap.add_argument('--seeds', default='')
    ap.add_argument('--jobs', type=int, default=2)
    ap.add_argument('--set', nargs='+', metavar=('CONFIG', 'FILE'), help='this set of events instead of seeds')
    ap.add_argument('--sample', help='of --set, only the keys of so many of the queues: 1%%')
    ap.add_argument('--keep', help='leave the files of every seed in DIR/SEED')
    ap.add_argument('--passed', metavar='FILE', help='write there which seeds passed, and leave out those it names')
    ap.add_argument('--max-failures', type=int, default=20)
    ap.add_argument('seed', nargs='*', type=int)
    a = ap.parse_args()
    seeds = regressions() if not a.seed else []
    for part in (a.seeds or ('' if a.seed else '1-200')).split(','):
        if part:
            lo, _, hi = part.partition('-')
            seeds += range(int(lo), int(hi or lo) + 1)
    seeds += a.seed
    seeds = list(dict.fromkeys(seeds))
    path = os.path.abspath(a.rollcall)
    topics = a.topics.split(',')
    if not set(topics) <= set(model.TOPICS):
        ap.error('--topics: of %s' % ','.join(model.TOPICS))
    if a.set:
        missing = [f for f in a.set if not os.path.exists(f)]
        if missing:
            print('SKIPPED: %s is not there' % missing[0])
            return 77
        why = one_set(path, topics, a.set[0], a.set[1:], a.sample)
        print('1 passed, 0 failed' if why is None else 'FAILED\n  %s\n0 passed, 1 failed' % why)
        return 1 if why else 0
    passed = failed = 0
    book = Passed(a.passed, path, topics) if a.passed else None
    if book:
        left = [x for x in seeds if x not in book.seeds]
        print('%d of %d seeds have passed before' % (len(seeds) - len(left), len(seeds)), flush=True)
        passed, seeds = len(seeds) - len(left), left
    with multiprocessing.Pool(a.jobs) as pool:
        for seed, why in pool.imap_unordered(one, [(path, s, a.keep, topics) for s in seeds]):
            if why is None:
                passed += 1
                if book:
                    book.add(seed)
                continue
            failed += 1
            print('FAILED seed %d\n  %s\n  again: run.py --rollcall PATH --keep DIR %d' % (seed, why, seed), flush=True)
            if failed >= a.max_failures:
                print('too many failures, stopping')
                pool.terminate()
                break
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

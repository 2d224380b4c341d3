#!/usr/bin/python3
"""Checks a folder of hand-made cases against the model (--model) or a binary (--rollcall PATH)."""
import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import model  # noqa: E402

# What each side does not have yet, a case or a variant of it; --all counts them too.
NOT_YET = {'alert-clock', 'alert-figure'}
MODEL_NOT_YET = {'alert-clock', 'alert-figure'}
SELECT = ('kind', 'client', 'queue', 'channel', 'window', 'clock')
LEAD = set(model.LEAD) | {'clock', 'measure'}


def zero(r):
    skip = ('_bp', '_ok', '_ms')
    return not any(v for k, v in r.items() if k not in LEAD and not k.endswith(skip)) and not r.get('oldest_wait_ms')


def by_model(config, events, until):
    with open(config, encoding='utf-8') as f:
        cfg = model.Config(f.read())
    recs, dead = model.replay(cfg, [model.read_lines(events)], model.parse_time(until) if until else None)
    return recs['metrics'], recs['slas'], [], [{'line': n, 'reason': r} for _, n, r, _ in dead]


def by_binary(path):
    def run(config, events, until):
        with tempfile.TemporaryDirectory() as d:
            cmd = [path, 'replay', config, events, '--quiet', '--out', d]
            if until:
                cmd += ['--until', until]
            p = subprocess.run(cmd, capture_output=True, timeout=120)
            if p.returncode:
                raise RuntimeError('exit %d: %s' % (p.returncode, p.stderr.decode()[-300:]))
            out = []
            for name in ('metrics', 'slas', 'alerts', 'dead_letter'):
                f = os.path.join(d, name + '.ndjson')
                out.append([json.loads(x) for x in model.read_lines(f)] if os.path.exists(f) else [])
            return out
    return run


def lookup(recs, want):
    """The last record that a line asks for, or None."""
    pos = 'end_ms' if want.get('kind') == 'rolling' else 'start_ms'
    found = [r for r in recs if all(r.get(k) == want[k] for k in SELECT if k in want) and r[pos] == want[pos]]
    return found[-1] if found else None


def check(lines, got):
    metrics, slas, alerts, dead = got
    bad = []
    for w in lines:
        out = w.get('out')
        if out == 'args':
            continue
        if out == 'dead':
            if not any(d['line'] == w['line'] and d['reason'] == w['reason'] for d in dead):
                bad.append('%s: found %s' % (w, [d['reason'] for d in dead if d['line'] == w['line']]))
        elif out == 'dead_total':
            if len(dead) != w['n']:
                bad.append('%s: found %d' % (w, len(dead)))
        elif out == 'alert_total':
            if len(alerts) != w['n']:
                bad.append('%s: found %d' % (w, len(alerts)))
        elif out == 'alert':
            want = {k: v for k, v in w.items() if k != 'out'}
            if not any(all(a.get(k) == v for k, v in want.items()) for a in alerts):
                bad.append('%s: no such alert' % w)
        elif out == 'count':
            want = {k: v for k, v in w.items() if k not in ('out', 'n')}
            last = {}
            for i, r in enumerate(metrics):
                k = (r['client'], r['queue'], r['channel'], r['window'], r['start_ms'])
                last[k + (i,) if r['kind'] == 'rolling' else k] = r
            n = sum(1 for r in last.values() if all(r.get(k) == v for k, v in want.items()) and
                    (r['kind'] == 'rolling' or not zero(r)))
            if n != w['n']:
                bad.append('%s: found %d' % (w, n))
        else:
            r = lookup(slas if out == 'slas' else metrics, w)
            if w.get('absent'):
                if r is not None and not zero(r):
                    bad.append('%s: found one' % w)
                continue
            for k, v in w.items():
                if k in SELECT or k in ('out', 'start_ms') or (k == 'end_ms' and w['kind'] == 'rolling'):
                    continue
                default = 0 if isinstance(v, int) and not isinstance(v, bool) else None
                f = r.get(k) if r is not None else default
                if f != v or isinstance(f, bool) != isinstance(v, bool):
                    bad.append('%s %s %s: %s expected %r, found %r%s' % (
                        w['queue'], w['window'], w.get('start_ms', w.get('end_ms')), k, v, f,
                        '' if r is not None else ' (no record)'))
    return bad


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--model', action='store_true')
    ap.add_argument('--rollcall')
    ap.add_argument('--all', action='store_true', help='the cases of NOT_YET count, too')
    ap.add_argument('--dir', default=os.path.join(HERE, '..', '..', '..', 'shared', 'vectors'))
    ap.add_argument('names', nargs='*')
    a = ap.parse_args()
    if not a.model and not a.rollcall:
        ap.error('--model or --rollcall PATH')
    if not os.path.isdir(a.dir):
        print('no folder of vectors: skipped\n0 passed, 0 failed, 0 skipped')
        return 0
    passed = failed = skipped = 0
    not_yet = MODEL_NOT_YET if a.model else NOT_YET
    run = by_model if a.model else by_binary(os.path.abspath(a.rollcall))
    for d in sorted(glob.glob(os.path.join(a.dir, '*', ''))):
        name = os.path.basename(d.rstrip('/'))
        if a.names and name not in a.names:
            continue
        for config in sorted(glob.glob(d + 'config*.yaml')):
            variant = re.fullmatch(r'config(\..+)?\.yaml', os.path.basename(config)).group(1) or ''
            lines = [json.loads(x) for x in model.read_lines(d + 'expect%s.ndjson' % variant)]
            until = next((w['until'] for w in lines if w.get('out') == 'args'), None)
            label = name + variant
            try:
                bad = check(lines, run(config, d + 'events.ndjson', until))
            except Exception as e:              # a case that breaks is a case that fails
                bad = ['%s: %s' % (type(e).__name__, e)]
            if not a.all and {name, label} & not_yet:
                skipped += 1
                print('not yet: %s%s' % (label, '' if bad else ' (passes: take it off the list)'))
            elif bad:
                failed += 1
                print('FAILED %s' % label)
                for b in bad[:6]:
                    print('  ' + b)
            else:
                passed += 1
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

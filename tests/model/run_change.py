#!/usr/bin/python3
"""Another configuration in the middle of a run (agg_configure): laws that the core keeps, over the epochs of run_live.py.

  run_change.py --epochs PATH [--seeds FROM-TO,…] [--keep DIR] [SEED ...]      PATH: model_epochs

- again: going over to the same configuration, several times, changes no byte.
- back: going over to another one that loses nothing, and back at once, changes no byte.
- over: where nothing is forgotten and nothing closed, the last interval record of every key, the last record of every
  contact and the rolling records from the next T on are those of a run under the other configuration from the beginning.
"""
import argparse
import copy
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import generate  # noqa: E402
import generate_long  # noqa: E402
import quick_yaml  # noqa: E402
import run  # noqa: E402
import run_live  # noqa: E402
from generate import H  # noqa: E402

LEAD = ('as_of_ms', 'status', 'revision', 'oldest_wait_ms')
NAMES = tuple(x for x in run.IDENT if x != 'as_of_ms')
RETENTION = ['call', 'chat', 'ticket', 'open_tickets', 'identity']


def config_again(seed, r):
    """A configuration that the seed might have had as well: of the same zone, days and names."""
    g = generate_long.LongGen(seed) if seed >= generate.LONG else generate.Gen(seed)
    g.r = r
    return g.config()


def is_crowd(seed):
    return seed >= generate.LONG and seed % 1000 == 24


def windows_more(r, windows):
    """The same ones among others, in any order."""
    out = copy.deepcopy(windows)
    rolling, interval = out.get('rolling', []), out.get('interval', [])
    if r.random() < .5:
        rolling.append({'name': 'r9', 'length': '2m', 'every': '1m'})
    more = [w for w in ['15m', '30m', '1h', 'day', 'week', 'month'] if w not in interval]
    interval += r.sample(more, r.randrange(len(more) + 1))
    r.shuffle(rolling)
    r.shuffle(interval)
    out['rolling'], out['interval'] = rolling, interval
    return out


def longer(r, text):
    n, unit = int(text.rstrip('smhd')), text.lstrip('0123456789')
    return '%d%s' % (n * r.choice([1, 1, 2, 5]), unit)


def keep_slas(of, to):
    """A clock that is not there any more ends, and with it what was forgotten: not for `back`."""
    if 'ticket' in of and 'slas' in of['ticket']:
        to.setdefault('ticket', {})['slas'] = copy.deepcopy(of['ticket']['slas'])
    elif 'slas' in to.get('ticket', {}):
        del to['ticket']['slas']


def dated_slas(of):
    return {day: {'ticket': {'slas': copy.deepcopy(part['ticket']['slas'])}}
            for day, part in (of or {}).get('from', {}).items() if 'slas' in part.get('ticket', {})}


def keeps_all(a, b, r):
    """B, so that it loses nothing of A: zones, groups, clocks and windows stay."""
    b['windows'] = windows_more(r, a['windows'])
    b['windows']['catch_up'] = r.choice(['all', 'latest'])
    b['calendars'] = copy.deepcopy(a.get('calendars', {})) | b.get('calendars', {}) if r.random() < .5 else b['calendars']
    b['time']['retention'] = {k: longer(r, v) for k, v in a['time']['retention'].items()}
    b['defaults']['timezone'] = a['defaults'].get('timezone', 'UTC')
    keep_slas(a['defaults'], b['defaults'])
    clients = {}
    for name, was in a['clients'].items():
        was = was or {}
        is_ = b['clients'].get(name) or {}
        is_.pop('timezone', None)
        if 'timezone' in was:
            is_['timezone'] = was['timezone']
        keep_slas(was, is_)
        for q, part in list(is_.get('queues', {}).items()):
            keep_slas(was.get('queues', {}).get(q) or {}, part)
            is_['queues'][q] = part or {'csat': {'satisfied_at': 2}}
        for q, part in was.get('queues', {}).items():
            if 'slas' in (part or {}).get('ticket', {}) or dated_slas(part):
                keep_slas(part, is_.setdefault('queues', {}).setdefault(q, {}))
        groups = copy.deepcopy(was.get('groups', {}))
        for g in groups.values():
            if r.random() < .3:
                g['queues'] = r.sample(['a', 'b', 'c'], r.randrange(1, 4))
        if r.random() < .3:
            groups['a0'] = {'queues': ['a', 'c']}
        if groups:
            is_['groups'] = groups
        elif 'groups' in is_:
            del is_['groups']
        clients[name] = is_ or {'csat': {'satisfied_at': 4}}
    b['clients'] = clients
    for part in walk(b):    # summaries of episodes are to live as long
        part.pop('from', None)
        if 'fcr' in part:
            part['fcr'].pop('window', None)
            part['fcr'] = part['fcr'] or {'target': '60%'}
    b['defaults']['fcr'] = b['defaults'].get('fcr', {}) | {'window': '30d'}
    b['time']['restate_for'] = {k: '3000d' for k in ('default', 'day', 'week', 'month')}
    levels = [(a['defaults'], b['defaults'])]
    for name, was in a['clients'].items():
        levels.append((was, clients[name]))
        levels += [(part, clients[name]['queues'][q]) for q, part in (was or {}).get('queues', {}).items() if dated_slas(part)]
    for was, is_ in levels:
        if dated_slas(was):
            is_['from'] = dated_slas(was)
    return b


def walk(node):
    if isinstance(node, dict):
        yield node
        for v in list(node.values()):
            yield from walk(v)


def never_forgets(cfg):
    cfg['time']['retention'] = {k: '3000d' for k in RETENTION}
    cfg['time']['restate_for'] = {k: '3000d' for k in ('default', 'day', 'week', 'month')}


class Case:
    def __init__(self, path, seed, base):
        self.path, self.seed, self.base = path, seed, base
        self.r = random.Random(seed * 7 + 3)
        text, self.epochs = run_live.generate_epochs(seed)
        self.a = quick_yaml.load(text)
        self.shards = self.r.choice([1, 2, 3, 4])

    def config(self, name, cfg):
        p = os.path.join(self.base, name + '.yaml')
        with open(p, 'w', encoding='utf-8') as f:
            f.write(quick_yaml.dump(cfg))
        return p

    def write(self, name, epochs):
        p = os.path.join(self.base, name)
        with open(p, 'w', encoding='utf-8') as f:
            f.writelines(json.dumps({'events': e, 'now': now}) + '\n' for e, now in epochs)
        return p

    def core(self, conf, file, changes=()):
        found = run_live.core(self.path, conf, file, self.shards, [str(x) for c in changes for x in c])
        found['contacts'] = b'\n'.join(found['contacts']) and run.nameless(b'\n'.join(found['contacts']))
        return found


def same_bytes(want, found, law):
    for topic in want:
        if want[topic] == found[topic]:
            continue
        w, f = [[x if isinstance(x, dict) else json.loads(x) for x in side[topic]] for side in (want, found)]
        if topic != 'dead_letter':
            try:
                run.compare(topic, w, f)
            except run.Wrong as wrong:
                raise run.Wrong('%s: %s' % (law, wrong))
        raise run.Wrong('%s: %s differ' % (law, topic))


def law_again(case):
    conf, file = case.config('a', case.a), case.write('epochs', case.epochs)
    n = len(case.epochs)
    at = sorted(case.r.randrange(1, n + 1) for _ in range(case.r.choice([1, 1, 2, 5])))
    want = case.core(conf, file)
    same_bytes(want, case.core(conf, file, [(k, conf) for k in at]), 'again after %s' % at)
    return want


def law_back(case, want):
    a, b = case.config('a', case.a), case.config('b', keeps_all(case.a, config_again(case.seed, case.r), case.r))
    k = case.r.randrange(1, len(case.epochs) + 1)
    file = os.path.join(case.base, 'epochs')
    same_bytes(want, case.core(a, file, [(k, b), (k, a)]), 'back after %d' % k)


# ---- over

def told(rec):
    """What a record says of its window; None: nothing is in it."""
    any_ = any(v not in (0, None) for f, v in rec.items()
               if f not in LEAD + NAMES + ('contract', 'end_ms', 'measure') and 'target' not in f)
    return {k: v for k, v in rec.items() if k not in LEAD} if any_ else None


def last_intervals(lines):
    out = {}
    for rec in map(json.loads, lines):
        if rec['kind'] == 'interval':
            out['|'.join(str(rec[k]) for k in NAMES if k in rec)] = told(rec)
    return {k: v for k, v in out.items() if v}


def rolling(lines):
    """{key: [(T, what is in it)]}"""
    out = {}
    for rec in map(json.loads, lines):
        if rec['kind'] == 'rolling':
            key = '|'.join(str(rec[k]) for k in NAMES if k in rec and k != 'start_ms')
            said = told(rec)
            said and [said.pop(k) for k in ('start_ms', 'end_ms')]
            out.setdefault(key, []).append((rec['as_of_ms'], said))
    return out


def differ(law, key, want, found):
    if want != found:
        names = [k for k in (want or found) if (want or {}).get(k) != (found or {}).get(k)]
        raise run.Wrong('%s: %s\n  %s' % (law, key, '\n  '.join('%s: expected %r, found %r' % (
            k, (want or {}).get(k), (found or {}).get(k)) for k in names)))


def last_contacts(recs):
    out, first = {}, {}
    for rec in sorted(recs, key=lambda r: r['revision']):    # of one instant they stand by queue
        out[rec['client'], rec['contact']] = {k: v for k, v in rec.items() if k not in LEAD}
    for key in sorted(out):
        customer = out[key].get('customer')
        if customer:
            out[key]['customer'] = first.setdefault(customer, key)
    return out


def law_over(case):
    r, a = case.r, copy.deepcopy(case.a)
    b = config_again(case.seed, r) if r.random() < .7 else keeps_all(a, config_again(case.seed, r), r)
    for cfg in (a, b):
        never_forgets(cfg)
    b.pop('clients_only', None)
    if 'clients_only' in a:
        b['clients_only'] = True
        b['clients'] = {k: b['clients'].get(k) or {'csat': {'satisfied_at': 3}} for k in a['clients']}
    b['windows']['catch_up'] = r.choice(['all', 'latest'])
    last = max(now or 0 for _, now in case.epochs)
    epochs = case.epochs + [([], last + 25 * H), ([], last + 50 * H)]    # all that differs is looked at
    k = r.randrange(1, len(case.epochs) + 1)
    now = max([now for _, now in epochs[:k] if now is not None] or [0])
    file = case.write('epochs-over', epochs)
    conf_a, conf_b = case.config('over-a', a), case.config('over-b', b)
    want, found = case.core(conf_b, file), case.core(conf_a, file, [(k, conf_b)])
    law = 'over after %d' % k
    if want['dead_letter'] != found['dead_letter']:
        raise run.Wrong(law + ': dead letters differ')
    count = 0
    for topic in ('metrics', 'slas'):
        w, f = last_intervals(want[topic]), last_intervals(found[topic])
        kinds = set(b['windows']['interval'])
        f = {k: v for k, v in f.items() if v['window'] in kinds}    # of a dropped window nothing is said
        for key in sorted(set(w) | set(f)):
            differ(law, topic + ' ' + key, w.get(key), f.get(key))
            count += 1
        count += compare_rolling(law, topic, rolling(want[topic]), rolling(found[topic]), now, b)
    w, f = last_contacts(want['contacts']), last_contacts(found['contacts'])
    for key in sorted(set(w) | set(f)):
        differ(law, 'contacts %s %s' % key, w.get(key), f.get(key))
    return count + len(w)


def compare_rolling(law, topic, want, found, now, b):
    """What stands after each T, from the first one after the change on."""
    every = {x['name'] for x in b['windows'].get('rolling', [])}
    count = 0
    for key in sorted(set(want) | set(found)):
        if not every & set(key.split('|')):
            continue
        w, f = dict(want.get(key, [])), dict(found.get(key, []))
        stands = [None, None]
        for t in sorted(set(w) | set(f)):
            stands = [w.get(t, stands[0]), f.get(t, stands[1])]
            if t > now:
                differ(law, '%s %s at %d' % (topic, key, t), *stands)
                count += 1
    return count


def check(path, seed, base):
    case = Case(path, seed, base)
    want = law_again(case)
    if is_crowd(seed):
        return sum(map(len, want.values()))
    law_back(case, want)
    return sum(map(len, want.values())) + law_over(case)


def one(job):
    path, seed, keep = job
    base = os.path.join(keep, str(seed)) if keep else tempfile.mkdtemp(prefix='rollcall-change-')
    try:
        os.makedirs(base, exist_ok=True)
        return seed, check(path, seed, base), None
    except run.Wrong as w:
        return seed, 0, str(w)
    except Exception as e:
        import traceback
        return seed, 0, 'the runner broke: %s: %s\n%s' % (type(e).__name__, e, traceback.format_exc())
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
    seeds = list(a.seed) or run.regressions('change')
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
            print('FAILED seed %d\n  %s\n  again: run_change.py --epochs PATH --keep DIR %d' % (seed, why, seed),
                  flush=True)
            if failed >= a.max_failures:
                print('too many failures, stopping')
                pool.terminate()
                break
    print('%d passed, %d failed; %d records compared' % (passed, failed, records))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())

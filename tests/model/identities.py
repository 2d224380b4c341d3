#!/usr/bin/python3
"""Laws between the records of one replay that need no model.

  identities.py CONFIG DIR [--jobs N]     DIR: what `rollcall replay --out DIR` wrote

Of rollcall.metrics and rollcall.slas, client by client, so that no more than one client is held:
  roll-up   at every as_of_ms, `*` and each @group are the sum of their queues: counts, sums and states
  span      30m = its 15m, 1h = its 15m and 30m, day = its 15m, 30m and 1h, week and month = their days: last records,
            counts and sums; the states of what is over are those of its last part
  arrival   (channels with basis: arrival) offered = answered + abandoned + flowed_out + still waiting: over all
            intervals of a window, and in a rolling window of a day; nowhere less than 0, or more than wait
Windows must not close before the end of the input (restate_for): a closed one stays while a longer one changes.
"""
import argparse
import bisect
import collections
import json
import multiprocessing
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import fields  # noqa: E402
import quick_yaml  # noqa: E402

TOPICS = ('metrics', 'slas')
PARTS = [('30m', '15m'), ('1h', '15m'), ('1h', '30m'), ('day', '15m'), ('day', '30m'), ('day', '1h'), ('week', 'day'),
         ('month', 'day')]
CALL = [f for f in fields.CALL_SUMS if f != 'wait_ms_max']
CALL_STATE = [f for f in fields.CALL_STATE if f != 'oldest_wait_ms']
ADDED = {'call': CALL + CALL_STATE, 'chat': CALL + CALL_STATE, 'ticket': fields.TICKET_SUMS + fields.TICKET_STATE,
         'slas': ['sla_met', 'sla_of']}
SUMS = {'call': len(CALL), 'chat': len(CALL), 'ticket': len(fields.TICKET_SUMS), 'slas': 2}
WAITED = [CALL.index(f) for f in ('offered', 'answered', 'abandoned', 'flowed_out')]
WAITING = len(CALL) + CALL_STATE.index('waiting')
DAY = 86400000
SHOWN = 5


class Books:
    """The last values of every key of a client."""

    def __init__(self, groups, arrival, windows):
        self.of = collections.defaultdict(lambda: ['*'])    # queue -> roll-ups
        for g, queues in groups.items():
            for q in queues:
                self.of[q] = self.of[q] + [g]
        self.rolled = ['*'] + list(groups)
        self.arrival = arrival
        self.parts = [p for p in PARTS if set(p) <= set(windows)]
        self.last = {}              # (queue, place) -> (values, start, end, is provisional)
        self.sums = {}              # (roll-up, place) -> values
        self.touched, self.now = set(), None
        self.counts = collections.Counter()
        self.wrong = []

    def say(self, law, *what):
        self.counts['wrong'] += 1
        if len(self.wrong) < SHOWN:
            self.wrong.append('%s: %s' % (law, ' '.join(str(w) for w in what)))

    def same(self, law, names, want, found, *what):
        self.counts[law] += 1
        if want != found:
            diff = ['%s %d, not %d' % (n, f, w) for n, w, f in zip(names, want, found) if w != f]
            self.say(law, *what, ', '.join(diff))

    def take(self, topic, rec):
        if rec['as_of_ms'] != self.now:
            self.settle()
            self.now = rec['as_of_ms']
        fig = 'slas' if topic == 'slas' else rec['channel']
        vals = [rec[f] for f in ADDED[fig]]
        start = rec['start_ms'] if rec['kind'] == 'interval' else None
        place = (fig, rec['channel'], rec['kind'], rec['window'], rec.get('clock'), start)
        queue = rec['queue']
        before = self.last.get((queue, place))
        self.last[queue, place] = (vals, rec['start_ms'], rec['end_ms'], rec['status'] == 'provisional')
        self.touched.add(place)
        self.counts['records'] += 1
        if queue not in self.rolled:
            for r in self.of[queue]:
                s = self.sums.setdefault((r, place), [0] * len(vals))
                for i, v in enumerate(vals):
                    s[i] += v - (before[0][i] if before else 0)
        if rec['kind'] == 'rolling' and rec['channel'] in self.arrival and fig != 'slas':
            self.still_waiting(rec, vals)

    def settle(self):
        """All of one as_of_ms is known."""
        for place in self.touched:
            names = ADDED[place[0]]
            none = [0] * len(names)
            for r in self.rolled:
                found = self.last.get((r, place))
                want = self.sums.get((r, place), none)
                self.same('roll-up', names, want, found[0] if found else none, r, place, 'at', self.now)
        self.touched.clear()

    def still_waiting(self, rec, vals):
        rest = left(vals)
        self.counts['arrival'] += 1
        if not 0 <= rest <= vals[WAITING] or (rec['end_ms'] - rec['start_ms'] >= DAY and rest != vals[WAITING]):
            self.say('arrival', rec['queue'], rec['channel'], rec['window'], rec['start_ms'], 'of those offered',
                     rest, 'have no outcome,', vals[WAITING], 'wait')

    def finish(self, end):
        """`end`: the last instant of the replay."""
        self.settle()
        rows = collections.defaultdict(list)
        for (queue, (fig, channel, kind, window, clock, _)), x in self.last.items():
            if kind == 'interval':
                rows[queue, fig, channel, clock, window].append((x[1], x[2], x[0], x[3]))
        for r in rows.values():
            r.sort(key=lambda x: x[0])
        for key in {k[:4] for k in rows}:
            for w, part in self.parts:
                self.spans(key + (w,), rows.get(key + (w,), []), rows.get(key + (part,), []), part)
        for key, whole in rows.items():
            if key[2] in self.arrival and key[1] != 'slas':
                self.cohorts(key, whole, end)

    def spans(self, key, whole, parts, name):
        n, names = SUMS[key[1]], ADDED[key[1]]
        none = [0] * len(names)
        starts = [p[0] for p in parts]
        within = set()
        for start, end, vals, is_open in whole:
            i, j = bisect.bisect_left(starts, start), bisect.bisect_left(starts, end)
            within.update(range(i, j))
            want = [sum(p[2][f] for p in parts[i:j]) for f in range(n)]
            self.same('span', names, want, vals[:n], *key, start, 'of its', name)
            if not is_open:
                state = parts[j - 1][2] if j > i and parts[j - 1][1] == end else none
                self.same('span', names[n:], state[n:], vals[n:], *key, start, 'as its last', name)
        # a part may stand alone with a state that was gone at the end of the longer window, or with zeros
        for i, p in enumerate(parts):
            if i not in within and any(p[2][:n]):
                self.say('span', *key, 'is not there, but its', name, p[0], 'has sums')

    def cohorts(self, key, whole, end):
        rest = 0
        for start, _, vals, _ in whole:
            rest += left(vals)
            if left(vals) < 0:
                self.say('arrival', *key, start, 'fewer offered than have an outcome')
        start, stop, vals, _ = whole[-1]
        waiting = vals[WAITING] if end <= stop else 0
        self.counts['arrival'] += 1
        self.counts['still waiting'] += rest
        if rest != waiting:
            self.say('arrival', *key, ': of all offered', rest, 'have no outcome,', waiting, 'wait')


def left(vals):
    offered, answered, abandoned, flowed_out = (vals[i] for i in WAITED)
    return offered - answered - abandoned - flowed_out


def one(job):
    client, files, groups, arrival, windows, end = job
    b = Books(groups, arrival, windows)
    for topic, path in files:
        with open(path, 'rb') as f:
            for x in f:
                b.take(topic, json.loads(x))
        b.settle()
    b.finish(end)
    return client, b.counts, b.wrong


def contract(cfg, client):
    """The groups of a client, the channels that count by arrival, and the interval windows."""
    own = (cfg.get('clients') or {}).get(client) or {}
    groups = {'@' + g: v['queues'] for g, v in (own.get('groups') or {}).items()}
    basis = {}
    for level in (cfg.get('defaults') or {}, own):
        basis.update((c, level[c]['basis']) for c in ('call', 'chat') if 'basis' in level.get(c, {}))
    return groups, {c for c, b in basis.items() if b == 'arrival'}, cfg['windows']['interval']


def part(folder, base):
    """One file per topic and client: ({client: [(topic, path)]}, the largest as_of_ms)."""
    out, names = {}, {}
    end = 0
    for topic in TOPICS:
        with open(os.path.join(folder, topic + '.ndjson'), 'rb') as f:
            for x in f:
                at = x.index(b'","queue":')
                client = x[:at]
                if (topic, client) not in out:
                    path = os.path.join(base, '%s-%d' % (topic, len(out)))
                    name = json.loads(client + b'"}')['client']
                    names.setdefault(name, []).append((topic, path))
                    out[topic, client] = open(path, 'wb')
                out[topic, client].write(x)
                i = x.index(b'"as_of_ms":', at) + 11
                end = max(end, int(x[i:x.index(b',', i)]))
    for f in out.values():
        f.close()
    return names, end


def check(config, folder, jobs=2):
    """(counts, [what is wrong])"""
    with open(config, encoding='utf-8') as f:
        cfg = quick_yaml.load(f)
    total, wrong = collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix='rollcall-model-') as base, multiprocessing.Pool(jobs) as pool:
        names, end = part(folder, base)
        work = [(c, files) + contract(cfg, c) + (end,) for c, files in sorted(names.items())]
        for client, counts, bad in pool.imap(one, work):
            total.update(counts)
            wrong += ['%s: %s' % (client, w) for w in bad]
    return total, wrong


def report(counts, wrong):
    print('\n'.join(['FAILED'] + wrong[:20]) if counts['wrong'] else 'the identities hold', flush=True)
    for k in ('records', 'roll-up', 'span', 'arrival', 'still waiting', 'wrong'):
        print('  %-14s %d' % (k, counts[k]), flush=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('config')
    ap.add_argument('folder')
    ap.add_argument('--jobs', type=int, default=2)
    a = ap.parse_args()
    counts, wrong = check(a.config, a.folder, a.jobs)
    report(counts, wrong)
    return 1 if counts['wrong'] or not counts['records'] else 0


if __name__ == '__main__':
    sys.exit(main())

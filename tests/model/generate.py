#!/usr/bin/python3
"""Seeded random configurations and event sets: small, dense, full of edges.

  generate.py SEED [DIR]    writes config.yaml, 0.ndjson …, args; or prints them
"""
import datetime as dt
import json
import os
import random
import sys

import quick_yaml

S, M, H, D = 1000, 60000, 3600000, 86400000
LONG = 100000       # seeds from here on: generate_long.py

# zone, a day near a change of its offset
PLACES = [
    ('UTC', '2026-01-05'), ('UTC', '2026-02-27'), ('America/New_York', '2026-03-07'),
    ('America/New_York', '2026-10-31'), ('Europe/Berlin', '2026-03-28'), ('Europe/Berlin', '2026-10-24'),
    ('Asia/Kolkata', '2026-05-30'), ('Australia/Lord_Howe', '2026-04-04'), ('Australia/Lord_Howe', '2026-10-03'),
    ('America/Havana', '2026-03-07'), ('America/Havana', '2026-10-31'), ('Africa/Cairo', '2026-04-23'),
    ('America/Santiago', '2026-09-05'), ('Asia/Manila', '2026-12-30'),
]
NAMES = [(1, 'ms'), (S, 's'), (M, 'm'), (H, 'h'), (D, 'd')]


def dur(ms):
    for u, n in reversed(NAMES):
        if ms % u == 0 and ms:
            return '%d%s' % (ms // u, n)
    return '0s'


def iso(ms):
    t = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=ms)
    return t.strftime('%Y-%m-%dT%H:%M:%S.') + '%03dZ' % (ms % 1000)


class Gen:
    def __init__(self, seed):
        self.r = r = random.Random(seed)
        self.seed = seed
        self.zone, day = r.choice(PLACES)
        self.base = (dt.datetime.fromisoformat(day) - dt.datetime(1970, 1, 1)).days * D + r.randrange(24) * H
        self.span = r.choice([30 * M, 2 * H, 6 * H, 6 * H, D, 2 * D, 4 * D])
        self.T = {'call': r.choice([5, 10, 20, 30, 60]) * S, 'chat': r.choice([10, 30, 60, 120]) * S}
        self.short = r.choice([2, 5]) * S
        self.W = r.choice([5 * M, 30 * M, H, 6 * H])
        self.ret = {c: r.choice([2 * M, 10 * M, 30 * M, H, 6 * H, D, 4 * D]) for c in ('call', 'chat')}
        self.identity = r.choice([5 * M, H, 6 * H, 2 * D])
        self.disorder = r.choice([0, S, S, 10 * S, M])
        self.no_chat_level = False

    # ---- configuration

    def service_level(self, ch, full=True):
        r = self.r
        out = {}
        if full or r.random() < .5:
            out['within'] = dur(self.T[ch] if full or r.random() < .5 else r.choice([5, 10, 40, 90]) * S)
        if full or r.random() < .4:
            out['target'] = r.choice(['80%', '90%', '66.67%', '50%', '99.5%'])
        if full or r.random() < .5:
            out['abandoned'] = r.choice(['against', 'ignore_within', 'ignore_short', 'credit_within', 'credit_short',
                                         'ignore'])
        if full or r.random() < .4:
            out['flow_out'] = r.choice(['ignore', 'against', 'credit_within'])
        if full:
            out['short_abandon'] = dur(self.short)
            if r.random() < .15:
                del out['target']
            if r.random() < .25:
                out['calendar'] = r.choice(['office', 'night'])
            if r.random() < .25:
                a = self.base + r.randrange(self.span)
                b = a + r.choice([M, 10 * M, H])
                out['except'] = [{'from': iso(a), 'to': iso(b), 'reason': 'outage'}]
        return out

    def channel(self, ch, full=True):
        r = self.r
        out = {}
        if full or r.random() < .6:
            if full and ch == 'chat' and r.random() < .2:
                self.no_chat_level = True
            if ch == 'call' or not self.no_chat_level:
                sl = self.service_level(ch, full)
                if sl:
                    out['service_level'] = sl
        if r.random() < .5:
            out['aht'] = {'target': dur(r.choice([30, 60, 300]) * S)}
        if r.random() < .4:
            out['acw_cap'] = dur(r.choice([10 * S, M, 5 * M]))
        if r.random() < .4:
            out['acw_expected'] = True
        if r.random() < (.4 if full else .1):
            out['basis'] = r.choice(['arrival', 'outcome'])
        if r.random() < .15:
            out['fcr'] = self.fcr(False)
        if r.random() < .15:
            out['csat'] = {'satisfied_at': r.choice([3, 5])}
        return out

    def fcr(self, full=True):
        r = self.r
        out = {}
        if full or r.random() < .5:
            out['window'] = dur(self.W if full else r.choice([5 * M, H, 2 * H]))
        if full or r.random() < .5:
            out['model'] = r.choice(['repeat', 'repeat', 'repeat', 'flag'])
        if r.random() < .3:
            out['scope'] = 'queue'
        if r.random() < .6:
            out['target'] = r.choice(['75%', '50%'])
        return out or {'target': '60%'}

    def dated(self):
        r = self.r
        d = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=self.base + r.randrange(-H, self.span + H))
        part = {}
        while not part:
            for ch in ('call', 'chat'):
                if r.random() < .6:
                    c = self.channel(ch, False)
                    c.pop('basis', None)
                    if c:
                        part[ch] = c
            if r.random() < .3:
                part['csat'] = {'satisfied_at': r.choice([2, 4, 5]), 'target': '70%'}
            if r.random() < .3:
                part['fcr'] = {'window': dur(r.choice([5 * M, H, 3 * H]))}
        return {d.strftime('%Y-%m-%d'): part}

    def config(self):
        r = self.r
        steps = [10 * S, 30 * S, M, 5 * M, 15 * M, H]
        far = self.span + min(max(self.ret.values()), 2 * self.span)
        fit = [x for x in steps if far // x <= 200] or [H]
        every = r.choice(fit[:3])
        rolling = [{'name': 'r1', 'length': dur(every * r.choice([1, 2, 3, 10])), 'every': dur(every)}]
        if r.random() < .4:
            e2 = r.choice(fit[:3])
            rolling.append({'name': 'r2', 'length': dur(e2 * r.choice([1, 4, 12])), 'every': dur(e2)})
        interval = r.sample(['15m', '30m', '1h', 'day', 'week', 'month'], r.choice([1, 2, 2, 3]))
        pub = r.choice(fit[:3])
        wmax = max(self.W, 6 * H)
        keep = lambda: dur(D + wmax + r.choice([0, H, 5 * H]))
        cfg = {
            'time': {
                'max_disorder': dur(self.disorder), 'grace': dur(r.choice([M, 5 * M, 15 * M, 2 * H])),
                'publish_every': {'default': dur(pub), 'day': dur(r.choice(fit[:3])), 'week': dur(r.choice(fit[:3])),
                                  'month': dur(r.choice(fit[:3]))},
                'restate_every': dur(r.choice([M, 15 * M, 15 * M, H])),
                'restate_for': {'default': keep(), 'day': keep(), 'week': keep(), 'month': keep()},
                'retention': {'call': dur(self.ret['call']), 'chat': dur(self.ret['chat']), 'ticket': '1d',
                              'open_tickets': '2d', 'identity': dur(self.identity)},
            },
            'windows': {'rolling': rolling, 'interval': interval, 'catch_up': 'all'},
            'calendars': {
                'office': {'timezone': self.zone, 'week': {'mon-fri': ['08:00-12:00', '13:00-18:30'],
                                                           'sat': ['00:00-24:00']},
                           'except': {'2026-01-06': 'closed', '2026-10-25': ['02:30-03:30']}},
                'night': {'timezone': 'Europe/Berlin', 'week': {'fri-mon': ['22:00-06:00'], 'wed': ['02:30-11:00']}},
            },
            'defaults': {'timezone': self.zone if r.random() < .6 else 'UTC', 'call': self.channel('call'),
                         'chat': self.channel('chat'), 'fcr': self.fcr(), 'csat': {'satisfied_at': r.choice([3, 4])}},
        }
        if r.random() < .5:
            cfg['defaults']['csat']['target'] = '85%'
        if r.random() < .5:
            cfg['defaults']['fcr']['no_customer'] = ['anonymous']
        acme = {}
        if r.random() < .7:
            acme['timezone'] = self.zone
        for ch in ('call', 'chat'):
            if r.random() < .3:
                c = self.channel(ch, False)
                if c:
                    acme[ch] = c
        if r.random() < .7:
            acme['queues'] = {}
            for q in ('a', 'b'):
                if r.random() < .7:
                    part = {}
                    for ch in ('call', 'chat'):
                        c = self.channel(ch, False)
                        if c:
                            part[ch] = c
                    if r.random() < .2:
                        part['from'] = self.dated()
                    acme['queues'][q] = part or {'csat': {'satisfied_at': 2}}
            if not acme['queues']:
                del acme['queues']
        if r.random() < .6:
            acme['groups'] = {'g1': {'queues': ['a', 'b']}}
            if r.random() < .5:
                acme['groups']['g2'] = {'queues': ['c', 'b'], 'call': {'service_level': {'target': '33%'}}}
        if r.random() < .4:
            acme['from'] = self.dated()
        if r.random() < .2:
            cfg['defaults']['from'] = self.dated()
        cfg['clients'] = {'acme': acme or {'timezone': 'UTC'}}
        if r.random() < .4:
            cfg['clients']['bolt'] = {'timezone': 'Asia/Kolkata'}
        if r.random() < .1:
            cfg['clients_only'] = True
        return cfg

    # ---- events

    def snap(self, t):
        r = self.r
        x = r.random()
        if x < .5:
            return t // S * S
        if x < .8:
            return t // (10 * S) * 10 * S
        if x < .9:
            return t // M * M + r.choice([-1, 0, 1])
        return t

    def visit(self, client, cid, t):
        """The events of one stay, about t."""
        r = self.r
        ch = 'call' if r.random() < .65 else 'chat'
        q = r.choice('aabbc')
        T = self.T[ch]
        wait = r.choice([0, 1, self.short, self.short + 1, T, T, T + 1, T - 1, r.randrange(1, 3 * T), 5 * M])
        lead = {'queue': q, 'channel': ch}
        x = r.random()
        if x < .85:
            lead['customer'] = True
        if r.random() < .35:
            lead['conversation'] = r.choice(['v1', 'v2', 'v3', 'c1', 'c2'])
        out = [('queued', t, lead)]
        kind = r.choice(['answered'] * 6 + ['abandoned'] * 2 + ['left'] * 2 + ['none'])
        o = t + wait if r.random() < .95 else t - r.choice([1, 500, 5000])
        end = o
        if kind == 'answered':
            talk = r.choice([S, 10 * S, M, 5 * M, r.randrange(1, 20 * M)])
            end = o + talk
            out.append(('answered', o, {'agent': r.choice(['x', 'y'])} if r.random() < .5 else {}))
            for _ in range(r.choice([0, 0, 0, 1, 2])):
                h = o + r.randrange(-5 * S, talk + 5 * S)
                out.append(('held', h, {}))
                if r.random() < .8:
                    out.append(('resumed', h + r.randrange(0, M), {}))
            if r.random() < .25:
                out.append(('transferred', end if r.random() < .5 else end - r.randrange(S, 10 * S), {}))
            if r.random() < .9:
                out.append(('ended', end, {}))
            if r.random() < .7:
                out.append(('wrapped', end + r.choice([0, S, 10 * S, M, M + 1, 7 * M]), {}))
            if r.random() < .4:
                out.append(('resolved', end + r.choice([0, S]), {'resolved': r.random() < .7}))
        elif kind != 'none':
            out.append((kind, o, {'reason': r.choice(['transfer', 'voicemail'])} if kind == 'left' else {}))
            if r.random() < .1:
                out.append((r.choice(['answered', 'abandoned', 'left']), o + r.choice([0, 0, 1, S]), {}))
        ret = self.ret[ch]
        for name, p in (('rated', .3), ('reviewed', .2)):
            n = 1 + (r.random() < .3)
            if r.random() < p:
                for _ in range(n):
                    d = r.choice([S, M, ret // 2, ret, ret + 1, ret + M, 2 * ret, ret + self.identity // 2,
                                  ret + self.identity, ret + self.identity + 1])
                    if name == 'rated':
                        extra = {'score': r.choice([1, 2, 3, 4, 5, 3.999, 4.0005])}
                    else:
                        extra = {'defects': r.choice([0, 0, 1, 3]), 'opportunities': r.choice([0, 10]),
                                 'critical': r.random() < .2}
                    out.append((name, end + min(d, 3 * D), extra))
        if r.random() < .05:
            out.append(('cancelled', end + r.choice([0, M, 10 * M]), {}))
        if r.random() < .08:
            out.append((r.choice(['reopened', 'closed', 'paused', 'replied']), end + M, {}))
        if r.random() < .1:
            # newer than all others, but comes when the contact may be forgotten
            out.append((r.choice(['wrapped', 'ended', 'held', 'queued', 'rated']), end + ret - r.choice([0, S, M]),
                        {'late': r.choice([S, 2 * M, ret // 2, ret]), 'score': 1}))
        events = []
        for typ, at, extra in out:
            if r.random() < .08:
                continue                                        # lost
            at = self.snap(at) if typ in ('queued', 'rated', 'reviewed') and r.random() < .6 else at
            e = {'type': typ, 'time': at, 'client': client, 'contact': cid}
            e.update(extra)
            if typ != 'queued':
                if r.random() < .12:
                    e['queue'] = r.choice('abc') if r.random() < .4 else q
                if r.random() < .12:
                    e['channel'] = ch if r.random() < .8 else ('chat' if ch == 'call' else 'call')
                if r.random() < .06:
                    e['customer'] = True
                if r.random() < .05:
                    e['conversation'] = r.choice(['v1', 'v2', 'c1'])
            elif r.random() < .05:
                e.pop(r.choice(['queue', 'channel']), None)
            if 'customer' in e:
                # of one contact and time always the same: the order between customers is not specified
                pick = random.Random('%d %s %d' % (self.seed, cid, e['time']))
                e['customer'] = pick.choice(['u1', 'u1', 'u1', 'u2', 'anonymous'])
            events.append(e)
        return events

    BAD = ['{', '[1]', '{"type":"ended"}', '{"type":"ended","type":"x"}', '{"type":"hello"}', '',
           '{"type":"ended","time":"2026-01-05T09:00:00","client":"acme","contact":"c1"}',
           '{"type":"ended","time":1767603600250,"client":"acme","contact":7}',
           '{"type":"rated","time":1767603600250,"client":"acme","contact":"c1","score":"5"}', 'nonsense']

    def events(self):
        r = self.r
        size = r.choice([10, 20, 40, 40, 80, 120])
        clients = ['acme'] * 6 + ['bolt'] * 2 + ['zed']
        ids = ['c%d' % i for i in range(1, max(3, size // 7) + 1)]
        evs = []
        end = self.base + self.span
        while len(evs) < size:
            t = self.base + r.randrange(self.span)
            evs += self.visit(r.choice(clients), r.choice(ids), self.snap(t))
        evs = [e for e in evs if e['time'] <= end + 2 * D][:size]
        if r.random() < .3:
            for _ in range(r.choice([1, 3, 8])):
                evs.append({'type': 'tick', 'time': self.snap(self.base + r.randrange(-H, self.span))})
        if r.random() < .2:
            evs.append({'type': 'tick', 'time': end + r.choice([H, 30 * H, 2 * D])})
        return evs

    def delay(self):
        return self.r.choice([S, M, 10 * M, H, 6 * H, 25 * H, 30 * H, 2 * D] + list(self.ret.values()) * 2)

    def lines(self, evs):
        """In order of arrival: (line, time)."""
        r = self.r
        late = r.choice([0, .03, .08, .2])
        out = []
        for e in evs:
            e = dict(e)
            at = e['time'] + e.pop('late', 0) + (r.randrange(0, self.disorder + 1) if self.disorder else 0)
            if e['type'] != 'tick' and r.random() < late:
                at += self.delay()
            out.append((at, r.random(), e))
            if e['type'] != 'tick' and r.random() < .06:
                out.append((at + r.choice([0, S, M, H]), r.random(), e))
        out.sort(key=lambda x: x[:2])
        lines = []
        for _, _, e in out:
            o = dict(e)
            if r.random() < .8:
                o['time'] = iso(e['time'])
            lines.append(json.dumps(o, separators=(',', ':')))
            if r.random() < .02:
                lines.append(r.choice(self.BAD))
        return lines

    def files(self, lines):
        r = self.r
        n = r.choice([1, 1, 2, 3])
        if n == 1:
            return [lines]
        out = [[] for _ in range(n)]
        how = r.choice(['random', 'blocks', 'client'])
        for i, x in enumerate(lines):
            k = r.randrange(n) if how == 'random' else i * n // len(lines) if how == 'blocks' else \
                (0 if '"acme"' in x else 1)
            out[k].append(x)
        return out


def generate(seed):
    """{config: dict, text: YAML, files: [[line]], until: ms or None, provisional: bool, ordered: [[line]],
    disorder: ms}"""
    if seed >= LONG:
        import generate_long
        if seed % 1000 == 24:
            g, cfg, evs = generate_long.crowd(seed)
        else:
            g = generate_long.LongGen(seed)
            cfg, evs = g.config(), None
    else:
        g = Gen(seed)
        cfg, evs = g.config(), None
    evs = g.events() if evs is None else evs
    files = g.files(g.lines(evs))
    r = g.r
    until = None
    if r.random() < .4:
        ahead = [1, S, H, 7 * H, 30 * H, 3 * D] + ([10 * D, 45 * D, 100 * D] if seed >= LONG else [])
        until = max(e['time'] for e in evs) + r.choice(ahead)
        until = g.snap(until)
    return {'config': cfg, 'text': quick_yaml.dump(cfg), 'files': files, 'until': until,
            'provisional': r.random() < .4, 'events': evs, 'disorder': g.disorder}


def arrangements(seed):
    """The same events in three orders that must give the same records: [(name, files)], and one with duplicates.
    Those of one time are shuffled, too, but ratings and reviews, which go to the newer contact of their id from its
    first place on, and a conversation of more than an episode holds, where those known first count."""
    case = generate(seed)
    r, tie = random.Random(seed ^ 0x5eed), random.Random(seed ^ 0x71e)
    at = lambda e: (e['time'], e['type'] in ('rated', 'reviewed'))
    evs = sorted(case['events'], key=at)
    crowd = seed >= LONG and seed % 1000 == 24
    line = lambda e: json.dumps({k: v for k, v in e.items() if k != 'late'}, separators=(',', ':'))
    jitter = {e['time']: e['time'] + r.randrange(0, case['disorder'] + 1) for e in evs}
    shuffled = sorted(evs, key=lambda e: (jitter[e['time']], at(e), 0 if crowd else tie.random()))
    parts = [[], [], []]
    for e in shuffled:
        parts[hash_of(e) % 3].append(e)
    twice = []
    for e in shuffled:
        twice += [e] * r.choice([1, 1, 2, 3])
    out = [('sorted', [evs]), ('shuffled within max_disorder', [shuffled]), ('partitioned', [p for p in parts if p]),
           ('duplicated', [twice])]
    return case, [(n, [[line(e) for e in f] for f in fs]) for n, fs in out]


def late(seed):
    """The same events in order and with late ones, where nothing is forgotten, expired or closed in between: the case
    with such a config, and two lists of lines. The last records of its intervals must be the same."""
    case = generate(seed)
    cfg = case['config']
    cfg['time']['retention'] = {k: '3000d' for k in ('call', 'chat', 'ticket', 'open_tickets', 'identity')}
    cfg['time']['restate_for'] = {k: '3000d' for k in ('default', 'day', 'week', 'month')}
    case['text'] = quick_yaml.dump(cfg)
    r = random.Random(seed ^ 0x1a7e)
    evs = sorted(case['events'], key=lambda e: e['time'])
    span = evs[-1]['time'] - evs[0]['time']
    share, by = r.choice([.1, .4]), [S, M, H, D, span // 8, span, 2 * span]
    at = [(e['time'] + (r.choice(by) if r.random() < share else 0), i) for i, e in enumerate(evs)]
    line = lambda e: json.dumps({k: v for k, v in e.items() if k != 'late'}, separators=(',', ':'))
    return case, [line(e) for e in evs], [line(evs[i]) for _, i in sorted(at)]


def hash_of(e):
    return sum((i + 1) * ord(c) for i, c in enumerate(e.get('client', '') + '|' + e.get('contact', '')))


def args(case):
    out = ['--provisional'] if case['provisional'] else []
    if case['until'] is not None:
        out += ['--until', iso(case['until'])]
    return out


def write(case, folder, files=None):
    """Returns (config, [file])."""
    os.makedirs(folder, exist_ok=True)
    conf = os.path.join(folder, 'config.yaml')
    with open(conf, 'w', encoding='utf-8') as f:
        f.write(case['text'])
    paths = []
    for i, lines in enumerate(case['files'] if files is None else files):
        p = os.path.join(folder, '%d.ndjson' % i)
        with open(p, 'w', encoding='utf-8') as f:
            f.write(''.join(x + '\n' for x in lines))
        paths.append(p)
    return conf, paths


if __name__ == '__main__':
    c = generate(int(sys.argv[1]))
    if len(sys.argv) > 2:
        conf, paths = write(c, sys.argv[2])
        print(' '.join([conf] + paths + args(c)))
    else:
        print(c['text'])
        for n, f in enumerate(c['files']):
            print('# %d.ndjson' % n)
            print('\n'.join(f))
        print('# args:', ' '.join(args(c)))

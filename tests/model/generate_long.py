"""Seeds from 100000 on: tickets with their clocks, all channels, hours to months of event time."""
import json
import random

import contracts
import events
import facts
import quick_yaml
import tickets
from generate import D, H, M, S, Gen, dur, iso

MODES = {
    # span, clock and step scale, rolling steps, FCR windows, retention of tickets, of open ones, identity, restate
    'hours': dict(span=[6 * H, D, 2 * D], scale=[10 * M, 30 * M, H], every=[M, 5 * M, 15 * M], W=[30 * M, H, 6 * H],
                  ticket=[H, 6 * H, D], open=[D, 2 * D], calls=[H, 6 * H, D], late=[S, M, 10 * M, H, 6 * H, D],
                  windows=['15m', '30m', '1h', 'day'], restate_every=[M, 15 * M, H], grace=[M, 15 * M, 2 * H]),
    'weeks': dict(span=[5 * D, 12 * D, 25 * D], scale=[H, 4 * H, 8 * H], every=[H, 6 * H], W=[6 * H, D, 3 * D],
                  ticket=[D, 4 * D, 9 * D], open=[10 * D, 20 * D], calls=[6 * H, D, 4 * D],
                  late=[M, H, 6 * H, D, 2 * D, 5 * D], windows=['day', 'week', 'month', 'day'],
                  restate_every=[15 * M, H, 6 * H], grace=[15 * M, 2 * H, D]),
    'months': dict(span=[40 * D, 80 * D, 150 * D], scale=[4 * H, D, 3 * D], every=[6 * H, D], W=[D, 7 * D, 14 * D],
                   ticket=[10 * D, 30 * D, 90 * D], open=[60 * D, 366 * D], calls=[D, 4 * D],
                   late=[H, D, 3 * D, 9 * D, 30 * D], windows=['day', 'week', 'month', 'week'],
                   restate_every=[15 * M, H, D], grace=[15 * M, D, 2 * D]),
}
CLOCKS = [('acknowledged', 'acknowledge'), ('first response', 'first_response'), ('fix', 'resolution'),
          ('agreed', 'resolution'), ('büro', 'resolution'), ('care', 'acknowledge')]
PRIORITIES = ['1', '2', 'urgent', 'low', 'default']
HALF = 30 * M


class LongGen(Gen):
    def __init__(self, seed):
        super().__init__(seed)
        r = self.r
        self.mode = m = MODES[r.choice(['hours', 'hours', 'weeks', 'weeks', 'months'])]
        self.span, self.scale = r.choice(m['span']), r.choice(m['scale'])
        self.W = r.choice(m['W'])
        self.ret = {c: r.choice(m['calls']) for c in ('call', 'chat')}
        self.ret['ticket'] = r.choice(m['ticket'])
        self.open = max(r.choice(m['open']), self.ret['ticket'])
        self.identity = r.choice([H, D, 5 * D, 30 * D])
        self.disorder = r.choice([0, S, S, M, 10 * M])

    # ---- configuration

    def fcr(self, full=True):
        out = super().fcr(full)
        if 'window' in out:
            out['window'] = dur(self.W if full else self.r.choice(self.mode['W']))
        return out

    def within(self):
        return self.r.choice([HALF, H, 2 * H, 4 * H, self.scale, 2 * self.scale, 5 * self.scale])

    def clock(self, name, measure):
        r = self.r
        out = {'name': name, 'measure': measure}
        if name == 'agreed':
            out['within'] = 'event'
        elif r.random() < .4:
            out['within'] = {p: dur(self.within()) for p in r.sample(PRIORITIES[:4], r.choice([1, 2, 3]))}
            if r.random() < .7:
                out['within']['default'] = dur(self.within())
        else:
            out['within'] = dur(self.within())
        if r.random() < .8:
            out['target'] = r.choice(['90%', '50%', '66.67%', '100%'])
        if name == 'büro' or (name != 'agreed' and r.random() < .4):
            out['calendar'] = r.choice(['office', 'night', 'lunch', 'odd'])
        if name != 'agreed' and r.random() < .25:
            out['pauses'] = False
        return out

    def slas(self):
        r = self.r
        return [self.clock(*c) for c in r.sample(CLOCKS, r.choice([1, 2, 3, 4]))]

    def ticket(self, level):
        """level: defaults, client, queue, group or dated."""
        r = self.r
        out = {}
        if level == 'defaults' or r.random() < .5:
            out['slas'] = self.slas()
        if r.random() < .5:
            out['aht'] = {'target': dur(r.choice([M, 10 * M, H]))}
        if level in ('defaults', 'client', 'dated') and r.random() < .5:
            out['fcr'] = {'model': r.choice(['reopen', 'reopen', 'repeat', 'flag'])}
        if r.random() < .3:
            out.setdefault('fcr', {})['window'] = dur(r.choice(self.mode['W']))
        if r.random() < .2:
            out['csat'] = {'satisfied_at': r.choice([2, 3, 5]), 'target': '75%'}
        return out

    def dated(self):
        out = super().dated()
        if self.r.random() < .7:
            for part in out.values():
                t = self.ticket('dated')
                if t:
                    part['ticket'] = t
        return out

    def config(self):
        r, m = self.r, self.mode
        cfg = super().config()
        far = 60 if m['every'][0] < H else 0
        every = r.choice(m['every'])
        cfg['windows']['rolling'] = [{'name': 'r1', 'length': dur(every * r.choice([1, 2, 4, 28 if not far else 12])),
                                      'every': dur(every)}]
        if r.random() < .3:
            cfg['windows']['rolling'].append({'name': 'r2', 'length': dur(every * 8), 'every': dur(every)})
        if r.random() < .1:
            cfg['windows']['rolling'] = []
        names = sorted(set(m['windows']))
        cfg['windows']['interval'] = r.sample(names, r.choice([1, 2, 2]))
        t = cfg['time']
        t['grace'] = dur(r.choice(m['grace']))
        t['restate_every'] = dur(r.choice(m['restate_every']))
        pub = lambda: dur(r.choice(m['every']))
        t['publish_every'] = {'default': pub(), 'day': pub(), 'week': pub(), 'month': pub()}
        keep = lambda: dur(D + max(m['W']) + r.choice([0, H, 10 * D]))
        t['restate_for'] = {'default': keep(), 'day': keep(), 'week': keep(), 'month': keep()}
        t['retention'].update(ticket=dur(self.ret['ticket']), open_tickets=dur(self.open))
        cfg['calendars'].update({
            'lunch': {'timezone': self.zone, 'week': {'mon-sun': ['09:00-12:00', '11:30-12:30', '13:00-17:00']}},
            'odd': {'timezone': r.choice([self.zone, 'Asia/Kolkata']),
                    'week': {'tue': ['00:00-24:00'], 'thu-sat': ['23:30-01:30', '02:00-02:30'], 'mon': ['08:15-08:16']},
                    'except': {iso(self.base + k * D)[:10]: v for k, v in
                               ((1, 'closed'), (2, ['00:30-02:15', '22:00-24:00']), (9, 'closed'))}},
        })
        levels = [(cfg['defaults'], 'defaults')]
        acme = cfg['clients']['acme']
        if r.random() < .4:
            levels.append((acme, 'client'))
        if r.random() < .6:
            for q in r.sample(['a', 'b', 'c'], r.choice([1, 2])):
                levels.append((acme.setdefault('queues', {}).setdefault(q, {}), 'queue'))
        for g in acme.get('groups', {}).values():
            if r.random() < .5:
                levels.append((g, 'group'))
        for part, level in levels:
            t = self.ticket(level)
            if t:
                part['ticket'] = t
        for q, part in list(acme.get('queues', {}).items()):
            if not part:
                del acme['queues'][q]
        if 'queues' in acme and not acme['queues']:
            del acme['queues']
        if r.random() < .2:
            acme['no_customer'] = ['u2']
        self.read = contracts.Config(quick_yaml.dump(cfg))
        return cfg

    # ---- events

    def step(self):
        r = self.r
        return r.choice([0, 1, S, M, HALF, self.scale, r.randrange(1, 2 * self.scale), r.randrange(1, 4 * self.scale)])

    def edge(self, client, cid, evs, t):
        """An instant next to a deadline of what is known so far, or none."""
        r = self.r
        known = [events.parse(json.dumps(dict(e, time=e['time'])).encode()) for e in evs]
        f = facts.Facts(cid, known)
        if not f.placed or f.e is None:
            return None
        con = self.read.contract(client, f.queue, 'ticket', f.judged)
        ends = [tickets.deadline(f, c) for c in con.slas if tickets.measured(f, c)]
        ends = [x for x in ends if x is not None and t - H <= x <= t + 60 * D]
        return r.choice(ends) + r.choice([-1, 0, 0, 1]) if ends else None

    ACTIONS = (['replied'] * 5 + ['paused'] * 5 + ['resumed'] * 5 + ['assigned'] * 4 + ['worked'] * 3 + ['answered'] * 2 +
               ['resolved'] * 5 + ['reopened'] * 3 + ['closed'] * 2 + ['requeued', 'priority'] * 2 +
               ['rated', 'reviewed', 'cancelled', 'held', 'abandoned'])

    def ticket_events(self, client, cid, t):
        r = self.r
        q = r.choice('aabbc')
        first = {'queue': q, 'channel': 'ticket'}
        if r.random() < .6:
            first['priority'] = r.choice(PRIORITIES)
        if r.random() < .5:
            first['due'] = t + r.choice([-H, HALF, self.scale, 3 * self.scale])
        if r.random() < .8:
            first['customer'] = True
        if r.random() < .3:
            first['conversation'] = r.choice(['v1', 'v2', 't1', 'c1'])
        out = []

        def put(typ, at, extra):
            e = {'type': typ, 'time': at, 'client': client, 'contact': cid}
            e.update(extra)
            if typ != 'queued':
                if r.random() < .06:
                    e['channel'] = r.choice(['ticket', 'ticket', 'chat', 'call'])
                if r.random() < .06:
                    e['priority'] = r.choice(PRIORITIES)
                if r.random() < .05:
                    e['customer'] = True
                if r.random() < .04:
                    e['conversation'] = r.choice(['v1', 'v2', 't2'])
            if 'customer' in e:
                pick = random.Random('%d %s %d' % (self.seed, cid, e['time']))
                e['customer'] = pick.choice(['u1', 'u1', 'u1', 'u2', 'anonymous'])
            out.append(e)

        put('queued', t, first)
        end = r.choice(['resolved', 'resolved', 'closed', None])
        todo = [r.choice(self.ACTIONS) for _ in range(r.choice([0, 1, 2, 3, 5, 8, 12]))] + ([end] if end else [])
        for typ in todo:
            t += self.step()
            if r.random() < .3:
                x = self.edge(client, cid, out, t)
                t = x if x is not None else t
            elif r.random() < .5:
                t = self.snap(t)
            extra = {}
            if typ == 'replied' and r.random() < .7:
                extra['agent'] = r.choice(['x', 'y'])
            elif typ == 'assigned':
                if r.random() < .8:
                    extra['queue'] = r.choice('abc')
                if r.random() < .5:
                    extra['agent'] = r.choice(['x', 'y'])
            elif typ == 'worked':
                extra['duration_ms'] = r.choice([0, M, 10 * M, H])
            elif typ == 'resolved' and r.random() < .4:
                extra['resolved'] = r.random() < .5
            elif typ == 'requeued':
                typ, extra = 'queued', r.choice([{'due': t + self.scale}, {'queue': r.choice('ab')}, {'due': t}])
            elif typ == 'priority':
                typ, extra = r.choice(['worked', 'assigned']), {'priority': r.choice(PRIORITIES), 'duration_ms': S}
            elif typ == 'rated':
                extra['score'] = r.choice([1, 3, 4.5, 5])
            elif typ == 'reviewed':
                extra.update(defects=r.choice([0, 2]), opportunities=5, critical=r.random() < .2)
            elif typ == 'cancelled' and r.random() < .5:
                continue
            put(typ, t, extra)
        ret = self.ret['ticket']
        if r.random() < .25:
            put('rated', t + r.choice([M, ret // 2, ret, ret + 1, ret + self.identity // 2]), {'score': r.choice([2, 4])})
        if r.random() < .1:
            put('reopened', t + r.choice([self.W - 1, self.W, self.W + 1, ret // 2, ret, ret + 1]), {})
        if r.random() < .06:
            # an older event, that comes late and says otherwise
            put('answered', out[0]['time'] - r.choice([1, M]), {'channel': r.choice(['chat', 'call', 'ticket']),
                'queue': r.choice('abc'), 'late': r.choice(self.mode['late'])})
        return [e for e in out if r.random() > .04]

    def events(self):
        r = self.r
        size = r.choice([15, 30, 60, 60, 100, 140])
        mix = r.choice([0, .2, .5])
        clients = ['acme'] * 7 + ['bolt', 'zed']
        calls = ['c%d' % i for i in range(1, max(2, size // 10) + 1)]
        ids = ['t%d' % i for i in range(1, max(3, size // 9) + 1)]
        evs = []
        while len(evs) < size:
            t = self.snap(self.base + r.randrange(self.span))
            if r.random() < mix:
                evs += self.visit(r.choice(clients), r.choice(calls), t)
            else:
                evs += self.ticket_events(r.choice(clients), r.choice(ids), t)
        last = self.base + self.span + 60 * D
        evs = [e for e in evs if e['time'] <= last][:size]
        for _ in range(r.choice([0, 0, 2, 5])):
            evs.append({'type': 'tick', 'time': self.snap(self.base + r.randrange(self.span))})
        if r.random() < .3:
            evs.append({'type': 'tick', 'time': self.base + self.span + r.choice([D, 8 * D, 33 * D, 40 * D])})
        return evs

    def delay(self):
        return self.r.choice(self.mode['late'] + list(self.ret.values()) + [self.open])


def crowd(seed):
    """One conversation of more contacts than an episode holds."""
    g = LongGen(seed)
    r = g.r
    g.span, g.disorder = 6 * H, S
    cfg = g.config()
    cfg['defaults'].update(fcr={'model': r.choice(['repeat', 'flag']), 'window': '1h'})
    cfg['windows'] = {'rolling': [], 'interval': ['day'], 'catch_up': 'all'}
    cfg['time']['retention'].update(call='4d', chat='4d')
    evs = []
    for i in range(1030):
        t = g.base + i * 10 * S
        e = {'time': t, 'client': 'acme', 'contact': 'c%d' % i}
        evs.append(dict(e, type='answered', channel='chat', queue='a', conversation='all', customer='u1'))
        if i % 50 or r.random() < .5:
            evs.append(dict(e, type='ended', time=t + r.choice([S, M])))
    return g, cfg, evs

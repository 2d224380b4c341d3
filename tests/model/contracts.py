"""The configuration and what is in force for a key at an instant: section 10."""
import bisect
import datetime as dt
import hashlib
import json
import re
from decimal import Decimal

import quick_yaml
from openings import Calendar
from times import duration, parse_time, percent, zone


def merge(a, b):
    """b over a: maps key by key, everything else replaced."""
    out = dict(a)
    for k, v in b.items():
        out[k] = merge(out[k], v) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
    return out


class Clock:
    """One SLA clock of a contract."""

    def __init__(self, cfg, raw):
        self.name, self.measure = raw['name'], raw['measure']
        w = raw['within']
        self.event = w == 'event'
        self.within = None if self.event else {k: duration(v) for k, v in w.items()} if isinstance(w, dict) else \
            {'default': duration(w)}
        self.target = percent(raw['target']) if 'target' in raw else None
        self.calendar = cfg.calendars[raw['calendar']] if 'calendar' in raw else None
        self.pauses = raw.get('pauses', 'true') == 'true'

    def within_for(self, priority):
        return self.within.get(priority if priority in self.within else 'default')


BUILTIN = {'call': {'acw_cap': '30m', 'acw_expected': 'false', 'basis': 'outcome'},
           'chat': {'acw_cap': '30m', 'acw_expected': 'false', 'basis': 'outcome'}, 'ticket': {}}


class Contract:
    """What is in force for one key at one instant, in ms and bp."""

    def __init__(self, cfg, raw):
        sl = raw.get('service_level')
        self.T = duration(sl['within']) if sl else None
        self.S = duration(sl['short_abandon']) if sl and 'short_abandon' in sl else None
        self.sl_target = percent(sl['target']) if sl and 'target' in sl else None
        self.abandoned = sl.get('abandoned', 'against') if sl else None
        self.flow_out = sl.get('flow_out', 'ignore') if sl else None
        self.calendar = cfg.calendars[sl['calendar']] if sl and 'calendar' in sl else None
        as_time = lambda t: parse_time(int(t) if re.fullmatch(r'\d+', t) else t)
        self.excepts = [(as_time(x['from']), as_time(x['to'])) for x in (sl or {}).get('except', [])]
        self.aht_target = duration(raw['aht']['target']) if 'target' in raw.get('aht', {}) else None
        self.acw_cap = duration(raw['acw_cap']) if 'acw_cap' in raw else 0
        self.acw_expected = raw.get('acw_expected') == 'true'
        self.arrival = raw.get('basis') == 'arrival'
        f = raw['fcr']
        self.model, self.W = f['model'], duration(f['window'])
        self.scope_queue = f.get('scope') == 'queue'
        self.fcr_target = percent(f['target']) if 'target' in f else None
        c = raw['csat']
        self.satisfied_at = int(Decimal(c['satisfied_at']) * 1000)
        self.csat_target = percent(c['target']) if 'target' in c else None
        self.slas = [Clock(cfg, x) for x in raw.get('slas') or []]
        self.clock = {c.name: c for c in self.slas}
        self.print = json.dumps(raw, sort_keys=True)


class Config:
    def __init__(self, text):
        raw = quick_yaml.load_text(text) or {}
        self.raw = raw
        t = raw.get('time') or {}
        self.max_disorder = duration(t.get('max_disorder', '1s'))
        self.grace = duration(t.get('grace', '15m'))
        self.restate_every = duration(t.get('restate_every', '15m'))
        per = lambda key, base: {k: duration(v) for k, v in merge(base, t.get(key) or {}).items()}
        self.publish = per('publish_every', {'default': '1s', 'day': '10s', 'week': '1m', 'month': '1m'})
        self.restate = per('restate_for', {'default': '8d', 'day': '100d', 'week': '100d', 'month': '100d'})
        self.ret = per('retention', {'call': '4d', 'chat': '4d', 'ticket': '90d', 'open_tickets': '366d',
                                     'identity': '30d'})
        self.longest = max(self.ret[k] for k in ('call', 'chat', 'ticket', 'open_tickets'))
        w = raw.get('windows') or {}
        self.rolling = [(r['name'], duration(r['length']), duration(r['every'])) for r in w.get('rolling') or []]
        self.interval = list(w.get('interval') or [])
        self.catch_up = w.get('catch_up', 'latest')
        self.calendars = {k: Calendar(v) for k, v in (raw.get('calendars') or {}).items()}
        self.defaults = raw.get('defaults') or {}
        self.clients = raw.get('clients') or {}
        self.clients_only = raw.get('clients_only') == 'true'
        self.windex = {('rolling', n): i for i, (n, _, _) in enumerate(self.rolling)}
        self.windex.update({('interval', n): 100 + i for i, n in enumerate(self.interval)})
        self._zone, self._con, self._dates, self._fp, self._keys = {}, {}, {}, {}, {}

    def client(self, name):
        return self.clients.get(name) or {}

    def zone(self, client):
        if client not in self._zone:
            self._zone[client] = zone(self.client(client).get('timezone') or self.defaults.get('timezone') or 'UTC')
        return self._zone[client]

    def keys(self, client, queue, channel):
        """The key of a queue and of its roll-ups."""
        k = (client, queue, channel)
        if k not in self._keys:
            groups = [g for g, v in (self.client(client).get('groups') or {}).items()
                      if queue in (v or {}).get('queues', [])]
            self._keys[k] = [k] + [(client, '@' + g, channel) for g in groups] + [(client, '*', channel)]
        return self._keys[k]

    def no_customer(self, client):
        for level in (self.client(client), self.defaults):
            if 'no_customer' in level.get('fcr', {}):
                return level['fcr']['no_customer']
            if 'no_customer' in level:
                return level['no_customer']
        return []

    def levels(self, client, queue):
        c = self.client(client)
        out = [self.defaults, c]
        if queue.startswith('@'):
            out.append((c.get('groups') or {}).get(queue[1:]) or {})
        elif queue != '*':
            out.append((c.get('queues') or {}).get(queue) or {})
        return out

    def dates(self, client, queue):
        """Start instants of all dated parts that can matter to a key."""
        key = (client, queue)
        if key not in self._dates:
            names = [queue]
            if queue == '*' or queue.startswith('@'):
                names += list((self.client(client).get('queues') or {}))
            ds = {d for n in names for lv in self.levels(client, n) for d in (lv.get('from') or {})}
            self._dates[key] = sorted(self.zone(client).day_start(dt.date.fromisoformat(d)) for d in ds)
        return self._dates[key]

    def contract(self, client, queue, channel, at):
        ds = self.dates(client, queue)
        key = (client, queue, channel, bisect.bisect_right(ds, at))
        if key not in self._con:
            raw = dict(BUILTIN[channel])
            raw['fcr'] = {'model': 'reopen' if channel == 'ticket' else 'repeat', 'window': '7d'}
            raw['csat'] = {'satisfied_at': '4'}
            z = self.zone(client)
            for lv in self.levels(client, queue):
                parts = [lv] + [lv['from'][d] for d in sorted(lv.get('from') or {})
                                if z.day_start(dt.date.fromisoformat(d)) <= at]
                for p in parts:
                    p = p or {}
                    raw = merge(raw, {k: p[k] for k in ('fcr', 'csat') if k in p})
                    raw = merge(raw, p.get(channel) or {})
            self._con[key] = Contract(self, raw)
        return self._con[key]

    def fingerprint(self, client, queue, channel, at):
        """A stand-in: constant while nothing in force changes."""
        ds = self.dates(client, queue)
        key = (client, queue, channel, bisect.bisect_right(ds, at))
        if key not in self._fp:
            s = [channel, self.zone(client).name, self.contract(client, queue, channel, at).print]
            qs = []
            if queue == '*':
                qs = sorted(self.client(client).get('queues') or {})
            elif queue.startswith('@'):
                qs = sorted(self.client(client)['groups'][queue[1:]].get('queues') or [])
            s += [q + self.contract(client, q, channel, at).print for q in qs]
            self._fp[key] = hashlib.sha256(json.dumps(s).encode()).hexdigest()[:16]
        return self._fp[key]

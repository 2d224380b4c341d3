#!/usr/bin/python3
"""A slow, plain model of docs/SPEC.md: calls, chats and the figures of tickets.

Everything is derived from the set of facts; nothing is kept incrementally.
  model.py CONFIG FILE... [--until T] [--provisional] [--dead]
  model.py CONFIG EPOCHS --live [--dead]     one epoch a line: {"events": [[partition, "line"], ...], "now": ms}
"""
import argparse
import bisect
import calendar
import datetime as dt
import hashlib
import heapq
import json
import re
import sys
from decimal import Decimal
from zoneinfo import ZoneInfo

import yaml

INF = 1 << 62
S, M, H, D = 1000, 60000, 3600000, 86400000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
TIME_MIN, TIME_MAX = 631152000000, 4102444800000
MAX_EVENT = 1 << 20
LE = [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]

FCR = ['fcr_yes', 'fcr_no', 'fcr_pending', 'fcr_unknown', 'repeats']
CSAT = ['csat_satisfied', 'csat_responses', 'csat_score_sum',
        'qa_evaluated', 'qa_defective', 'qa_defects', 'qa_opportunities']
CALL_SUMS = (['offered', 'answered', 'wait_ms_sum', 'wait_ms_max'] + ['wait_le_%ds' % s for s in LE] +
             ['abandoned', 'abandoned_short', 'flowed_out', 'sl_met', 'sl_of', 'handled', 'talk_ms_sum',
              'hold_ms_sum', 'acw_ms_sum', 'handle_ms_sum', 'transferred'] + FCR + CSAT)
CALL_DERIVED = ['asa_ms', 'aht_ms', 'sl_bp', 'abandon_bp', 'fcr_bp', 'repeat_bp', 'csat_bp', 'accuracy_bp',
                'transfer_bp', 'sl_target_bp', 'sl_ok', 'aht_target_ms', 'aht_ok', 'fcr_target_bp', 'fcr_ok',
                'csat_target_bp', 'csat_ok']
CALL_STATE = ['waiting', 'oldest_wait_ms', 'waiting_over', 'handling', 'wrapping']
TICKET_SUMS = ['opened', 'resolved', 'reopened', 'resolution_ms_sum', 'handled', 'worked_ms_sum',
               'handle_ms_sum'] + FCR + CSAT
TICKET_DERIVED = ['aht_ms', 'fcr_bp', 'csat_bp', 'accuracy_bp', 'aht_target_ms', 'aht_ok', 'fcr_target_bp',
                  'fcr_ok', 'csat_target_bp', 'csat_ok']
TICKET_STATE = ['backlog', 'backlog_overdue']
LEAD = ['client', 'queue', 'channel', 'window', 'kind', 'start_ms', 'end_ms', 'as_of_ms', 'status', 'revision',
        'contract']


# ---------------------------------------------------------------- time and zones

def ms_of(d):
    td = d - EPOCH
    return (td.days * 86400 + td.seconds) * 1000 + td.microseconds // 1000


_ZONES = {}


class Zone:
    def __init__(self, name):
        self.name, self.z, self.cache = name, ZoneInfo(name), {}

    def local(self, ms):
        return (EPOCH + dt.timedelta(milliseconds=ms)).astimezone(self.z).replace(tzinfo=None)

    def to_utc(self, naive, closing=False):
        """A local time; in a gap the first valid instant after it; in an overlap the earlier (closing: later)."""
        a = ms_of(naive.replace(tzinfo=self.z, fold=0).astimezone(dt.timezone.utc))
        b = ms_of(naive.replace(tzinfo=self.z, fold=1).astimezone(dt.timezone.utc))
        if a == b:
            return a
        if a < b:                       # overlap
            return b if closing else a
        lo, hi = b, a                   # gap: the transition lies in (b, a]
        off = lambda m: self.local(m) - dt.timedelta(milliseconds=m)
        new = off(hi)
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if off(mid) == new:
                hi = mid
            else:
                lo = mid
        return hi

    def day_start(self, date):
        if date not in self.cache:
            self.cache[date] = self.to_utc(dt.datetime(date.year, date.month, date.day))
        return self.cache[date]

    def date_of(self, ms):
        d = self.local(ms).date()
        one = dt.timedelta(days=1)
        while self.day_start(d + one) <= ms:
            d += one
        while self.day_start(d) > ms:
            d -= one
        return d

    def window(self, name, ms):
        """(start, end) of the interval window that holds the instant."""
        d = self.date_of(ms)
        one = dt.timedelta(days=1)
        if name == 'day':
            return self.day_start(d), self.day_start(d + one)
        if name == 'week':
            m = d - dt.timedelta(days=d.weekday())
            return self.day_start(m), self.day_start(m + 7 * one)
        if name == 'month':
            f = d.replace(day=1)
            n = (f + 32 * one).replace(day=1)
            return self.day_start(f), self.day_start(n)
        length = duration(name)
        s, e = self.day_start(d), self.day_start(d + one)
        a = s + (ms - s) // length * length
        return a, min(a + length, e)


def zone(name):
    if name not in _ZONES:
        _ZONES[name] = Zone(name)
    return _ZONES[name]


RFC = re.compile(r'(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))', re.A)


def parse_time(v):
    """Epoch ms, or None."""
    if isinstance(v, bool):
        return None
    if isinstance(v, int):
        ms = v
    elif isinstance(v, str):
        m = RFC.fullmatch(v)
        if not m:
            return None
        y, mo, d, h, mi, s = (int(m.group(i)) for i in range(1, 7))
        if not (1 <= mo <= 12 and y >= 1 and 1 <= d <= calendar.monthrange(y, mo)[1] and h < 24 and mi < 60 and s < 60):
            return None
        ms = ms_of(dt.datetime(y, mo, d, h, mi, s, tzinfo=dt.timezone.utc))
        ms += int(((m.group(7) or '') + '000')[:3])
        if m.group(8):
            oh, om = int(m.group(9)), int(m.group(10))
            if oh > 23 or om > 59:
                return None
            off = (oh * 60 + om) * M
            ms -= off if m.group(8) == '+' else -off
    else:
        return None
    return ms if TIME_MIN <= ms < TIME_MAX else None


def duration(v):
    m = re.fullmatch(r'(\d+)(ms|s|m|h|d)', str(v))
    return int(m.group(1)) * {'ms': 1, 's': S, 'm': M, 'h': H, 'd': D}[m.group(2)]


def percent(v):
    m = re.fullmatch(r'(\d+)(?:\.(\d{1,2}))?%', str(v))
    return int(m.group(1)) * 100 + int(((m.group(2) or '') + '00')[:2])


# ---------------------------------------------------------------- configuration

def merge(a, b):
    """b over a: maps key by key, everything else replaced."""
    out = dict(a)
    for k, v in b.items():
        out[k] = merge(out[k], v) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
    return out


DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']


class Calendar:
    def __init__(self, raw):
        self.zone = zone(raw['timezone'])
        self.week = {i: [] for i in range(7)}
        for k, v in (raw.get('week') or {}).items():
            a, _, b = k.partition('-')
            i, j = DAYS.index(a), DAYS.index(b or a)
            while True:
                self.week[i] += [self.span(x) for x in v]
                if i == j:
                    break
                i = (i + 1) % 7
        self.exc = {}
        for k, v in (raw.get('except') or {}).items():
            self.exc[dt.date.fromisoformat(k)] = [] if v == 'closed' else [self.span(x) for x in v]

    @staticmethod
    def span(s):
        a, b = s.split('-')
        f = lambda t: int(t.split(':')[0]) * 60 + int(t.split(':')[1])
        a, b = f(a), f(b)
        return a, b if b > a else b + 1440

    def is_open(self, ms):
        day = self.zone.local(ms).date()
        for n in (-2, -1, 0, 1):
            d = day + dt.timedelta(days=n)
            base = dt.datetime(d.year, d.month, d.day)
            for a, b in self.exc.get(d, self.week[d.weekday()]):
                if self.zone.to_utc(base + dt.timedelta(minutes=a)) <= ms < \
                        self.zone.to_utc(base + dt.timedelta(minutes=b), True):
                    return True
        return False


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
        self.print = json.dumps(raw, sort_keys=True)


class Config:
    def __init__(self, text):
        raw = yaml.load(text, yaml.BaseLoader) or {}
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
        self._zone, self._con, self._dates, self._fp = {}, {}, {}, {}

    def client(self, name):
        return self.clients.get(name) or {}

    def zone(self, client):
        if client not in self._zone:
            self._zone[client] = zone(self.client(client).get('timezone') or self.defaults.get('timezone') or 'UTC')
        return self._zone[client]

    def groups_of(self, client, queue):
        return [g for g, v in (self.client(client).get('groups') or {}).items() if queue in (v or {}).get('queues', [])]

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


# ---------------------------------------------------------------- events

class Bad(Exception):
    pass


TYPES = {'queued', 'answered', 'held', 'resumed', 'abandoned', 'left', 'transferred', 'ended', 'wrapped', 'resolved',
         'replied', 'assigned', 'paused', 'worked', 'reopened', 'closed', 'cancelled', 'tick', 'rated', 'reviewed'}
POINTS = {'held', 'resumed', 'paused', 'resolved', 'reopened', 'closed', 'assigned', 'worked', 'replied'}
REASONS = {'transfer', 'overflow', 'voicemail', 'callback', 'timeout', 'other'}


def _pairs(pairs):
    out = {}
    for k, v in pairs:
        if k in out and not isinstance(out.get('\0dup'), str):
            out['\0dup'] = k
        out[k] = v
    return out


def _find_dup(v):
    if isinstance(v, dict):
        if '\0dup' in v:
            return v['\0dup']
        for x in v.values():
            r = _find_dup(x)
            if r is not None:
                return r
    elif isinstance(v, list):
        for x in v:
            r = _find_dup(x)
            if r is not None:
                return r
    return None


def _const(_):
    raise ValueError('constant')


def _name(o, field, longest, need=False, queue=False):
    v = o.get(field)
    if v is None:
        if need:
            raise Bad('missing:' + field)
        return None
    if not isinstance(v, str) or not 1 <= len(v.encode()) <= longest or re.search('[\x00-\x1f\x7f]', v):
        raise Bad('invalid:' + field)
    if queue and (v == '*' or v.startswith('@')):
        raise Bad('invalid:' + field)
    return v


def _int(o, field, lo, hi, default=None, need=False):
    v = o.get(field)
    if v is None:
        if need:
            raise Bad('missing:' + field)
        return default
    if isinstance(v, bool) or not isinstance(v, int) or not lo <= v <= hi:
        raise Bad('invalid:' + field)
    return v


def _bool(o, field, default):
    v = o.get(field)
    if v is None:
        return default
    if not isinstance(v, bool):
        raise Bad('invalid:' + field)
    return v


def parse(line):
    """bytes -> event dict, None (nothing to do), or raises Bad(reason)."""
    if len(line) > MAX_EVENT:
        raise Bad('too_large')
    if not line.strip():
        return None
    try:
        o = json.loads(line.decode('utf-8'), parse_float=Decimal, parse_constant=_const, object_pairs_hook=_pairs)
        json.dumps(o, ensure_ascii=False, default=str).encode('utf-8')      # lone surrogates
    except (ValueError, RecursionError):
        raise Bad('not_json')
    if not isinstance(o, dict):
        raise Bad('not_object')
    d = _find_dup(o)
    if d is not None:
        raise Bad('invalid:' + d)
    kind = o.get('type')
    if o.get('specversion') is not None:
        if o['specversion'] != '1.0':
            raise Bad('invalid:specversion')
        data = o.get('data')
        if data is None:
            raise Bad('missing:data')
        if not isinstance(data, dict):
            raise Bad('invalid:data')
        if isinstance(kind, str):
            kind = kind.rsplit('.', 1)[-1]
        if data.get('time') is None:
            data = dict(data, time=o.get('time'))
        o = data
    if kind is None:
        raise Bad('missing:type')
    if not isinstance(kind, str) or not kind:
        raise Bad('invalid:type')
    if kind not in TYPES:
        return None
    if o.get('time') is None:
        raise Bad('missing:time')
    time = parse_time(o['time'])
    if time is None:
        raise Bad('invalid:time')
    ev = {'type': kind, 'time': time}
    if kind == 'tick':
        return ev
    ev['client'] = _name(o, 'client', 64, True)
    ev['contact'] = _name(o, 'contact', 128, True)
    ch = o.get('channel')
    if ch is not None and ch not in ('call', 'chat', 'ticket'):
        raise Bad('invalid:channel')
    ev['channel'] = ch
    ev['queue'] = _name(o, 'queue', 64, queue=True)
    for f, n in (('customer', 128), ('conversation', 128), ('agent', 128), ('priority', 16)):
        ev[f] = _name(o, f, n)
    if kind == 'queued' and o.get('due') is not None:
        ev['due'] = parse_time(o['due'])
        if ev['due'] is None:
            raise Bad('invalid:due')
    elif kind == 'left':
        if o.get('reason') is not None and o['reason'] not in REASONS:
            raise Bad('invalid:reason')
    elif kind == 'resolved':
        ev['value'] = _bool(o, 'resolved', True)
    elif kind == 'worked':
        ev['value'] = _int(o, 'duration_ms', 0, 31 * D, need=True)
    elif kind == 'rated':
        v = o.get('score')
        if v is None:
            raise Bad('missing:score')
        if isinstance(v, bool) or not isinstance(v, (int, Decimal)) or abs(v) > 1000000:
            raise Bad('invalid:score')
        ev['value'] = int(Decimal(v) * 1000)
    elif kind == 'reviewed':
        n = (1 << 31) - 1
        ev['value'] = (_int(o, 'defects', 0, n, 0), _int(o, 'opportunities', 0, n, 0), _bool(o, 'critical', False))
    return ev


# ---------------------------------------------------------------- contacts and their facts

def u8(s):
    return s.encode()


class Facts:
    """Section 3: a pure function of a set of events."""

    def __init__(self, cid, events):
        t = lambda kind: [e['time'] for e in events if e['type'] == kind]
        first = lambda kind: min(t(kind), default=None)
        self.e, self.k, self.b, self.left = first('queued'), first('answered'), first('abandoned'), first('left')
        self.transferred, self.cancelled = first('transferred'), first('cancelled')
        self.ended, self.wrapped = max(t('ended'), default=None), max(t('wrapped'), default=None)
        r = [(e['time'], e['value']) for e in events if e['type'] == 'rated']
        self.rated = max(r, default=None)
        v = [review(e) for e in events if e['type'] == 'reviewed']
        self.reviewed = max(v, default=None)
        carry = lambda f: min(((e['time'], u8(e[f]), e[f]) for e in events if e[f] is not None), default=(0, 0, None))[2]
        self.channel, self.customer = carry('channel'), carry('customer')
        self.conversation = carry('conversation') or cid
        self.queue = carry('queue')
        self.moves = sorted({(e['time'], e['type'] == 'assigned', e['queue']) for e in events
                             if e['type'] in ('queued', 'assigned') and e['queue'] is not None},
                            key=lambda m: (m[0], m[1], [-x for x in u8(m[2])] + [1]))
        if self.channel == 'ticket':
            self.queue = self.moves[-1][2] if self.moves else None
        self.placed = self.channel is not None and self.queue is not None
        self.oldest = min(e['time'] for e in events)
        self.judged = self.e if self.e is not None else self.k if self.k is not None else self.oldest
        self.x = next((v for v in (self.ended, self.transferred, self.wrapped) if v is not None), None)
        o = [(v, i) for i, v in enumerate((self.k, self.b, self.left)) if v is not None]
        if not o and self.x is not None:
            o = [(self.x, 2)]
        self.out_at, self.outcome = (min(o)[0], 'abf'[min(o)[1]]) if o else (None, None)
        pts = lambda kind: sorted({e['time'] for e in events if e['type'] == kind})
        self.held, self.resumed, self.reopened = pts('held'), pts('resumed'), pts('reopened')
        self.dispositions = {(e['time'], e['value']) for e in events if e['type'] == 'resolved'}
        self.resolutions = sorted({x for x, v in self.dispositions if v} | set(pts('closed')))
        self.replies = sorted({(e['time'], e['agent'] or '') for e in events if e['type'] == 'replied'})
        self.worked = {(e['time'], e['value'], e['agent']) for e in events if e['type'] == 'worked'}
        last_re = self.reopened[-1] if self.reopened else -INF
        self.standing = next((x for x in self.resolutions if x >= last_re), None)
        # what section 6 asks
        self.start = self.e if self.e is not None else self.k
        if self.channel == 'ticket':
            self.end, self.was_answered = self.standing, bool(self.resolutions)
        else:
            self.end = self.x if self.k is not None else self.out_at
            self.was_answered = self.k is not None

    def queue_at(self, t):
        if self.channel != 'ticket' or not self.moves:
            return self.queue
        q = None
        for m in self.moves:
            if m[0] <= t:
                q = m[2]
        return q if q is not None else self.moves[0][2]


def review(e):
    d, o, c = e['value']
    return (e['time'], d, c, o)


class Contact:
    def __init__(self, client, cid):
        self.client, self.id = client, cid
        self.events, self.seen, self.points, self.last = [], set(), set(), -INF
        self.gone = None            # the last instant of its memory
        self._facts = None
        self._made = None

    def key_of(self, ev):
        return tuple(sorted((k, repr(v)) for k, v in ev.items() if k != 'src'))

    def add(self, ev):
        """False: limit:points."""
        k = self.key_of(ev)
        if k in self.seen:
            return True
        if ev['type'] in POINTS:
            # the value of a point: section 3
            val = {'resolved': ev.get('value'), 'assigned': (ev['queue'], ev['agent']),
                   'worked': (ev.get('value'), ev['agent']), 'replied': ev['agent']}.get(ev['type'])
            p = (ev['time'], ev['type'], val)
            if p not in self.points:
                top = 8192 if ev['type'] in ('resolved', 'reopened', 'closed') else 4096
                if len(self.points) >= top:
                    return False
                self.points.add(p)
        self.seen.add(k)
        self.events.append(ev)
        self.last = max(self.last, ev['time'])
        self._facts = self._made = None
        return True

    def add_rating(self, ev):
        """To the identity."""
        f = self.facts
        if ev['type'] == 'rated':
            f.rated = max(f.rated or (-INF, 0), (ev['time'], ev['value']))
        else:
            f.reviewed = max(f.reviewed or (-INF,), review(ev))
        self._made = None

    @property
    def facts(self):
        if self._facts is None:
            self._facts = Facts(self.id, self.events)
        return self._facts

    def retention(self, cfg):
        f = self.facts
        if f.channel is None:
            return cfg.longest
        if f.channel == 'ticket' and f.standing is None and f.cancelled is None:
            return cfg.ret['open_tickets']
        return cfg.ret[f.channel]

    def made(self, cfg):
        """([(queue, contribution)], [(queue, state)]); a contribution is (instant, lo, hi, fields): it counts
        while lo < now <= hi; a state is (what, from, until): it holds at t iff from < t <= until."""
        if self._made is None:
            f = self.facts
            if not f.placed or f.cancelled is not None:
                self._made = [], []
            else:
                self._made = (ticket_made if f.channel == 'ticket' else visit_made)(cfg, self, f)
        return self._made


def opinions(f, con):
    out = []
    if f.rated:
        t, sc = f.rated
        out.append((t, -INF, INF, (('csat_responses', 1), ('csat_score_sum', sc),
                                   ('csat_satisfied', int(sc >= con.satisfied_at)))))
    if f.reviewed:
        t, d, crit, opp = f.reviewed
        out.append((t, -INF, INF, (('qa_evaluated', 1), ('qa_defective', int(crit or d > 0)), ('qa_defects', d),
                                   ('qa_opportunities', opp))))
    return out


def visit_made(cfg, c, f):
    con = cfg.contract(c.client, f.queue, f.channel, f.judged)
    out, states = [], []

    def put(instant, fields, lo=-INF):
        out.append((instant, lo, INF, tuple(fields)))

    e, x, k = f.e, f.x, f.k
    if e is not None:
        put(e, [('offered', 1)])
        wait = max(0, f.out_at - e) if f.outcome else None
        if f.outcome:
            at = e if con.arrival else f.out_at
            if f.outcome == 'a':
                put(at, [('answered', 1), ('wait_ms_sum', wait), ('wait_ms_max', wait)] +
                    [('wait_le_%ds' % s, 1) for s in LE if wait <= s * 1000])
            elif f.outcome == 'b':
                put(at, [('abandoned', 1), ('abandoned_short', int(con.S is not None and wait <= con.S))])
            else:
                put(at, [('flowed_out', 1)])
        if con.T is not None:
            sl = service_level(con, f, wait)
            if sl is not None:
                within = f.outcome is not None and wait <= con.T
                d = f.out_at if within else e + con.T
                put(e if con.arrival else d, [('sl_met', sl), ('sl_of', 1)], d)
        until = min(v for v in (f.out_at, x, c.gone, INF) if v is not None)
        states.append(('waiting', e, until))
        if con.T is not None:
            states.append(('waiting_over', e + con.T, until))
    if k is not None:
        states.append(('handling', k, min(v for v in (x, c.gone, INF) if v is not None)))
        if x is not None:
            hold = union([(max(h, k), min(next((r for r in f.resumed if r >= h), x), x)) for h in f.held])
            talk = max(0, x - k - hold)
            acw = min(max(0, f.wrapped - x), con.acw_cap) if f.wrapped is not None else 0
            put(x, [('handled', 1), ('talk_ms_sum', talk), ('hold_ms_sum', hold), ('acw_ms_sum', acw),
                    ('handle_ms_sum', talk + hold + acw)])
    if x is not None and con.acw_expected:
        states.append(('wrapping', x, min(v for v in (f.wrapped, x + con.acw_cap, c.gone) if v is not None)))
    if f.transferred is not None:
        put(f.transferred, [('transferred', 1)])
    if c.gone is not None:
        out = [m for m in out if m[0] <= c.gone and m[1] <= c.gone]
    out += opinions(f, con)
    return [(f.queue, m) for m in out], [(f.queue, s) for s in states if s[2] > s[1]]


def union(spans):
    total, end = 0, -INF
    for a, b in sorted(spans):
        a = max(a, end)
        if b > a:
            total += b - a
            end = b
    return total


def service_level(con, f, wait):
    """1 met, 0 missed (or not yet decided), None left out."""
    if con.calendar and not con.calendar.is_open(f.e):
        return None
    if any(a <= f.e < b for a, b in con.excepts):
        return None
    T, short = con.T, con.S
    if f.outcome is None:
        return 0
    if f.outcome == 'a':
        return int(wait <= T)
    if f.outcome == 'b':
        how = con.abandoned
        if how == 'ignore' or (how == 'ignore_within' and wait <= T) or (how == 'ignore_short' and wait <= short):
            return None
        return int((how == 'credit_within' and wait <= T) or (how == 'credit_short' and wait <= short))
    if con.flow_out == 'ignore':
        return None
    return int(con.flow_out == 'credit_within' and wait <= T)


def ticket_made(cfg, c, f):
    con = cfg.contract(c.client, f.queue, 'ticket', f.judged)
    out, states = [], []

    def put(instant, fields):
        out.append((f.queue_at(instant), (instant, -INF, INF, tuple(fields))))

    if f.e is not None:
        put(f.e, [('opened', 1)])
    if f.standing is not None:
        put(f.standing, [('resolved', 1)] +
            ([('resolution_ms_sum', max(0, f.standing - f.e))] if f.e is not None else []))
        if f.worked:
            put(f.standing, [('handled', 1), ('handle_ms_sum', sum(w[1] for w in f.worked))])
    for t in f.reopened:
        put(t, [('reopened', 1)])
    for t, d, _ in f.worked:
        put(t, [('worked_ms_sum', d)])
    out += [(f.queue_at(m[0]), m) for m in opinions(f, con)]
    if f.e is not None:
        # open while the latest resolution or reopened point (resolution winning ties) is not a resolution
        marks = sorted({(t, 1) for t in f.resolutions} | {(t, 0) for t in f.reopened})
        cuts = sorted({f.e} | {t for t, _ in marks if t > f.e} | {m[0] for m in f.moves if m[0] > f.e})
        end = c.gone if c.gone is not None else INF
        for a, b in zip(cuts, cuts[1:] + [end]):
            known = [m for m in marks if m[0] <= a]
            if not (known and known[-1][1]):
                states.append((f.queue_at(a), ('backlog', a, min(b, end))))
    return out, [s for s in states if s[1][2] > s[1][1]]


# ---------------------------------------------------------------- episodes

class Episode:
    def __init__(self, cfg, client, conv, contacts):
        self.client, self.conv, self.contacts = client, conv, contacts
        nobody = cfg.no_customer(client)
        order = sorted(contacts, key=lambda c: (c.facts.start if c.facts.start is not None else INF, u8(c.id)))
        self.first = order[0]
        self.s = self.first.facts.start
        self.customer = next((c.facts.customer for c in order
                              if c.facts.customer is not None and c.facts.customer not in nobody), None)
        ends = [c.facts.end for c in contacts]
        self.ended = None not in ends
        self.z = max(ends) if self.ended else None
        ans = [c for c in contacts if c.facts.was_answered]
        self.answered = len(ans)
        self.credited = min(ans, key=lambda c: (c.facts.k if c.facts.k is not None else c.facts.end if c.facts.end is not None else
                                            c.facts.resolutions[0], u8(c.id)),
                            default=None)
        judge = self.credited or self.first
        jf = judge.facts
        self.channel = jf.channel
        self.con = cfg.contract(client, jf.queue, jf.channel, jf.judged)
        self.queue = jf.queue_at(self.z) if self.z is not None else jf.queue
        self.first_queue = self.first.facts.queue_at(self.s if self.s is not None else -INF)
        self.next = None
        self.is_repeat = False
        # how long its summary stays, once all its contacts are forgotten
        last = max(c.facts.end if c.facts.end is not None else c.last for c in contacts)
        ret = max(cfg.ret[c.facts.channel] for c in contacts)
        self.until = last + self.con.W + ret
        self.all_gone = all(c.gone is not None for c in contacts)

    def eligible(self):
        return self.ended and self.credited is not None

    def repeat_model(self):
        return self.eligible() and self.con.model == 'repeat' and self.customer is not None and self.s is not None

    def verdict(self):
        """[(queue, contribution)] of its verdict."""
        con = self.con
        cf = self.credited.facts if self.credited else None
        if con.model == 'reopen':
            if cf is None or cf.channel != 'ticket' or not cf.resolutions:
                return []
            z = cf.resolutions[0]
            q = cf.queue_at(z)
            if any(z < r <= z + con.W for r in cf.reopened) or sum(1 for r in cf.replies if r[0] <= z) > 1:
                return [(q, (z, -INF, INF, (('fcr_no', 1),)))]
            return [(q, m) for m in pending(z, con.W)]
        if not self.eligible():
            return []
        if con.model == 'flag':
            d = [(t, not v) for c in self.contacts for t, v in c.facts.dispositions]
            if not d:
                name = 'fcr_unknown'
            else:
                name = 'fcr_yes' if not max(d)[1] and self.answered == 1 else 'fcr_no'
            return [(self.queue, (self.z, -INF, INF, ((name, 1),)))]
        if not self.repeat_model():
            return []
        if self.is_no():
            return [(self.queue, (self.z, -INF, INF, (('fcr_no', 1),)))]
        return [(self.queue, m) for m in pending(self.z, con.W)]

    def is_no(self):
        return self.next is not None and self.next <= self.z + self.con.W


def pending(z, w):
    return [(z, -INF, z + w, (('fcr_pending', 1),)), (z, z + w, INF, (('fcr_yes', 1),))]


# ---------------------------------------------------------------- the run

def queue_order(q):
    return (2 if q == '*' else 1 if q.startswith('@') else 0, u8(q))


def next_multiple(q, every):
    """The smallest multiple > q."""
    return (q // every + 1) * every


class Run:
    def __init__(self, cfg, provisional=False, latest=False):
        self.cfg, self.provisional, self.latest = cfg, provisional, latest
        self.now = None
        self.heap = []
        self.contacts = {}          # (client, id) -> remembered
        self.identities = {}        # (client, id) -> forgotten, still known
        self.gone = []              # all forgotten that were placed
        self.pool = []              # forgotten ones whose episode is kept
        self.kept = {}              # (client, queue, channel) -> contributions of dropped episodes
        self.ghosts = {}            # (client, conversation) -> [(customer, s, queue, channel)] of dropped episodes
        self.sticky = set()         # (client, conversation, s): was a repeat of a dropped episode
        self.dead = []              # (file, line, reason, value)
        self.records = []
        self.last = {}              # record key -> (status, revision, body, zero)
        self.oldest_final = {}
        self.dirty = True
        self.made = {}              # key -> ([contribution], [state])
        self.marks = {}
        self.rel = {}               # (key, window name) -> {(start, end)}
        self.sched = []
        self.sched_set = set()
        self.next_forget = INF
        self.next_drop = INF

    # -------- arrival and application

    def expired(self, ev):
        if self.now is None:
            return False
        key = (ev['client'], ev['contact'])
        c = self.contacts.get(key)
        if c is None:
            c = self.identity(key, self.now)
        if c is not None and c.facts.channel is not None:
            ret = c.retention(self.cfg) if c.gone is None else self.cfg.ret[c.facts.channel]
        elif ev['channel'] is not None:
            ret = self.cfg.ret[ev['channel']]
        else:
            ret = self.cfg.longest
        return ev['time'] < self.now - ret

    def identity(self, key, u):
        i = self.identities.get(key)
        if i is not None and u > i.gone_limit + self.cfg.ret['identity']:
            del self.identities[key]
            i = None
        return i

    def arrive(self, ev, src):
        """Judges an event on arrival. Returns a dead letter's reason, 'late' or None."""
        ev['src'] = src
        if self.expired(ev):
            return 'expired'
        if self.now is not None and ev['time'] < self.now:
            return 'late'
        heapq.heappush(self.heap, (ev['time'], src[:2], id(ev), ev))
        return None

    def apply(self, ev, late):
        u = self.now if late else ev['time']
        key = (ev['client'], ev['contact'])
        if not late:
            self.forget(u)
        c = self.contacts.get(key)
        ident = self.identity(key, u)
        if ev['type'] in ('rated', 'reviewed') and ident is not None and (c is None or not c.facts.placed):
            ident.add_rating(ev)
            self.dirty = True
            return None
        if c is None:
            if late and ident is not None:
                return 'expired'
            c = Contact(*key)
            if not c.add(ev):
                return 'limit:points'
            self.contacts[key] = c
        elif not c.add(ev):
            return 'limit:points'
        self.dirty = True
        self.next_forget = min(self.next_forget, c.last + c.retention(self.cfg) + 1)
        if c.facts.placed and ident is not None:
            del self.identities[key]
        if self.pool:
            self.next_drop = -INF
        return None

    def forget(self, u):
        """Forgets all whose memory ended before u (now > last + retention)."""
        if u < self.next_forget:
            return
        nxt = INF
        for key, c in list(self.contacts.items()):
            limit = c.last + c.retention(self.cfg)
            if limit >= u:
                nxt = min(nxt, limit + 1)
                continue
            del self.contacts[key]
            self.dirty = True
            if c.facts.placed:
                c.gone = max(limit, self.now)
                c.gone_limit = limit
                c._made = None
                self.gone.append(c)
                self.identities[key] = c
                if c.facts.cancelled is None:
                    self.pool.append(c)
                self.next_drop = -INF
        self.next_forget = nxt

    # -------- episodes

    def episodes(self):
        groups = {}
        for c in list(self.contacts.values()) + self.pool:
            f = c.facts
            if f.placed and f.cancelled is None:
                groups.setdefault((c.client, f.conversation), []).append(c)
        eps = [Episode(self.cfg, k[0], k[1], v) for k, v in groups.items()]
        by = {}
        for e in eps:
            if e.customer is not None and e.s is not None:
                by.setdefault((e.client, e.customer), []).append(e)
        for key, group in by.items():
            for p in group:
                if not p.repeat_model():
                    continue
                same = lambda q, ch: not p.con.scope_queue or (q, ch) == (p.queue, p.channel)
                others = [e for e in group if e is not p and e.s >= p.s and same(e.queue, e.channel)]
                starts = [e.s for e in others]
                starts += [g[1] for g in self.ghosts.get((p.client, p.conv), [])
                           if g[0] == p.customer and g[1] >= p.s and same(g[2], g[3])]
                p.next = min(starts, default=None)
                if p.is_no():
                    for e in others:
                        if e.s == p.next:
                            e.is_repeat = True
        for e in eps:
            if (e.client, e.conv, e.s) in self.sticky:
                e.is_repeat = True
        return eps

    def episode_made(self, e):
        out = [((e.client, q, e.channel), m) for q, m in e.verdict()]
        if e.is_repeat:
            out.append(((e.client, e.first_queue, e.first.facts.channel), (e.s, -INF, INF, (('repeats', 1),))))
        return out

    def drop(self, u):
        if u < self.next_drop:
            return
        self.next_drop = INF
        if not self.pool:
            return
        eps = self.episodes()
        out = [e for e in eps if e.all_gone and e.until < u]
        for e in eps:
            if e.all_gone and e.until >= u:
                self.next_drop = min(self.next_drop, e.until + 1)
        for e in out:
            self.dirty = True
            for key, m in self.episode_made(e):
                self.kept.setdefault(key, []).append(m)
            for o in eps:
                if o is e or o in out or o.client != e.client or o.customer != e.customer or e.customer is None:
                    continue
                if e.s is not None:
                    self.ghosts.setdefault((o.client, o.conv), []).append((e.customer, e.s, e.queue, e.channel))
                if e.repeat_model() and e.is_no() and o.s == e.next:
                    self.sticky.add((o.client, o.conv, o.s))
            self.ghosts.pop((e.client, e.conv), None)
            self.sticky.discard((e.client, e.conv, e.s))
            ids = {id(c) for c in e.contacts}
            self.pool = [c for c in self.pool if id(c) not in ids]

    # -------- what counts where

    def keys_for(self, client, queue, channel):
        return [(client, queue, channel)] + [(client, '@' + g, channel) for g in self.cfg.groups_of(client, queue)] + \
            [(client, '*', channel)]

    def refresh(self, a):
        if not self.dirty:
            return
        self.dirty = False
        new = {}

        def slot(client, queue, channel):
            return [new.setdefault(k, ([], [])) for k in self.keys_for(client, queue, channel)]

        for c in self.gone + list(self.contacts.values()):
            ms, ss = c.made(self.cfg)
            ch = c.facts.channel
            for q, m in ms:
                for s in slot(c.client, q, ch):
                    s[0].append(m)
            for q, st in ss:
                for s in slot(c.client, q, ch):
                    s[1].append(st)
        for key, ms in self.kept.items():
            for s in slot(*key):
                s[0].extend(ms)
        for e in self.episodes():
            for key, m in self.episode_made(e):
                for s in slot(*key):
                    s[0].append(m)
        for key in set(new) | set(self.made):
            if new.get(key) != self.made.get(key):
                self.made[key] = new.get(key, ([], []))
                self.changed(key, a)

    def schedule(self, t, key, w, span):
        item = (t, key, w, span)
        if item not in self.sched_set:
            self.sched_set.add(item)
            heapq.heappush(self.sched, item)

    def relevant(self, key, name, span, a):
        r = self.rel.setdefault((key, name), set())
        if span in r:
            return
        r.add(span)
        fin, closed = span[1] + self.cfg.grace, self.closed_at(name, span)
        for t in (fin, closed):
            if t > a:
                self.schedule(t, key, ('interval', name), span)
        if fin <= a:
            t = next_multiple(a, self.cfg.restate_every)
            if t < closed:
                self.schedule(t, key, ('interval', name), span)
        elif self.provisional:
            every = self.publish(name)
            marks = self.marks[key]
            first = max(a, span[0] - 1)
            for q in [first, span[1] - 1] + marks[bisect.bisect_left(marks, first - every):bisect.bisect_left(marks, fin)]:
                t = next_multiple(q, every)
                if first < t < fin:
                    self.schedule(t, key, ('interval', name), span)

    def publish(self, name):
        return self.cfg.publish.get(name, self.cfg.publish['default'])

    def closed_at(self, name, span):
        return span[1] + self.cfg.restate.get(name, self.cfg.restate['default'])

    def changed(self, key, a):
        """All later looks at which the records of a key may differ, now that its facts changed at a."""
        cfg = self.cfg
        ms, ss = self.made[key]
        flips = {q for m in ms for q in (m[1], m[2]) if a < q + D and -INF < q < INF}
        marks = {m[0] for m in ms} | {q for s in ss for q in s[1:]} | flips | {a}
        self.marks[key] = sorted(marks)
        if not self.latest:
            for name, length, every in cfg.rolling:
                qs = marks | {m[0] + length for m in ms} | {d - 1 for d in cfg.dates(key[0], key[1])}
                for q in qs:
                    if q < INF:
                        t = next_multiple(q, every)
                        if t > a:
                            self.schedule(t, key, ('rolling', name), None)
        z = cfg.zone(key[0])
        for name in cfg.interval:
            for m in ms:
                self.relevant(key, name, z.window(name, m[0]), a)
            for s in ss:
                self.state_windows(key, name, s, -INF, max(a, s[1], s[2] if s[2] < a + 2 * D else a))
            for span in list(self.rel.get((key, name), ())):
                fin, closed = span[1] + cfg.grace, self.closed_at(name, span)
                if closed <= a:
                    self.rel[(key, name)].discard(span)
                    continue
                for q in flips | {a}:
                    t = next_multiple(max(q, fin), cfg.restate_every)
                    if a < t < closed:
                        self.schedule(t, key, ('interval', name), span)
                if self.provisional and not self.latest and fin > a:
                    for q in marks | {span[0] - 1}:
                        if q < fin:
                            t = next_multiple(q, self.publish(name))
                            if t > a and span[0] <= t < fin:
                                self.schedule(t, key, ('interval', name), span)

    def state_windows(self, key, name, s, a, b):
        """Windows whose t falls into a state's (from, until] as now goes from a to b."""
        z = self.cfg.zone(key[0])
        lo, hi = max(s[1], a), min(s[2], b)
        if hi < lo:
            return
        t = lo
        while t <= hi:
            span = z.window(name, t)
            if self.closed_at(name, span) > a:
                self.relevant(key, name, span, max(a, self.look_from))
            t = span[1]

    def evaluate(self, key, kind, start, end, now, rkey=None, final=False):
        ms, ss = self.made.get(key, ([], []))
        ticket = key[2] == 'ticket'
        sums = dict.fromkeys(TICKET_SUMS if ticket else CALL_SUMS, 0)
        top = min(end, now)
        for instant, lo, hi, fields in ms:
            if start <= instant < top and lo < now <= hi:
                for f, v in fields:
                    if f == 'wait_ms_max':
                        sums[f] = max(sums[f], v)
                    else:
                        sums[f] += v
        state = dict.fromkeys(TICKET_STATE if ticket else CALL_STATE, 0)
        t = top
        for what, a, b in ss:
            if a < t <= b:
                state[what] += 1
                if what == 'waiting':
                    state['oldest_wait_ms'] = max(state['oldest_wait_ms'], t - a)
        if kind == 'interval' and not ticket:
            fin = end + self.cfg.grace
            if now == fin:
                self.oldest_final[rkey] = state['oldest_wait_ms']
            elif now > fin:
                state['oldest_wait_ms'] = self.oldest_final.get(rkey, 0)
        zero = not any(sums.values()) and not any(state.values())
        at = start if kind == 'interval' else end
        con = self.cfg.contract(*key, at)
        body = {'contract': self.cfg.fingerprint(*key, at)}
        body.update(sums)
        g = sums
        bp = lambda n, d: 10000 * n // d if d > 0 else None
        avg = lambda n, d: n // d if d > 0 else None
        least = lambda n, d, target: n * 10000 >= target * d if target is not None and d > 0 else None
        most = lambda n, d, target: n <= target * d if target is not None and d > 0 else None
        fn, fd = g['fcr_yes'] + g['fcr_pending'], g['fcr_yes'] + g['fcr_no'] + g['fcr_pending']
        drv = {'aht_ms': avg(g['handle_ms_sum'], g['handled']), 'fcr_bp': bp(fn, fd),
               'csat_bp': bp(g['csat_satisfied'], g['csat_responses']),
               'accuracy_bp': bp(g['qa_evaluated'] - g['qa_defective'], g['qa_evaluated']),
               'aht_target_ms': con.aht_target, 'aht_ok': most(g['handle_ms_sum'], g['handled'], con.aht_target),
               'fcr_target_bp': con.fcr_target, 'fcr_ok': least(fn, fd, con.fcr_target),
               'csat_target_bp': con.csat_target,
               'csat_ok': least(g['csat_satisfied'], g['csat_responses'], con.csat_target)}
        if not ticket:
            ab = g['abandoned'] - g['abandoned_short']
            drv.update({'asa_ms': avg(g['wait_ms_sum'], g['answered']), 'sl_bp': bp(g['sl_met'], g['sl_of']),
                        'abandon_bp': bp(ab, g['answered'] + ab + g['flowed_out']),
                        'repeat_bp': bp(g['repeats'], g['offered']),
                        'transfer_bp': bp(g['transferred'], g['handled']), 'sl_target_bp': con.sl_target,
                        'sl_ok': least(g['sl_met'], g['sl_of'], con.sl_target)})
        for f in (TICKET_DERIVED if ticket else CALL_DERIVED):
            body[f] = drv[f]
        body.update(state)
        return body, zero

    def look(self, now, key, w, span, at_end=False):
        kind, name = w
        if kind == 'rolling':
            length = next(r[1] for r in self.cfg.rolling if r[0] == name)
            start, end, status, rkey = now - length, now, 'final', (key, name)
        else:
            start, end = span
            fin, closed = end + self.cfg.grace, self.closed_at(name, span)
            status = 'provisional' if now < fin else 'final' if now == fin else 'restated' if now < closed else 'closed'
            if now > closed or now < start:
                return
            if status == 'provisional' and not self.provisional and not at_end:
                return
            rkey = (key, name, start)
        body, zero = self.evaluate(key, kind, start, end, now, rkey)
        prev = self.last.get(rkey)
        if prev is None:
            if zero:
                return
        elif not (kind == 'interval' and status in ('final', 'closed') and prev[0] != status):
            if body == prev[2] or (zero and prev[3]):
                return
        rev = prev[1] + 1 if prev else 1
        self.last[rkey] = (status, rev, body, zero)
        rec = {'client': key[0], 'queue': key[1], 'channel': key[2], 'window': name, 'kind': kind, 'start_ms': start,
               'end_ms': end, 'as_of_ms': now, 'status': status, 'revision': rev}
        rec.update(body)
        self.records.append(rec)

    def order(self, rec):
        return (rec['as_of_ms'], u8(rec['client']), queue_order(rec['queue']), rec['channel'],
                self.cfg.windex[(rec['kind'], rec['window'])], rec['start_ms'])

    # -------- time passes

    def possible(self, a, b):
        cfg = self.cfg
        crossed = lambda every, off=0: (b - off) // every != (a - off) // every
        return any(crossed(r[2]) for r in cfg.rolling) or crossed(cfg.restate_every) or crossed(15 * M, cfg.grace) or \
            any(crossed(15 * M, v) for v in cfg.restate.values()) or \
            (self.provisional and any(crossed(self.publish(n)) for n in cfg.interval))

    def looks(self, a, b):
        """Every look in (a, b]; the facts do not change in between."""
        if a >= b or not self.possible(a, b):
            return
        self.look_from = a
        self.refresh(a)
        cfg = self.cfg
        todo = set()
        for key, (ms, ss) in self.made.items():
            live = [s for s in ss if s[2] > a and s[1] < b]
            for s in live:
                lo, hi = max(a, s[1]), min(b, s[2])
                for name in cfg.interval:
                    self.state_windows(key, name, s, a, b)
                if s[0] != 'waiting':
                    continue
                if not self.latest:
                    for name, _, every in cfg.rolling:
                        t = next_multiple(lo, every)
                        while t <= hi:
                            todo.add((t, key, ('rolling', name), None))
                            t += every
                    if self.provisional:
                        for name in cfg.interval:
                            t = next_multiple(lo, self.publish(name))
                            while t <= hi:
                                for tt in (t, t - 1):
                                    todo.add((t, key, ('interval', name), cfg.zone(key[0]).window(name, tt)))
                                t += self.publish(name)
        if self.latest:
            for name, _, every in cfg.rolling:
                t = self.target // every * every
                if a < t <= b:
                    todo |= {(t, key, ('rolling', name), None) for key in self.made}
            for name in cfg.interval:
                t = self.target // self.publish(name) * self.publish(name)
                if a < t <= b:
                    todo |= {(t, key, ('interval', name), span) for key in self.made
                             for span in self.rel.get((key, name), ()) if t < span[1] + cfg.grace}
        while self.sched and self.sched[0][0] <= b:
            item = heapq.heappop(self.sched)
            self.sched_set.discard(item)
            if item[0] > a:
                if self.latest and item[2][0] == 'interval' and item[0] < item[3][1] + cfg.grace:
                    continue
                todo.add(item)
        for t, key, w, span in sorted(todo, key=lambda i: (i[0], i[1], i[2], i[3] or (0, 0))):
            self.look(t, key, w, span)

    def advance(self, n1):
        if self.now is None:
            self.now = min([n1] + [h[0] for h in self.heap[:1]])
        self.target = n1
        self.forget(self.now)
        while True:
            c = min(self.heap[0][0] + 1 if self.heap else INF, self.next_forget, self.next_drop)
            if c > n1:
                break
            c = max(c, self.now + 1)
            if c > n1:          # overdue: takes effect with the next look
                self.forget(self.now)
                self.drop(self.now)
                break
            self.looks(self.now, c - 1)
            self.now = c - 1
            while self.heap and self.heap[0][0] < c:
                ev = heapq.heappop(self.heap)[3]
                r = self.apply(ev, False)
                if r:
                    self.dead.append(ev['src'] + (r,))
            self.forget(c)
            self.drop(c)
        self.looks(self.now, n1)
        self.now = n1

    def apply_late(self, ev):
        r = self.apply(ev, True)
        if r:
            self.dead.append(ev['src'] + (r,))
        self.forget(self.now)
        self.drop(self.now)

    def at_end(self):
        self.look_from = self.now - 1
        self.refresh(self.now - 1)
        for key, (ms, ss) in self.made.items():
            for s in ss:
                for name in self.cfg.interval:
                    self.state_windows(key, name, s, -INF, self.now)
        for (key, name), spans in list(self.rel.items()):
            for span in sorted(spans):
                if span[1] + self.cfg.grace == self.now or self.closed_at(name, span) <= self.now:
                    continue
                self.look(self.now, key, ('interval', name), span, True)


def replay(cfg, files, until=None, provisional=False):
    """files: lists of lines (bytes). Returns (records, dead letters [(file, line, reason, bytes)])."""
    run = Run(cfg, provisional)
    marks = [None] * len(files)
    pos = [0] * len(files)
    largest = None
    while True:
        live = [i for i in range(len(files)) if pos[i] < len(files[i])]
        if not live:
            break
        i = min(live, key=lambda n: (marks[n] if marks[n] is not None else -INF, n))
        line = files[i][pos[i]]
        pos[i] += 1
        src = (i, pos[i])
        try:
            ev = parse(line)
            if ev is not None and ev['type'] != 'tick' and cfg.clients_only and ev['client'] not in cfg.clients:
                raise Bad('unknown_client')
        except Bad as b:
            run.dead.append(src + (str(b),))
            ev = None
        if ev is not None:
            t = ev['time']
            if ev['type'] != 'tick':
                r = run.arrive(ev, src)
                if r == 'late':
                    run.apply_late(ev)
                elif r:
                    run.dead.append(src + (r,))
            marks[i] = max(marks[i] if marks[i] is not None else -INF, t - cfg.max_disorder)
            largest = t if largest is None else max(largest, t)
        open_ = [marks[n] for n in range(len(files)) if pos[n] < len(files[n])]
        if open_ and all(m is not None for m in open_):
            w = min(open_)
            if run.now is None or w > run.now:
                run.advance(w)
    if largest is not None:
        w = largest + 1
        if until is not None:
            w = max(w, until)
        run.advance(w)
        run.at_end()
    run.records.sort(key=run.order)
    dead = sorted((f, n, r, files[f][n - 1]) for f, n, r in run.dead)
    return run.records, dead


def live(cfg, epochs):
    """epochs: [([(partition, line)], now)]. Returns (records, dead letters); all published, in order."""
    run = Run(cfg, True, cfg.catch_up != 'all')
    offs = {}
    for events, now in epochs:
        late = []
        for part, line in events:
            offs[part] = offs.get(part, 0) + 1
            src = (part, offs[part])
            try:
                ev = parse(line)
                if ev is not None and ev['type'] != 'tick' and cfg.clients_only and ev['client'] not in cfg.clients:
                    raise Bad('unknown_client')
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
    run.records.sort(key=run.order)
    return run.records, sorted(run.dead)


def read_lines(path):
    with open(path, 'rb') as f:
        data = f.read()
    lines = data.split(b'\n')
    if lines and lines[-1] == b'':
        lines.pop()
    return lines


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('config')
    ap.add_argument('files', nargs='+')
    ap.add_argument('--until')
    ap.add_argument('--provisional', action='store_true')
    ap.add_argument('--live', action='store_true', help='the file holds epochs')
    ap.add_argument('--dead', action='store_true', help='print the dead letters instead')
    a = ap.parse_args()
    with open(a.config, encoding='utf-8') as f:
        cfg = Config(f.read())
    if a.live:
        epochs = [json.loads(x) for x in read_lines(a.files[0])]
        recs, dead = live(cfg, [([(p, x.encode()) for p, x in e['events']], e['now']) for e in epochs])
        for r in [{'partition': p, 'offset': n - 1, 'reason': w} for p, n, w in dead] if a.dead else recs:
            print(json.dumps(r, ensure_ascii=False, separators=(',', ':')))
        return
    recs, dead = replay(cfg, [read_lines(p) for p in a.files], parse_time(a.until) if a.until else None, a.provisional)
    if a.dead:
        for f, n, r, v in dead:
            print(json.dumps({'file': a.files[f], 'line': n, 'reason': r, 'value': v.decode('utf-8', 'replace')},
                             ensure_ascii=False))
    else:
        for r in recs:
            print(json.dumps(r, ensure_ascii=False, separators=(',', ':')))


if __name__ == '__main__':
    sys.exit(main())

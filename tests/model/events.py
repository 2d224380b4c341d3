"""One line -> one event, or the reason why not: section 2."""
import json
import re
from decimal import Decimal

from times import D, parse_time

MAX_EVENT = 1 << 20


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

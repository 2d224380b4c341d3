"""A part of the queues, with all that bears on them: for sets too large to compute whole."""
import hashlib
import json

from events import TYPES
from times import TIME_MAX, TIME_MIN, parse_time, percent

NAMES = {'client', 'queue', 'contact', 'conversation', 'customer'}
PLAIN = TYPES - {'tick', 'left', 'resolved', 'worked', 'rated', 'reviewed'}


def objects(files):
    """The events of all lines, as far as names go."""
    for line in (x for f in files for x in f):
        try:
            o = json.loads(line)
        except ValueError:
            continue
        if isinstance(o, dict) and isinstance(o.get('data'), dict):
            o = o['data']
        if isinstance(o, dict):
            yield {k: v for k, v in o.items() if k in NAMES and isinstance(v, str)}


class Sample:
    """Holds the keys of some queues; `needs` the events of every contact that was ever in one of them, of its
    conversation, of the customers of that, and of their conversations: all that FCR asks."""

    def __init__(self, share, files):
        self.share = percent(share)
        self.chosen = {}
        clients = {c for c, q in {(o.get('client'), o.get('queue')) for o in objects(files)} if self.has(c, q)}
        names = {}                  # (client, contact) -> {('v', conversation), ('u', customer)}
        start = set()
        for o in objects(files):
            if o.get('client') not in clients:
                continue
            c = (o['client'], o.get('contact'))
            named = names.setdefault(c, {('v', c[1])})
            named.update((k, o[f]) for k, f in (('v', 'conversation'), ('u', 'customer')) if f in o)
            if self.has(c[0], o.get('queue')):
                start.add(c)
        self.contacts = start
        for kind in ('v', 'u', 'v'):
            held = {(c[0], n) for c in self.contacts for n in names[c] if n[0] == kind}
            self.contacts = self.contacts | {c for c, ns in names.items() if any((c[0], n) in held for n in ns)}

    def has(self, client, queue):
        k = (client, queue)
        if k not in self.chosen:
            digest = hashlib.sha256(json.dumps(k).encode()).digest()
            self.chosen[k] = int.from_bytes(digest[:8], 'big') % 10000 < self.share
        return self.chosen[k]

    def __contains__(self, key):
        return not (key[1] in ('*', None) or key[1].startswith('@')) and self.has(key[0], key[1])

    def plain_time(self, line):
        """The time of a line that is not needed, where that it is valid can be seen at a glance; else None."""
        try:
            o = json.loads(line)
        except ValueError:
            return None
        if type(o) is not dict or line.count(b'":') != len(o) or o.get('type') not in PLAIN or 'due' in o or \
                (o.get('client'), o.get('contact')) in self.contacts:
            return None
        time = o.pop('time', None)
        if not {'client', 'contact'} <= o.keys() or o.get('channel', 'call') not in ('call', 'chat', 'ticket') or \
                len(str(o.get('priority', ''))) > 16 or str(o.get('queue', 'a'))[:1] in '@*' or \
                not all(type(v) is str and 0 < len(v) < 64 and v.isascii() and v.isprintable() for v in o.values()):
            return None
        if type(time) is int:
            return time if TIME_MIN <= time < TIME_MAX else None
        return parse_time(time)

    def needs(self, ev):
        return (ev['client'], ev['contact']) in self.contacts

"""A part of the queues, with all that bears on them: for sets too large to compute whole."""
import hashlib
import json

from times import percent


class Sample:
    """Holds the keys of some queues; `needs` the events of every contact that was ever in one of them, of its
    conversation, of the customers of that, and of their conversations: all that FCR asks."""

    def __init__(self, share, files):
        self.share = percent(share)
        self.chosen = {}
        names = {}                  # (client, contact) -> {('v', conversation), ('u', customer)}
        start = set()
        for line in (x for f in files for x in f):
            try:
                o = json.loads(line)
            except ValueError:
                continue
            o = o.get('data', o) if isinstance(o, dict) else {}
            if not isinstance(o, dict):
                continue
            c = (o.get('client'), o.get('contact'))
            if not all(isinstance(x, str) for x in c):
                continue
            named = names.setdefault(c, {('v', c[1])})
            for k, field in (('v', 'conversation'), ('u', 'customer')):
                if isinstance(o.get(field), str):
                    named.add((k, o[field]))
            if isinstance(o.get('queue'), str) and self.has(c[0], o['queue']):
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
        return not (key[1] == '*' or key[1].startswith('@')) and self.has(key[0], key[1])

    def needs(self, ev):
        return (ev['client'], ev['contact']) in self.contacts

"""First contact resolution: section 6."""
from facts import u8
from times import INF

LIMIT = 1024


class Episode:
    """Contacts of one conversation, judged together; a pure function of their facts but for `next`."""

    def __init__(self, cfg, key, contacts):
        self.key, self.client, self.contacts = key, key[0], contacts
        nobody = cfg.no_customer(self.client)
        order = sorted(contacts, key=lambda c: (c.facts.start if c.facts.start is not None else INF, u8(c.id)))
        self.first = order[0]
        self.s = self.first.facts.start
        self.customer = next((c.facts.customer for c in order
                              if c.facts.customer is not None and c.facts.customer not in nobody), None)
        ends = [c.facts.end for c in contacts]
        self.ended = None not in ends
        self.z = max(ends) if self.ended else None
        answered = [c for c in contacts if c.facts.was_answered]
        self.answered = len(answered)
        self.credited = min(answered, key=credit_order, default=None)
        self.first_queue = self.first.facts.queue_at(self.s if self.s is not None else -INF)
        self.judge(cfg)
        self.next = None
        self.is_repeat = False
        self.fresh = True           # what it makes is not in the books yet
        # how long its summary stays, once all its contacts are forgotten
        last = self.z if self.reopen else max(c.facts.end if c.facts.end is not None else c.last for c in contacts)
        self.until = last + self.con.W + max(cfg.ret[c.facts.channel] for c in contacts)
        self.all_gone = all(c.gone is not None for c in contacts)

    def comes_anew(self, was):
        """To another customer, or with an earlier start: it has not met those that are gone."""
        return was.s is None or self.s is None or self.customer != was.customer or self.s < was.s

    def judge(self, cfg):
        """The contract that judges it, and where it is credited."""
        f = (self.credited or self.first).facts
        self.channel = f.channel
        contract = lambda q: cfg.contract(self.client, q, f.channel, f.judged)
        self.reopen = False
        if self.credited and f.channel == 'ticket':
            first = f.resolutions[0]
            self.queue = f.queue_at(first)
            self.con = contract(self.queue)
            if self.con.model == 'reopen':
                self.reopen, self.z = True, first
                return
        if self.credited is None:
            self.queue = self.first_queue
        else:
            self.queue = queue_in_the_end(self.credited, self.z)
        self.con = contract(self.queue)

    def eligible(self):
        return self.ended and self.credited is not None

    def by_repeat(self):
        return self.con.model == 'repeat' and self.eligible() and self.customer is not None and self.s is not None

    def is_no(self):
        return self.next is not None and self.next <= self.z + self.con.W

    def verdict(self):
        """[contribution], in its queue and channel, at z."""
        only = lambda name: [(self.z, -INF, INF, ((name, 1),))]
        if self.reopen:
            f = self.credited.facts
            again = any(self.z < r <= self.z + self.con.W for r in f.reopened)
            return only('fcr_no') if again or sum(1 for r in f.replies if r[0] <= self.z) > 1 else self.pending()
        if self.con.model == 'flag' and self.eligible():
            said = [(t, not v) for c in self.contacts for t, v in c.facts.dispositions]
            if not said:
                return only('fcr_unknown')
            return only('fcr_yes' if not max(said)[1] and self.answered == 1 else 'fcr_no')
        if self.by_repeat():
            return only('fcr_no') if self.is_no() else self.pending()
        return []

    def pending(self):
        z, w = self.z, self.con.W
        return [(z, -INF, z + w, (('fcr_pending', 1),)), (z, z + w, INF, (('fcr_yes', 1),))]

    def made(self, cfg):
        """[(key, contribution)]"""
        out = [(k, m) for m in self.verdict() for k in cfg.keys(self.client, self.queue, self.channel)]
        if self.is_repeat:
            m = (self.s, -INF, INF, (('repeats', 1),))
            out += [(k, m) for k in cfg.keys(self.client, self.first_queue, self.first.facts.channel)]
        return out


def queue_in_the_end(c, z):
    f = c.facts
    if z is None:
        return f.queue
    return c.left_in if c.left_in is not None and z > f.end else f.queue_at(z)


def forgotten_in(c, e):
    """Of a ticket that is forgotten in that episode two queues are known: that at its own end, and this one for
    any later end: that at the episode's end as it was then, else the latest."""
    f = c.facts
    return f.queue_at(e.z) if e is not None and e.eligible() and f.end is not None and e.z > f.end else f.queue


def credit_order(c):
    f = c.facts
    at = f.k if f.k is not None else f.end if f.end is not None else f.resolutions[0]
    return at, u8(c.id)


def link(group, ghosts, sticky):
    """Who is whose next, among the episodes of one customer. `ghosts`: what each remembers of dropped ones."""
    for e in group:
        e.next, e.is_repeat = None, (e.key, e.s) in sticky
    started = sorted((e for e in group if e.s is not None), key=lambda e: e.s)
    for p in started:
        if not p.by_repeat():
            continue
        same = lambda q, ch: not p.con.scope_queue or (q, ch) == (p.queue, p.channel)
        others = [e for e in started if e is not p and e.s >= p.s and same(e.queue, e.channel)]
        starts = [others[0].s] if others else []
        starts += [g[1] for g in ghosts.get(p.key, [])
                   if g[0] == p.customer and g[1] >= p.s and same(g[2], g[3])]
        p.next = min(starts, default=None)
        if p.is_no():
            for e in others:
                if e.s == p.next:
                    e.is_repeat = True

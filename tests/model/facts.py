"""What is known of a contact: section 3."""
from events import POINTS
from times import INF


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
        newest = lambda got: max(got, default=(None, None))[1]
        self.priority = newest((e['time'], u8(e['priority'])) for e in events if e['priority'] is not None)
        self.priority = self.priority.decode() if self.priority is not None else None
        self.due = newest((e['time'], e['due']) for e in events if e.get('due') is not None)
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
        self.paused, self.closed = pts('paused'), pts('closed')
        self.worked = {(e['time'], e['value'], e['agent']) for e in events if e['type'] == 'worked'}
        last_re = self.reopened[-1] if self.reopened else -INF
        self.standing = next((x for x in self.resolutions if x >= last_re), None)
        self.rated_in = self.reviewed_in = None     # where these count, if they came to a forgotten contact
        self.clocks = None          # tickets.clocks() keeps its answer here
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
        t = max(t, self.moves[0][0])
        return [m[2] for m in self.moves if m[0] <= t][-1]

    def opinion_queues(self):
        """Of the rating, of the review."""
        return (self.rated_in or (self.queue_at(self.rated[0]) if self.rated else self.queue),
                self.reviewed_in or (self.queue_at(self.reviewed[0]) if self.reviewed else self.queue))


def review(e):
    d, o, c = e['value']
    return (e['time'], d, c, o)


class Contact:
    def __init__(self, client, cid):
        self.client, self.id = client, cid
        self.events, self.seen, self.points, self.last = [], set(), set(), -INF
        self.gone = None            # the last instant of its memory
        self.gone_limit = None
        self.left_in = None         # a forgotten ticket: the queue where it is credited later on
        self.conv = None            # (client, conversation) to which it belongs
        self.part = ''              # its id, if it is an episode of its own there
        self.published = None       # (revision, fields) of its own record
        self._facts = None

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
        self._facts = None
        return True

    def add_rating(self, ev):
        """To the identity, which knows the latest queue alone."""
        f = self.facts
        if ev['type'] == 'rated':
            if not f.rated or (ev['time'], ev['value']) > f.rated:
                f.rated, f.rated_in = (ev['time'], ev['value']), f.queue
        elif not f.reviewed or review(ev) > f.reviewed:
            f.reviewed, f.reviewed_in = review(ev), f.queue

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

"""Time passes: facts are applied, windows looked at, records published (sections 3 and 8)."""
import heapq
from collections import Counter

import contacts
from books import Book
from episodes import LIMIT, Episode, forgotten_in, link
from facts import Contact, u8
from fields import CALL_DERIVED, CALL_STATE, CALL_SUMS, TICKET_DERIVED, TICKET_STATE, TICKET_SUMS
from tickets import ticket_made
from times import D, INF
from visits import visit_made

NO_SPAN = (0, 0)


def queue_order(q):
    return (2 if q == '*' else 1 if q.startswith('@') else 0, u8(q))


def next_multiple(q, every):
    """The smallest multiple > q."""
    return (q // every + 1) * every


class Run:
    def __init__(self, cfg, provisional=False, latest=False, wanted=None):
        self.cfg, self.provisional, self.latest, self.wanted = cfg, provisional, latest, wanted
        self.every = {r[0]: r[2] for r in cfg.rolling}
        self.length = {r[0]: r[1] for r in cfg.rolling}
        self.now = None
        self.heap = []              # events that wait for the watermark
        self.contacts = {}          # (client, id) -> remembered
        self.identities = {}        # (client, id) -> forgotten, still known
        self.dirty = {}             # contacts whose facts changed
        self.dirty_convs = {}       # conversations whose contacts, or their facts, changed
        self.convs = {}             # (client, conversation) -> contacts
        self.episodes = {}          # (client, conversation, part) -> episode
        self.customers = {}         # (client, customer) -> {episode key: episode}
        self.ghosts = {}            # episode key -> [(customer, s, queue, channel)] of dropped episodes
        self.sticky = set()         # (episode key, s): was a repeat of a dropped episode
        self.posted = {}            # contact or episode's key -> what it made
        self.books = {}
        self.rel = {}               # (key, window name) -> {(start, end)} that may have a record
        self.sched, self.sched_set = [], set()
        self.forgets, self.drops = [], []
        self.dead = []              # (file, line, reason)
        self.out = {'metrics': [], 'slas': [], 'contacts': []}
        self.last = {}              # record key -> (status, revision, body, zero, as_of)
        self.clocks_of = {}         # record key -> {clock that has records: measure}
        self.oldest_final = {}

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
            self.dirty[ident] = True
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
        self.dirty[c] = True
        self.place(c)
        heapq.heappush(self.forgets, (c.last + c.retention(self.cfg) + 1, key))
        if c.facts.placed and ident is not None:
            del self.identities[key]
        return None

    def next_forget(self):
        return self.forgets[0][0] if self.forgets else INF

    def forget(self, u):
        """Forgets all whose memory ended before u (now > last + retention)."""
        while self.next_forget() <= u:
            key = heapq.heappop(self.forgets)[1]
            c = self.contacts.get(key)
            if c is None or c.last + c.retention(self.cfg) >= u:
                continue
            del self.contacts[key]
            self.dirty[c] = True
            if c.facts.placed:
                c.gone_limit = c.last + c.retention(self.cfg)
                c.gone = max(c.gone_limit, self.now)
                self.identities[key] = c

    # -------- what follows from changed facts

    def flush(self, a):
        """Takes what changed into the books; looks after a will see it. Returns the contacts whose own record may
        have changed."""
        if not self.dirty:
            return []
        touched = self.dirty
        self.dirty = {}
        for c in list(touched):
            self.place(c)
            self.post(c, *self.made_by(c), a)
        convs, self.dirty_convs = self.dirty_convs, {}
        groups = {}
        for conv in convs:
            members = self.convs.get(conv, [])
            names = [''] + [c.id for c in members] + [c.id for c in touched]
            old = [self.episodes[conv + (n,)] for n in dict.fromkeys(names) if conv + (n,) in self.episodes]
            parts = {}
            for c in members:
                if c.gone is not None and c.left_in is None and c.facts.channel == 'ticket':
                    c.left_in = forgotten_in(c, self.episodes.get(conv + (c.part,)))
                parts.setdefault(c.part, []).append(c)
            new = [Episode(self.cfg, conv + (part,), of) for part, of in parts.items()]
            kept = {e.key for e in new}
            for e in old:
                self.unlist(e)
                groups[e.client, e.customer] = True
                if e.key not in kept:
                    self.post(e.key, [], [], a)
            was = {e.key: e for e in old}
            for e in new:
                self.episodes[e.key] = e
                if e.key not in was or e.comes_anew(was[e.key]):
                    self.ghosts.pop(e.key, None)
                if e.customer is not None and e.s is not None:
                    self.customers.setdefault((e.client, e.customer), {})[e.key] = e
                    groups[e.client, e.customer] = True
                else:
                    link([e], self.ghosts, self.sticky)
                    self.post(e.key, e.made(self.cfg), [], a)
                if e.all_gone:
                    heapq.heappush(self.drops, (e.until + 1, e.key))
            touched.update((e.credited, True) for e in old + new if e.credited)
        for g in groups:
            group = list(self.customers.get(g, {}).values())
            was = [(e.next, e.is_repeat) for e in group]
            link(group, self.ghosts, self.sticky)
            for e, links in zip(group, was):
                if e.fresh or links != (e.next, e.is_repeat):
                    e.fresh = False
                    if self.post(e.key, e.made(self.cfg), [], a) and e.credited:
                        touched[e.credited] = True
        return list(touched)

    def place(self, c):
        """Into its conversation: into its episode, or beyond the limit into one of its own."""
        f = c.facts
        conv = (c.client, f.conversation) if f.placed and f.cancelled is None else None
        was = c.conv
        if c.gone is not None:
            conv = was
        elif conv != was:
            if was:
                self.convs[was].remove(c)
            if conv:
                members = self.convs.setdefault(conv, [])
                c.part = c.id if sum(m.part == '' for m in members) >= LIMIT else ''
                members.append(c)
            c.conv = conv
        self.dirty_convs.update((x, True) for x in (was, conv) if x)

    def made_by(self, c):
        f = c.facts
        if not f.placed or f.cancelled is not None:
            return [], []
        if self.wanted and not any(self.wanted.has(c.client, q) for q in {f.queue} | {m[2] for m in f.moves}):
            return [], []
        if f.channel == 'ticket':
            ms, ss = ticket_made(self.cfg, c, f)
        else:
            keys = self.cfg.keys(c.client, f.queue, f.channel)
            ms, ss = ([(k, x) for x in made for k in keys] for made in visit_made(self.cfg, c, f))
        return ms, [s for s in ss if s[1][2] > s[1][1]]

    def unlist(self, e):
        self.episodes.pop(e.key, None)
        group = self.customers.get((e.client, e.customer))
        if group:
            group.pop(e.key, None)
            if not group:
                del self.customers[e.client, e.customer]

    def next_drop(self):
        return self.drops[0][0] if self.drops else INF

    def drop(self, u):
        """Summaries of episodes end; what they made stays."""
        if self.next_drop() > u:
            return
        self.flush(self.now)
        out = {}
        while self.next_drop() <= u:
            e = self.episodes.get(heapq.heappop(self.drops)[1])
            if e is not None and e.all_gone and e.until < u:
                out[e.key] = e
        for e in out.values():
            for o in self.customers.get((e.client, e.customer), {}).values():
                if o.key in out:
                    continue
                if e.s is not None and o.s <= e.s:
                    self.ghosts.setdefault(o.key, []).append((e.customer, e.s, e.queue, e.channel))
                if e.by_repeat() and e.is_no() and o.s == e.next:
                    self.sticky.add((o.key, o.s))
        for e in out.values():
            self.unlist(e)
            self.posted.pop(e.key, None)
            self.ghosts.pop(e.key, None)
            self.sticky.discard((e.key, e.s))
            conv = e.key[:2]
            self.convs[conv] = [c for c in self.convs[conv] if c not in e.contacts]
            for c in e.contacts:
                c.conv = None

    # -------- books and when to look into them

    def post(self, src, ms, states, a):
        """Replaces what a contact or an episode made. True if that changed."""
        if self.wanted:
            ms = [x for x in ms if x[0] in self.wanted]
            states = [x for x in states if x[0] in self.wanted]
        old_ms, old_states = self.posted.get(src, ((), ()))
        if list(old_ms) == ms and list(old_states) == states:
            return False
        self.posted[src] = (ms, states)
        was, new = Counter(old_ms), Counter(ms)
        for (key, m), n in (was - new).items():
            for _ in range(n):
                self.books[key].remove(m, self.now)
            self.note(key, m, a)
        for (key, m), n in (new - was).items():
            for _ in range(n):
                self.book(key, a).add(m)
            self.note(key, m, a)
        was, new = Counter(old_states), Counter(states)
        gone, come = list((was - new).elements()), list((new - was).elements())
        for key, s in gone:
            self.books[key].remove_state(s)
        for key, s in come:
            self.book(key, a).add_state(s)
        twins = {(k, s[0], s[1]): s[2] for k, s in gone}
        for key, s in come:
            until = twins.pop((key, s[0], s[1]), None)
            if until is None:
                self.note_state(key, s[1], s[2], a)
            else:
                self.note_state(key, min(until, s[2]), max(until, s[2]), a)
        for (key, what, start), until in twins.items():
            self.note_state(key, start, until, a)
        return True

    def book(self, key, a):
        if key not in self.books:
            self.books[key] = Book()
            if not self.latest:
                for name, _, every in self.cfg.rolling:
                    for d in self.cfg.dates(key[0], key[1]):
                        self.schedule(next_multiple(d - 1, every), a, key, ('rolling', name))
        return self.books[key]

    def schedule(self, t, a, key, w, span=NO_SPAN, rank=1):
        item = (t, rank, key, w, span)
        if t > a and item not in self.sched_set:
            self.sched_set.add(item)
            heapq.heappush(self.sched, item)

    def publish_every(self, name):
        return self.cfg.publish.get(name, self.cfg.publish['default'])

    def closed_at(self, name, span):
        return span[1] + self.cfg.restate.get(name, self.cfg.restate['default'])

    def look_at_rolling(self, key, marks, a):
        if self.latest:
            return
        for name, _, every in self.cfg.rolling:
            for q in marks:
                if q < INF:
                    self.schedule(next_multiple(q, every), a, key, ('rolling', name))

    def look_at_interval(self, key, name, span, marks, a):
        """The span's record may differ from the first look after each mark on."""
        fin, closed = span[1] + self.cfg.grace, self.closed_at(name, span)
        if closed <= a:
            return
        w = ('interval', name)
        spans = self.rel.setdefault((key, name), set())
        if span not in spans:
            spans.add(span)
            self.schedule(fin, a, key, w, span)
            self.schedule(closed, a, key, w, span)
        for q in set(marks) | {a}:
            if -INF < q < closed:
                t = next_multiple(max(q, fin), self.cfg.restate_every)
                if t < closed:
                    self.schedule(t, a, key, w, span)
        if self.provisional and not self.latest and fin > a:
            for q in set(marks) | {a, span[0] - 1, span[1] - 1}:
                t = next_multiple(q, self.publish_every(name))
                if span[0] <= t < fin:
                    self.schedule(t, a, key, w, span)

    def note(self, key, m, a):
        """A contribution came or went."""
        t0, lo, hi, _ = m
        flips = [q for q in (lo, hi) if a <= q < INF]
        marks = [t0, a] + flips
        if not self.latest:
            for name, length, every in self.cfg.rolling:
                if t0 + length > a:
                    for q in marks + [t0 + length]:
                        self.schedule(next_multiple(q, every), a, key, ('rolling', name))
        zone = self.cfg.zone(key[0])
        for name in self.cfg.interval:
            self.look_at_interval(key, name, zone.window(name, t0), marks, a)

    def note_state(self, key, lo, hi, a):
        """A state holds, or holds no more, at lo < t <= hi."""
        marks = [lo, a] + ([hi] if hi < INF else [])
        self.look_at_rolling(key, marks, a)
        zone = self.cfg.zone(key[0])
        for name in self.cfg.interval:
            keep = self.cfg.restate.get(name, self.cfg.restate['default']) + 40 * D
            t, top = max(lo, a - keep), min(hi, a)
            while t <= top:
                span = zone.window(name, t)
                self.look_at_interval(key, name, span, marks, a)
                t = span[1]
            for t in {lo, hi} - {INF}:
                self.look_at_interval(key, name, zone.window(name, t), marks, a)
            if hi > a:
                span = zone.window(name, max(lo, a))
                if hi >= span[1]:
                    self.schedule(span[1], a, key, ('interval', name), span, 0)

    def extend(self, t, key, name):
        """A window begins at t: it matters if a state holds into it."""
        if not self.books[key].any_state(t):
            return
        span = self.cfg.zone(key[0]).window(name, t)
        self.look_at_interval(key, name, span, [], t - 1)
        self.schedule(span[1], t, key, ('interval', name), span, 0)

    # -------- records

    def look(self, now, key, w, span, at_end=False):
        kind, name = w
        if kind == 'rolling':
            start, end, status, rkey = now - self.length[name], now, 'final', (key, kind, name)
        else:
            start, end = span
            fin, closed = end + self.cfg.grace, self.closed_at(name, span)
            status = 'provisional' if now < fin else 'final' if now == fin else 'restated' if now < closed else 'closed'
            if now > closed or now < start:
                return
            if status == 'closed':
                self.rel[key, name].discard(span)
            if status == 'provisional' and not self.provisional and not at_end:
                return
            rkey = (key, kind, name, start)
        book = self.books[key]
        top = min(end, now)
        sums = book.sums(start, top, now)
        lead = {'client': key[0], 'queue': key[1], 'channel': key[2], 'window': name, 'kind': kind, 'start_ms': start,
                'end_ms': end, 'as_of_ms': now, 'status': status, 'revision': 0}
        at = start if kind == 'interval' else end
        con, contract = self.cfg.contract(*key, at), self.cfg.fingerprint(*key, at)
        state = self.state(book, key, kind, end, now, rkey)
        ticket = key[2] == 'ticket'
        plain = {f: sums.get(f, 0) for f in (TICKET_SUMS if ticket else CALL_SUMS)}
        zero = not any(plain.values()) and not any(state.values())
        body = dict({'contract': contract}, **plain)
        body.update(derived(con, plain, ticket))
        body.update(state)
        self.publish('metrics', rkey, lead, body, zero)
        if not ticket and state['waiting'] and not self.latest:
            if kind == 'rolling':
                self.schedule(now + self.every[name], now, key, w)
            elif self.provisional and now < end:
                self.schedule(next_multiple(now, self.publish_every(name)), now, key, w, span)
        found = {f[1]: f[2] for f, v in sums.items() if isinstance(f, tuple) and v}
        for clock in sorted(set(found) | set(self.clocks_of.get(rkey, ()))):
            self.look_at_clock(rkey, lead, contract, con, sums, clock, found.get(clock))

    def look_at_clock(self, rkey, lead, contract, con, sums, name, measure):
        c = con.clock.get(name)
        known = self.clocks_of.setdefault(rkey, {})
        measure = known[name] = c.measure if c else measure or known[name]
        met, of = (sum(v for f, v in sums.items() if isinstance(f, tuple) and f[:2] == (x, name))
                   for x in ('sla_met', 'sla_of'))
        target = c.target if c else None
        body = {'contract': contract, 'clock': name, 'measure': measure, 'sla_met': met, 'sla_of': of,
                'sla_bp': bp(met, of), 'sla_target_bp': target, 'sla_ok': at_least(met, of, target)}
        self.publish('slas', rkey + (name,), lead, body, of == 0)

    def state(self, book, key, kind, end, now, rkey):
        t = min(end, now)
        if key[2] == 'ticket':
            return {f: book.count(f, t) for f in TICKET_STATE}
        state = {f: book.count(f, t) for f in CALL_STATE}
        fin = end + self.cfg.grace
        if kind == 'rolling' or now <= fin:
            state['oldest_wait_ms'] = book.oldest(t, now - self.cfg.grace)
            if kind == 'interval' and now == fin:
                self.oldest_final[rkey] = state['oldest_wait_ms']
        else:
            state['oldest_wait_ms'] = self.oldest_final.get(rkey, 0)
        return state

    def publish(self, topic, rkey, lead, body, zero):
        rolling, now, status = lead['kind'] == 'rolling', lead['as_of_ms'], lead['status']
        every = self.every.get(lead['window'])
        prev = self.last.get(rkey)
        if rolling and prev and prev[3]:
            old = -(-(prev[4] + 35 * D) // every) * every
            if zero and old <= now if self.latest else old < now:
                prev = None                         # its tombstone came, or comes with this look
                del self.last[rkey]
        if prev is None:
            if zero:
                return
        elif rolling or status not in ('final', 'closed') or prev[0] == status:
            if zero and prev[3]:
                return
            if body == prev[2] and not (rolling and not zero and now - prev[4] >= 30 * D):
                return
        rev = prev[1] + 1 if prev else 1
        self.last[rkey] = (status, rev, body, zero, now)
        if rolling and not zero and not self.latest:
            self.schedule(-(-(now + 30 * D) // every) * every, now, rkey[0], ('rolling', lead['window']))
        rec = dict(lead, revision=rev)
        rec.update(body)
        self.out[topic].append(rec)

    def look_at_contact(self, c, now):
        if c.gone is not None or self.contacts.get((c.client, c.id)) is not c or not c.facts.placed or \
                not (c.published or contacts.complete(c.facts)) or \
                (self.wanted and (c.client, c.facts.queue, c.facts.channel) not in self.wanted):
            return
        e = None
        if c.conv:
            e = self.episodes.get(c.conv + (c.part,))
        lead, body, later = contacts.record(self.cfg, c, e, now)
        for t in later:
            self.schedule(t, now, (c.client, c.id), ('contact', ''), NO_SPAN, 2)
        if c.published and c.published[1] == (lead, body):
            return
        rev = c.published[0] + 1 if c.published else 1
        c.published = (rev, (lead, body))
        rec = dict(lead)
        for k, v in body.items():
            if k == 'contract':
                rec['as_of_ms'], rec['revision'] = now, rev
            rec[k] = v
        self.out['contacts'].append(rec)

    def order(self, rec):
        if 'contact' in rec:
            return rec['as_of_ms'], u8(rec['client']), u8(rec['contact']), rec['revision']
        lead = (rec['as_of_ms'], u8(rec['client']), queue_order(rec['queue']), rec['channel'])
        return lead + (self.cfg.windex[(rec['kind'], rec['window'])], rec['start_ms'], u8(rec.get('clock', '')))

    def records(self):
        for recs in self.out.values():
            recs.sort(key=self.order)
        return self.out

    # -------- time passes

    def drain(self, b, rank=INF):
        while self.sched and self.sched[0][:2] <= (b, rank):
            item = heapq.heappop(self.sched)
            self.sched_set.discard(item)
            t, what, key, w, span = item
            if what == 0:
                self.extend(t, key, w[1])
            elif what == 1:
                self.look(t, key, w, span)
            elif key in self.contacts:
                self.look_at_contact(self.contacts[key], t)

    def looks(self, a, b):
        """Every look in (a, b]; the facts do not change in between."""
        if a >= b:
            return
        self.flush(a)
        if self.latest:
            self.latest_looks(a, b)
        self.drain(b)

    def latest_looks(self, a, b):
        """Of the looks at rolling and open windows, only those of the last multiple before the epoch's end."""
        due = [(self.target // every * every, ('rolling', name)) for name, _, every in self.cfg.rolling]
        due += [(self.target // p * p, ('interval', n)) for n in self.cfg.interval for p in [self.publish_every(n)]]
        for t, w in sorted(due):
            if not a < t <= b:
                continue
            self.drain(t, 0)
            for key in self.books:
                spans = [NO_SPAN] if w[0] == 'rolling' else self.rel.get((key, w[1]), ())
                for span in spans:
                    if w[0] == 'rolling' or t < span[1] + self.cfg.grace:
                        self.schedule(t, a, key, w, span)

    def advance(self, n1):
        if self.now is None:
            self.now = min([n1] + [h[0] for h in self.heap[:1]])
        self.target = n1
        self.forget(self.now)
        while True:
            self.flush(self.now)
            c = min(self.heap[0][0] + 1 if self.heap else INF, self.next_forget(), self.next_drop())
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
            touched = self.flush(c - 1)
            self.drop(c)
            for x in touched:
                self.look_at_contact(x, c)
        self.looks(self.now, n1)
        self.now = n1

    def apply_late(self, ev):
        """At once; what it touches is looked at before anything is forgotten."""
        r = self.apply(ev, True)
        if r:
            self.dead.append(ev['src'] + (r,))
        for c in self.flush(self.now):
            self.look_at_contact(c, self.now)
        self.forget(self.now)
        self.flush(self.now)
        self.drop(self.now)

    def at_end(self):
        self.flush(self.now)
        for (key, name), spans in list(self.rel.items()):
            for span in sorted(spans):
                if span[1] + self.cfg.grace == self.now or self.closed_at(name, span) <= self.now:
                    continue
                self.look(self.now, key, ('interval', name), span, True)


def bp(n, d):
    return 10000 * n // d if d > 0 else None


def average(n, d):
    return n // d if d > 0 else None


def at_least(n, d, target):
    return n * 10000 >= target * d if target is not None and d > 0 else None


def at_most(n, d, target):
    return n <= target * d if target is not None and d > 0 else None


def derived(con, g, ticket):
    fn, fd = g['fcr_yes'] + g['fcr_pending'], g['fcr_yes'] + g['fcr_no'] + g['fcr_pending']
    out = {'aht_ms': average(g['handle_ms_sum'], g['handled']), 'fcr_bp': bp(fn, fd),
           'csat_bp': bp(g['csat_satisfied'], g['csat_responses']),
           'accuracy_bp': bp(g['qa_evaluated'] - g['qa_defective'], g['qa_evaluated']),
           'aht_target_ms': con.aht_target, 'aht_ok': at_most(g['handle_ms_sum'], g['handled'], con.aht_target),
           'fcr_target_bp': con.fcr_target, 'fcr_ok': at_least(fn, fd, con.fcr_target),
           'csat_target_bp': con.csat_target,
           'csat_ok': at_least(g['csat_satisfied'], g['csat_responses'], con.csat_target)}
    if not ticket:
        ab = g['abandoned'] - g['abandoned_short']
        out.update({'asa_ms': average(g['wait_ms_sum'], g['answered']), 'sl_bp': bp(g['sl_met'], g['sl_of']),
                    'abandon_bp': bp(ab, g['answered'] + ab + g['flowed_out']),
                    'repeat_bp': bp(g['repeats'], g['offered']),
                    'transfer_bp': bp(g['transferred'], g['handled']), 'sl_target_bp': con.sl_target,
                    'sl_ok': at_least(g['sl_met'], g['sl_of'], con.sl_target)})
    return {f: out[f] for f in (TICKET_DERIVED if ticket else CALL_DERIVED)}

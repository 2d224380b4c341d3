"""What a ticket contributes, and its SLA clocks: sections 5 and 7."""
from openings import first_instant, united
from times import D, INF
from visits import opinions

MEASURES = ('acknowledge', 'first_response', 'resolution')


def stops(f):
    """When each measure stops, None: not yet."""
    solved = f.resolutions[:1]
    replied = [r[0] for r in f.replies[:1]]
    answered = [f.k] if f.k is not None else []
    return {'acknowledge': min(answered + replied + solved, default=None),
            'first_response': min(replied + solved, default=None), 'resolution': f.standing}


def holes(f, clock):
    """What does not run, besides the hours outside the calendar."""
    out = []
    if clock.pauses:
        ends = sorted(f.resumed + f.resolutions)
        out += [(p, next((r for r in ends if r >= p), INF)) for p in f.paused]
    if clock.measure == 'resolution':
        out += [(s, next((r for r in f.reopened if r > s), INF)) for s in f.resolutions]
    return united(out)


def deadline(f, clock):
    """None: there is none."""
    if clock.event:
        return f.due
    within = clock.within_for(f.priority)
    limit = f.e + 3650 * D
    spans = clock.calendar.openings(f.e, limit) if clock.calendar else [(f.e, INF)]
    return first_instant(f.e, within, spans, holes(f, clock))


def measured(f, clock):
    return f.e is not None and (f.due is not None if clock.event else clock.within_for(f.priority) is not None)


def clocks(cfg, c, f):
    """[(clock, met or None while undecided, instant of the decision, deadline)] of the clocks that measure it."""
    if f.clocks is not None:
        return f.clocks
    out = f.clocks = []
    for measure, stop in stops(f).items():
        queue = f.queue_at(stop) if stop is not None else f.queue
        for clock in cfg.contract(c.client, queue, 'ticket', f.judged).slas:
            if clock.measure != measure or not measured(f, clock):
                continue
            end = deadline(f, clock)
            if stop is not None and (stop < f.e or end is None or stop <= end):
                out.append((clock, True, stop, end))
            else:
                out.append((clock, False if end is not None else None, end, end))
    return out


def clock_keys(cfg, c, f, name, instant):
    """The keys in which a decision counts: those of its queue then whose own contract has such a clock."""
    return [k for k in cfg.keys(c.client, f.queue_at(instant), 'ticket')
            if name in cfg.contract(*k, f.judged).clock]


def ticket_made(cfg, c, f):
    """([(key, contribution)], [(key, state)])"""
    out, states = [], []

    def put(instant, fields):
        m = (instant, -INF, INF, tuple(fields))
        out.extend((k, m) for k in cfg.keys(c.client, f.queue_at(instant), 'ticket'))

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
    rated_in, reviewed_in = f.opinion_queues()
    for m in opinions(f, cfg.contract(c.client, rated_in, 'ticket', f.judged)):
        queue = rated_in if m[3][0][0] == 'csat_responses' else reviewed_in
        out.extend((k, m) for k in cfg.keys(c.client, queue, 'ticket'))
    overdue = INF
    for clock, met, at, end in clocks(cfg, c, f):
        if clock.measure == 'resolution' and end is not None:
            overdue = min(overdue, end)
        if met is not None and (c.gone is None or at <= c.gone):
            m = (at, -INF, INF, ((('sla_met', clock.name, clock.measure), int(met)),
                                 (('sla_of', clock.name, clock.measure), 1)))
            out.extend((k, m) for k in clock_keys(cfg, c, f, clock.name, at))
    if f.e is not None:
        end = c.gone if c.gone is not None else INF
        for a, b in backlog(f):
            for k in cfg.keys(c.client, f.queue_at(a), 'ticket'):
                states.append((k, ('backlog', a, min(b, end))))
                states.append((k, ('backlog_overdue', max(a, overdue), min(b, end))))
    return out, states


def backlog(f):
    """The stretches (from, until] in which it is open, cut where it moves."""
    marks = sorted({(t, 1) for t in f.resolutions} | {(t, 0) for t in f.reopened})
    cuts = sorted({f.e} | {t for t, _ in marks if t > f.e} | {m[0] for m in f.moves if m[0] > f.e})
    for a, b in zip(cuts, cuts[1:] + [INF]):
        known = [m for m in marks if m[0] <= a]
        if not (known and known[-1][1]):
            yield a, b

"""What a call or a chat contributes: sections 4 and 5.

A contribution is (instant, lo, hi, fields): it counts while lo < now <= hi. A state is (what, from, until): it
holds at t iff from < t <= until.
"""
from times import INF

LE = [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600]


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


def handling(con, f):
    """(talk, hold, acw), or None."""
    if f.k is None or f.x is None:
        return None
    hold = union([(max(h, f.k), min(next((r for r in f.resumed if r >= h), f.x), f.x)) for h in f.held])
    acw = min(max(0, f.wrapped - f.x), con.acw_cap) if f.wrapped is not None else 0
    return max(0, f.x - f.k - hold), hold, acw


def wait_of(f):
    return max(0, f.out_at - f.e) if f.outcome and f.e is not None else None


def decision(con, f):
    """(1 met, 0 missed, None left out; the instant at which it falls; that at which it counts), or None."""
    if con.T is None or f.e is None:
        return None
    wait = wait_of(f)
    d = f.out_at if wait is not None and wait <= con.T else f.e + con.T
    return service_level(con, f, wait), d, f.e if con.arrival else d


def visit_made(cfg, c, f):
    """([contribution], [state])"""
    con = cfg.contract(c.client, f.queue, f.channel, f.judged)
    out, states = [], []

    def put(instant, fields, lo=-INF):
        out.append((instant, lo, INF, tuple(fields)))

    e, x, k = f.e, f.x, f.k
    if e is not None:
        put(e, [('offered', 1)])
        if f.outcome:
            wait = wait_of(f)
            at = e if con.arrival else f.out_at
            if f.outcome == 'a':
                put(at, [('answered', 1), ('wait_ms_sum', wait), ('wait_ms_max', wait)] +
                    [('wait_le_%ds' % s, 1) for s in LE if wait <= s * 1000])
            elif f.outcome == 'b':
                put(at, [('abandoned', 1), ('abandoned_short', int(con.S is not None and wait <= con.S))])
            else:
                put(at, [('flowed_out', 1)])
        if con.T is not None:
            sl, d, at = decision(con, f)
            if sl is not None:
                put(at, [('sl_met', sl), ('sl_of', 1)], d)
        until = min(v for v in (f.out_at, x, c.gone, INF) if v is not None)
        states.append(('waiting', e, until))
        if con.T is not None:
            states.append(('waiting_over', e + con.T, until))
    if k is not None:
        states.append(('handling', k, min(v for v in (x, c.gone, INF) if v is not None)))
        if x is not None:
            talk, hold, acw = handling(con, f)
            put(x, [('handled', 1), ('talk_ms_sum', talk), ('hold_ms_sum', hold), ('acw_ms_sum', acw),
                    ('handle_ms_sum', talk + hold + acw)])
    if x is not None and con.acw_expected:
        states.append(('wrapping', x, min(v for v in (f.wrapped, x + con.acw_cap, c.gone) if v is not None)))
    if f.transferred is not None:
        put(f.transferred, [('transferred', 1)])
    if c.gone is not None:
        out = [m for m in out if m[0] <= c.gone and m[1] <= c.gone]
    out += opinions(f, con)
    return out, states


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

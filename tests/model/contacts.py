"""The record of one contact: section 9, topic rollcall.contacts."""
from tickets import clocks
from visits import decision, handling, wait_of

OUTCOME = {'a': 'answered', 'b': 'abandoned', 'f': 'left'}


def complete(f):
    if f.channel == 'ticket':
        return bool(f.resolutions) or f.cancelled is not None
    return f.x is not None or f.outcome in ('b', 'f')




def record(cfg, c, episode, now):
    """(identity fields, all others, the instants at which time alone will change it)"""
    f = c.facts
    con = cfg.contract(c.client, f.queue, f.channel, f.judged)
    lead = {'client': c.client, 'queue': f.queue, 'channel': f.channel, 'contact': c.id}
    out = {'conversation': f.conversation, 'customer': f.customer, 'priority': f.priority,
           'contract': cfg.fingerprint(c.client, f.queue, f.channel, f.judged)}
    later = []
    if f.cancelled is not None:
        return lead, present(out), later
    out['queued_ms'], out['answered_ms'] = f.e, f.k
    if f.channel == 'ticket':
        out['resolved_ms'] = f.standing
        if f.worked and f.standing is not None:
            out['handle_ms'] = sum(w[1] for w in f.worked)
    else:
        out.update({'abandoned_ms': f.b, 'left_ms': f.left, 'transferred_ms': f.transferred, 'ended_ms': f.ended,
                    'wrapped_ms': f.wrapped, 'outcome': OUTCOME.get(f.outcome), 'wait_ms': wait_of(f)})
        parts = handling(con, f)
        if parts:
            out.update({'talk_ms': parts[0], 'hold_ms': parts[1], 'acw_ms': parts[2], 'handle_ms': sum(parts)})
        d = decision(con, f)
        if d:
            if d[1] < now:
                out['sl'] = {1: 'met', 0: 'missed', None: 'out'}[d[0]]
                out['sl_at_ms'] = d[2]
            else:
                later.append(d[1] + 1)
    if episode is not None and episode.credited is c:
        for at, lo, hi, fields in episode.verdict():
            if lo < now <= hi:
                out['fcr'] = fields[0][0][4:]
                out['fcr_at_ms'] = at
            if lo >= now:
                later.append(lo + 1)
    out['score'] = f.rated[1] if f.rated else None
    if f.reviewed:
        out['critical'], out['defects'] = f.reviewed[2], f.reviewed[1]
    if f.channel == 'ticket':
        for clock, met, at, _ in sorted(clocks(cfg, c, f), key=lambda x: x[0].name.encode()):
            if met is None:
                continue
            if at < now:
                out['sla:' + clock.name] = 'met' if met else 'missed'
                out['sla_at_ms:' + clock.name] = at
            else:
                later.append(at + 1)
    return lead, present(out), later


ORDER = ['conversation', 'customer', 'priority', 'contract', 'queued_ms', 'answered_ms', 'abandoned_ms', 'left_ms',
         'transferred_ms', 'ended_ms', 'wrapped_ms', 'resolved_ms', 'outcome', 'wait_ms', 'talk_ms', 'hold_ms', 'acw_ms',
         'handle_ms', 'sl', 'sl_at_ms', 'fcr', 'fcr_at_ms', 'score', 'critical', 'defects']


def present(out):
    named = {k: out[k] for k in ORDER if out.get(k) is not None}
    named.update((k, v) for k, v in out.items() if k.startswith('sla') and ':' in k)
    return named

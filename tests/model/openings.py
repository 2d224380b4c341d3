"""Calendars: when a service is open (section 7)."""
import bisect
import datetime as dt

from times import INF, zone

DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
ONE = dt.timedelta(days=1)


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
        self._days = {}

    @staticmethod
    def span(s):
        """Minutes of local time since the date's 00:00; past 1440 on the next date."""
        a, b = s.split('-')
        f = lambda t: int(t.split(':')[0]) * 60 + int(t.split(':')[1])
        a, b = f(a), f(b)
        return a, b if b > a else b + 1440

    def starting_on(self, date):
        """The openings that start on a local date, as instants."""
        if date not in self._days:
            base = dt.datetime(date.year, date.month, date.day)
            spans = [(self.zone.to_utc(base + dt.timedelta(minutes=a)),
                      self.zone.to_utc(base + dt.timedelta(minutes=b), True))
                     for a, b in sorted(self.exc.get(date, self.week[date.weekday()]))]
            self._days[date] = [s for s in spans if s[1] > s[0]]
        return self._days[date]

    def is_open(self, ms):
        day = self.zone.local(ms).date()
        return any(a <= ms < b for n in (-2, -1, 0, 1) for a, b in self.starting_on(day + n * ONE))

    def openings(self, start, limit):
        """The united openings within [start, limit), in order."""
        day = self.zone.local(start).date() - 2 * ONE
        last = self.zone.local(limit).date() + ONE
        done = start
        while day <= last:
            for a, b in self.starting_on(day):
                a, b = max(a, done), min(b, limit)
                if b > a:
                    yield a, b
                    done = b
            day += ONE


def first_instant(start, within, spans, holes):
    """The first instant at which `within` ms of `spans`, less `holes` (united, in order), have run; or None."""
    left = within
    for a, b in spans:
        i = bisect.bisect_right(holes, (a, INF)) - 1
        if i >= 0 and holes[i][1] > a:
            a = holes[i][1]
        i += 1
        while a < b:
            end = min(b, holes[i][0]) if i < len(holes) else b
            if end - a >= left:
                return a + left
            left -= max(0, end - a)
            if i >= len(holes) or end == b:
                break
            a = holes[i][1]
            i += 1
        if holes and holes[-1][1] >= INF and b >= holes[-1][0]:
            return None
    return None


def united(spans):
    out = []
    for a, b in sorted(spans):
        if b <= a:
            continue
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        else:
            out.append((a, b))
    return out

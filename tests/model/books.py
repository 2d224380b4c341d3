"""What counts in one key: contributions and states, so kept that a window is summed without visiting all."""
import bisect

from times import D, H, INF


class Bucket:
    """The contributions of one hour. Those that time changes stay apart until it has."""

    def __init__(self):
        self.fixed, self.timed, self.sums = [], [], None

    def add(self, m):
        (self.fixed if timeless(m) else self.timed).append(m)
        self.sums = None

    def remove(self, m, now):
        if not timeless(m) and m in self.timed:
            self.timed.remove(m)
        elif m in self.fixed:
            self.fixed.remove(m)
            self.sums = None
        elif not (now is not None and m[2] < now):
            raise AssertionError('a contribution was never made: %r' % (m,))

    def settle(self, now):
        for m in [m for m in self.timed if m[2] < now or (m[1] < now and m[2] == INF)]:
            self.timed.remove(m)
            if m[2] >= now:
                self.fixed.append(m)
                self.sums = None

    def total(self):
        if self.sums is None:
            self.sums = {}
            for m in self.fixed:
                gather(self.sums, m[3])
        return self.sums


def timeless(m):
    return m[1] == -INF and m[2] == INF


def gather(sums, fields):
    for f, v in fields:
        sums[f] = max(sums.get(f, 0), v) if f == 'wait_ms_max' else sums.get(f, 0) + v


class Book:
    def __init__(self):
        self.buckets = {}
        self.froms, self.untils = {}, {}        # state -> sorted instants
        self.waits = []                         # (from, until) of those waiting

    def add(self, m):
        self.buckets.setdefault(m[0] // H, Bucket()).add(m)

    def remove(self, m, now):
        self.buckets[m[0] // H].remove(m, now)

    def add_state(self, s):
        bisect.insort(self.froms.setdefault(s[0], []), s[1])
        bisect.insort(self.untils.setdefault(s[0], []), s[2])
        if s[0] == 'waiting':
            self.waits.append(s[1:])

    def remove_state(self, s):
        for line, v in ((self.froms[s[0]], s[1]), (self.untils[s[0]], s[2])):
            i = bisect.bisect_left(line, v)
            assert line[i] == v
            line.pop(i)
        if s[0] == 'waiting' and s[1:] in self.waits:
            self.waits.remove(s[1:])

    def sums(self, start, end, now):
        """Of the contributions in [start, end), as they stand at now."""
        out = {}
        if end <= start:
            return out
        hours = range(start // H, (end - 1) // H + 1)
        if len(hours) > len(self.buckets):
            hours = [h for h in self.buckets if h in hours]
        for h in hours:
            b = self.buckets.get(h)
            if b is None:
                continue
            b.settle(now)
            if start <= h * H and (h + 1) * H <= end:
                gather(out, b.total().items())
                part = b.timed
            else:
                part = b.fixed + b.timed
            for m in part:
                if start <= m[0] < end and m[1] < now <= m[2]:
                    gather(out, m[3])
        return out

    def count(self, what, t):
        if what not in self.froms:
            return 0
        return bisect.bisect_left(self.froms[what], t) - bisect.bisect_left(self.untils[what], t)

    def oldest(self, t, keep):
        """The longest wait at t; those that ended before `keep` are asked for no more."""
        if len(self.waits) > 64:
            self.waits = [w for w in self.waits if w[1] >= keep]
        return max((t - a for a, b in self.waits if a < t <= b), default=0)

    def any_state(self, t):
        return any(self.count(w, t) for w in self.froms)

"""Instants, durations, zones: section 1, 2 and the windows of section 8."""
import calendar
import datetime as dt
import re
from zoneinfo import ZoneInfo

INF = 1 << 62
S, M, H, D = 1000, 60000, 3600000, 86400000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
TIME_MIN, TIME_MAX = 631152000000, 4102444800000


def ms_of(d):
    td = d - EPOCH
    return (td.days * 86400 + td.seconds) * 1000 + td.microseconds // 1000


_ZONES = {}


class Zone:
    def __init__(self, name):
        self.name, self.z, self.cache = name, ZoneInfo(name), {}

    def local(self, ms):
        return (EPOCH + dt.timedelta(milliseconds=ms)).astimezone(self.z).replace(tzinfo=None)

    def to_utc(self, naive, closing=False):
        """A local time; in a gap the first valid instant after it; in an overlap the earlier (closing: later)."""
        a = ms_of(naive.replace(tzinfo=self.z, fold=0).astimezone(dt.timezone.utc))
        b = ms_of(naive.replace(tzinfo=self.z, fold=1).astimezone(dt.timezone.utc))
        if a == b:
            return a
        if a < b:                       # overlap
            return b if closing else a
        lo, hi = b, a                   # gap: the transition lies in (b, a]
        off = lambda m: self.local(m) - dt.timedelta(milliseconds=m)
        new = off(hi)
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if off(mid) == new:
                hi = mid
            else:
                lo = mid
        return hi

    def day_start(self, date):
        if date not in self.cache:
            self.cache[date] = self.to_utc(dt.datetime(date.year, date.month, date.day))
        return self.cache[date]

    def date_of(self, ms):
        d = self.local(ms).date()
        one = dt.timedelta(days=1)
        while self.day_start(d + one) <= ms:
            d += one
        while self.day_start(d) > ms:
            d -= one
        return d

    def window(self, name, ms):
        """(start, end) of the interval window that holds the instant."""
        d = self.date_of(ms)
        one = dt.timedelta(days=1)
        if name == 'day':
            return self.day_start(d), self.day_start(d + one)
        if name == 'week':
            m = d - dt.timedelta(days=d.weekday())
            return self.day_start(m), self.day_start(m + 7 * one)
        if name == 'month':
            f = d.replace(day=1)
            n = (f + 32 * one).replace(day=1)
            return self.day_start(f), self.day_start(n)
        length = duration(name)
        s, e = self.day_start(d), self.day_start(d + one)
        a = s + (ms - s) // length * length
        return a, min(a + length, e)


def zone(name):
    if name not in _ZONES:
        _ZONES[name] = Zone(name)
    return _ZONES[name]


RFC = re.compile(r'(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))', re.A)


def parse_time(v):
    """Epoch ms, or None."""
    if isinstance(v, bool):
        return None
    if isinstance(v, int):
        ms = v
    elif isinstance(v, str):
        m = RFC.fullmatch(v)
        if not m:
            return None
        y, mo, d, h, mi, s = (int(m.group(i)) for i in range(1, 7))
        if not (1 <= mo <= 12 and y >= 1 and 1 <= d <= calendar.monthrange(y, mo)[1] and h < 24 and mi < 60 and s < 60):
            return None
        ms = ms_of(dt.datetime(y, mo, d, h, mi, s, tzinfo=dt.timezone.utc))
        ms += int(((m.group(7) or '') + '000')[:3])
        if m.group(8):
            oh, om = int(m.group(9)), int(m.group(10))
            if oh > 23 or om > 59:
                return None
            off = (oh * 60 + om) * M
            ms -= off if m.group(8) == '+' else -off
    else:
        return None
    return ms if TIME_MIN <= ms < TIME_MAX else None


def duration(v):
    m = re.fullmatch(r'(\d+)(ms|s|m|h|d)', str(v))
    return int(m.group(1)) * {'ms': 1, 's': S, 'm': M, 'h': H, 'd': D}[m.group(2)]


def percent(v):
    m = re.fullmatch(r'(\d+)(?:\.(\d{1,2}))?%', str(v))
    return int(m.group(1)) * 100 + int(((m.group(2) or '') + '00')[:2])

#!/usr/bin/python3
"""The compiled zones against another implementation of the zone rules, Python's zoneinfo, over 1990 to 2100: at every
change of the clocks, a millisecond before it (to the second, which is what zoneinfo counts in), and every other day.

    zones.py --steps PROGRAM [ZONE...]
"""
import argparse
import bisect
import datetime
import subprocess
import sys

FIRST, LAST = 631152000, 4102444800         # 1990-01-01, 2100-01-01
EVERY = 2 * 86400 + 3607                    # at another hour each time
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def zones_of(text):
    name, zones = None, {}
    for line in text.splitlines():
        if line[0] in '-0123456789' and ' ' in line:
            zones[name].append(tuple(map(int, line.split())))
        else:
            name = line
            zones[name] = []
    return zones


def offset(zone, at_s):
    at = EPOCH + datetime.timedelta(seconds=at_s)
    return int(at.astimezone(zone).utcoffset().total_seconds()) * 1000


def differences(zone, steps, instants):
    starts = [s[0] for s in steps]
    for at in instants:
        told, right = steps[bisect.bisect_right(starts, at * 1000) - 1][1], offset(zone, at)
        if told != right:
            yield at, told, right


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--steps', required=True, help='the program that prints the compiled zones')
    ap.add_argument('zones', nargs='*')
    a = ap.parse_args()
    try:
        import zoneinfo
        zoneinfo.ZoneInfo('America/New_York')
    except Exception as e:                  # no module, or a module without data
        print('skipped: no other implementation of zones here: %s' % e)
        return 77
    zones = zones_of(subprocess.run([a.steps], capture_output=True, check=True, text=True).stdout)
    compared = failed = missing = instants = 0
    for name, steps in sorted(zones.items()):
        if a.zones and name not in a.zones:
            continue
        try:
            zone = zoneinfo.ZoneInfo(name)
        except zoneinfo.ZoneInfoNotFoundError:
            missing += 1
            continue
        changes = [s[0] // 1000 for s in steps if FIRST * 1000 <= s[0] < LAST * 1000]
        probes = sorted(changes + [c - 1 for c in changes]) + list(range(FIRST + hash_of(name), LAST, EVERY))
        bad = list(differences(zone, steps, probes)) if steps else [(0, None, None)]
        compared += 1
        instants += len(probes)
        if bad:
            failed += 1
            print('FAILED %s: %d instants, first at %d: %s, not %s' % (name, len(bad), *bad[0]))
    print('%d zones, %d instants compared, %d zones differ, %d unknown to Python' % (compared, instants, failed, missing))
    return 1 if failed or not compared or missing > compared // 10 else 0


def hash_of(name):
    """Where in the first days a zone's probes begin: the same in every run."""
    return sum(ord(c) * (i + 1) for i, c in enumerate(name)) * 97 % EVERY


if __name__ == '__main__':
    sys.exit(main())

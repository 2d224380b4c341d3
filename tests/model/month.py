#!/usr/bin/python3
"""A simulated month, all channels and windows: the replay obeys identities.py, and agrees with the model on a
sample of its keys.

  month.py --rollcall PATH [--clients 50] [--queues 10] [--contacts 30] [--days 30] [--sample 1%] [--jobs N] [--keep DIR]

Events come late, twice and damaged. The last day is cut off while people wait.
"""
import argparse
import datetime
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import identities  # noqa: E402
import quick_yaml  # noqa: E402
import run  # noqa: E402

FROM = datetime.date(2026, 1, 5)
WINDOWS = {'rolling': [{'name': '60m', 'length': '60m', 'every': '5m'}, {'name': '24h', 'length': '24h', 'every': '30m'}],
           'interval': ['15m', '30m', '1h', 'day', 'week', 'month']}


def world(a, base):
    """(config, events)"""
    conf, whole, cut = (os.path.join(base, x) for x in ('config.yaml', 'whole.ndjson', 'events.ndjson'))
    subprocess.run([a.rollcall, 'simulate', '--clients', str(a.clients), '--queues', str(a.queues), '--contacts',
                    str(a.contacts), '--ticket-share', '30%', '--load', '1.8', '--for', '%dd' % a.days, '--from',
                    str(FROM), '--disorder', '800ms', '--late', '0.5%', '--late-by', '2h', '--duplicates', '0.5%',
                    '--damaged', '0.1%', '--config', conf, '--out', whole, '--quiet'], check=True)
    with open(conf, encoding='utf-8') as f:
        cfg = quick_yaml.load(f)
    cfg['windows'] = WINDOWS
    cfg['time'] = {'restate_for': {'default': '100d'}}
    for channel in ('call', 'chat'):
        cfg['defaults'][channel]['basis'] = 'arrival'
    for c in cfg['clients'].values():
        c['groups'] = {'half': {'queues': list(c['queues'])[::2]}}
    with open(conf, 'w', encoding='utf-8') as f:
        f.write(quick_yaml.dump(cfg))
    stop = '"time":"%sT15:05' % (FROM + datetime.timedelta(days=a.days - 1))
    with open(whole, 'rb') as f, open(cut, 'wb') as out:
        for x in f:
            if stop.encode() in x:
                break
            out.write(x)
    os.remove(whole)
    return conf, cut


def prove(a, base):
    began = time.monotonic()

    def say(what):
        print('%6.1f s  %s' % (time.monotonic() - began, what), flush=True)
    conf, events = world(a, base)
    say('%d bytes of events' % os.path.getsize(events))
    out = os.path.join(base, 'out')
    os.makedirs(out, exist_ok=True)
    subprocess.run([a.rollcall, 'replay', conf, events, '--quiet', '--out', out], check=True)
    say('replayed')
    counts, wrong = identities.check(conf, out, a.jobs)
    identities.report(counts, wrong)
    if not counts['still waiting']:
        wrong.append('nobody waits at the end: the law of arrival was not tried')
        print(wrong[-1])
    say('identities')
    why = run.one_set(a.rollcall, ['metrics', 'slas'], conf, [events], a.sample, out)
    print('FAILED\n  %s' % why if why else 'the model agrees on %s of the queues' % a.sample)
    say('model')
    return 1 if why or wrong else 0


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--rollcall', required=True)
    ap.add_argument('--clients', type=int, default=50)
    ap.add_argument('--queues', type=int, default=10)
    ap.add_argument('--contacts', type=int, default=30, help='of a queue, a day')
    ap.add_argument('--days', type=int, default=30)
    ap.add_argument('--sample', default='1%', help='of the queues')
    ap.add_argument('--jobs', type=int, default=2)
    ap.add_argument('--keep', metavar='DIR', help='leave events and records there')
    a = ap.parse_args()
    a.rollcall = os.path.abspath(a.rollcall)
    if a.keep:
        os.makedirs(a.keep, exist_ok=True)
        return prove(a, a.keep)
    with tempfile.TemporaryDirectory(prefix='rollcall-model-') as base:
        return prove(a, base)


if __name__ == '__main__':
    sys.exit(main())

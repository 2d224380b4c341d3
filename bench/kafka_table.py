"""Lines "round name cpu_ns events_per_s peak_mb" to a table, each name by all its rounds.

kafka_table.py CONTROL [REFERENCE] <LINES

"x CONTROL" is the ratio of CPU times within a round; "REFERENCE / it" likewise, and that of rates
the other way round; of ratios the median of all rounds."""

import statistics
import sys


def main():
    control, reference = (sys.argv[1:] + [None])[:2]
    rounds, names = {}, []
    for line in sys.stdin:
        number, name, *values = line.split()
        rounds.setdefault(number, {})[name] = [float(value) for value in values]
        if name not in names:
            names.append(name)

    def column(name, at):
        return [one[name][at] for one in rounds.values() if name in one]

    def ratio(above, below, at):
        pairs = [one for one in rounds.values() if above in one and below in one]
        return statistics.median(one[above][at] / one[below][at] for one in pairs)

    against = f" CPU: {reference} / it | rate: it / {reference} |" if reference else ""
    print(f"| {len(rounds)} rounds | CPU ns/event, min | median | x {control} | k events/s, median"
          f" | most | peak MB |{against}")
    print("|---|---|---|---|---|---|---|" + ("---|---|" if reference else ""))
    for name in names:
        cpu, rate = column(name, 0), column(name, 1)
        cells = [name.replace("_", " "), f"{min(cpu):,.0f}", f"{statistics.median(cpu):,.0f}",
                 f"{ratio(name, control, 0):.2f}", f"{statistics.median(rate) / 1000:,.0f}",
                 f"{max(rate) / 1000:,.0f}", f"{max(column(name, 2)):,.0f}"]
        if reference:
            same = name == control
            cells += ["" if same else f"{ratio(reference, name, 0):.2f}",
                      "" if same else f"{ratio(name, reference, 1):.2f}"]
        print("| " + " | ".join(cells) + " |")


main()

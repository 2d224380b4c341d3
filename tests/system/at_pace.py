#!/usr/bin/env python3
"""Lines to standard output at a pace, until a file appears; then all the others at once.

    tests/system/at_pace.py LINES_A_SECOND HURRY_FILE FILE

For a load that lasts as long as a test needs it, however busy the machine is, and no longer."""
import os
import sys
import time

STEP_S = 0.05


def main():
    rate, hurry, path = float(sys.argv[1]), sys.argv[2], sys.argv[3]
    sent, begun = 0, time.monotonic()
    with open(path, "rb") as lines:
        for line in lines:
            while sent >= rate * (time.monotonic() - begun) and not os.path.exists(hurry):
                sys.stdout.buffer.flush()
                time.sleep(STEP_S)
            sys.stdout.buffer.write(line)
            sent += 1


main()

"""Answers of python-dateutil: lines RULE TAB DTSTART TAB N on stdin, wall-clock times on stdout,
one line each.

"end" closes a complete list; "error" and "timeout" stand for no answer. RRULED_PEER_MS: how much
CPU time a rule may take.
"""
import datetime
import itertools
import os
import signal
import sys

from dateutil.rrule import rrulestr


LIMIT = int(os.environ.get("RRULED_PEER_MS", "100")) / 1000


class Timeout(Exception):
    pass


def on_alarm(signum, frame):
    raise Timeout


def answer(rule, start, count):
    found = []
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        for when in itertools.islice(rrulestr(rule, dtstart=start), count):
            found.append(when.strftime("%Y%m%dT%H%M%S"))
        if len(found) < count:
            found.append("end")
    except Timeout:
        found.append("timeout")
    except Exception:
        found.append("error")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return " ".join(found)


def main():
    signal.signal(signal.SIGVTALRM, on_alarm)
    for line in sys.stdin:
        rule, start, count = line.rstrip("\n").split("\t")
        start = datetime.datetime.strptime(start, "%Y%m%dT%H%M%S")
        try:
            print(answer(rule, start, int(count)))
        except Timeout:  # between the last word and the alarm's end
            print("timeout")


main()

"""Prints what Python's zoneinfo says about every change of offset of every IANA zone, 1970 to 2200.

An independent reader of the same TZif files, for zone_oracle_test.cpp. Only the list of stored
transitions is taken from zoneinfo's pure-Python form; the footer's changes are found by bisection
of utcoffset(), and every answer comes from the public functions.

  zone NAME             a zone follows
  alias NAME TARGET     NAME is a link to TARGET
  t AT BEFORE AFTER     a change of offset at AT (seconds since 1970, UTC)
  u OFFSET...           offsets at AT - 3 h, every 30 min, to AT + 3 h, and at AT - 1 s
  l FIRST,SECOND...     offsets of the wall clock (fold 0, fold 1; FIRST alone when equal), every 30 min from
                        3 h before to 3 h after the stretch that the change skips or repeats, then
                        1 s before and at both of its ends
"""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, _zoneinfo, available_timezones

EPOCH = datetime(1970, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=timezone.utc)
BEGIN = 0
END = 7289654400  # 2201-01-01
WEEK = 7 * 86400
HALF_HOUR = 1800
NOT_ZONES = {"localtime", "Factory"}


def seconds(delta):
    return delta.days * 86400 + delta.seconds


def offset_at(zone, at):
    return seconds((EPOCH_UTC + timedelta(seconds=at)).astimezone(zone).utcoffset())


def readings(zone, local):
    wall = (EPOCH + timedelta(seconds=local)).replace(tzinfo=zone)
    first = seconds(wall.utcoffset())
    second = seconds(wall.replace(fold=1).utcoffset())
    return str(first) if first == second else f"{first},{second}"


def stored_transitions(name):
    return [at for at in _zoneinfo.ZoneInfo.no_cache(name)._trans_utc if BEGIN < at < END]


def footer_transitions(zone, since):
    low, low_offset = since, offset_at(zone, since)
    while low < END - 1:
        high = min(low + WEEK, END - 1)
        high_offset = offset_at(zone, high)
        if high_offset != low_offset:
            left, right = low, high
            while right - left > 1:
                middle = (left + right) // 2
                if offset_at(zone, middle) == low_offset:
                    left = middle
                else:
                    right = middle
            yield right
        low, low_offset = high, high_offset


def transitions(name, zone):
    stored = stored_transitions(name)
    yield from stored
    yield from footer_transitions(zone, stored[-1] if stored else BEGIN)


def print_zone(name, out):
    zone = ZoneInfo(name)
    out.append(f"zone {name}")
    for at in transitions(name, zone):
        before, after = offset_at(zone, at - 1), offset_at(zone, at)
        if before == after:
            continue
        out.append(f"t {at} {before} {after}")
        instants = [*range(at - 3 * 3600, at + 3 * 3600 + 1, HALF_HOUR), at - 1]
        out.append("u " + " ".join(str(offset_at(zone, i)) for i in instants))
        low, high = at + min(before, after), at + max(before, after)
        walls = [*range(low - 3 * 3600, high + 3 * 3600 + 1, HALF_HOUR), low - 1, low, high - 1, high]
        out.append("l " + " ".join(readings(zone, wall) for wall in walls))


def target_of(name):
    for folder in map(Path, TZPATH):
        path = folder / name
        if path.is_file():
            return str(path.resolve().relative_to(folder.resolve()))
    return name


def main():
    names = sorted(available_timezones() - NOT_ZONES)
    for name in names:
        out = []
        target = target_of(name)
        if target != name and target in names:
            out.append(f"alias {name} {target}")
        else:
            print_zone(name, out)
        sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()

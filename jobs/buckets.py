"""Which hours and days of a site's time zone are to be computed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from footfall.zones import HOUR_MS, day_of, day_range, hour_starts

DAY_MS = 24 * HOUR_MS
SLOT_MS = HOUR_MS // 4


class Bucket(NamedTuple):
    """An hour or a day."""

    start: int  # ms
    end: int
    day: str  # its date, ISO


class Kind(NamedTuple):
    """Hours or days."""

    name: str
    table: str
    longest_ms: int  # how long a bucket may be: 25 h, or an hour and a half on Lord Howe Island
    keep_ms: int  # older buckets are not computed; 0: all are
    at_once: int  # buckets per query, which bounds the memory it takes


HOURS = Kind("hour", "rollup_hour", 2 * HOUR_MS, 8 * DAY_MS, 24)
DAYS = Kind("day", "rollup_day", 26 * HOUR_MS, 0, 8)


def bucket_of(at_ms: int, timezone: str, kind: Kind) -> Bucket:
    """The bucket of a moment."""
    day = day_of(at_ms, timezone)
    start, end = day_range(day, timezone)
    if kind.name == "hour":
        hours = hour_starts(day, timezone)
        place = bisect_right(hours, at_ms)
        start, end = hours[place - 1], hours[place] if place < len(hours) else end
    return Bucket(start, end, day.isoformat())


def in_groups(buckets: Iterable[Bucket], at_once: int) -> Iterator[list[Bucket]]:
    """The buckets in order, cut where one does not follow on another."""
    group: list[Bucket] = []
    for bucket in sorted(set(buckets)):
        if group and (group[-1].end != bucket.start or len(group) >= at_once):
            yield group
            group = []
        group.append(bucket)
    if group:
        yield group

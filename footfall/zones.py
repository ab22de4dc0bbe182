"""Days and hours of a time zone, as half-open ranges of UTC milliseconds.

Boundaries are instants, so that half-hour zones, repeated and skipped hours need no
rule of their own: an hour that the clocks repeat is two ranges, a skipped one is none.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
_DAY = timedelta(days=1)


def local_date(at_ms: int, timezone: str) -> date:
    """The calendar date at that moment."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone)).date()


@lru_cache(maxsize=4096)
def day_start(day: date, timezone: str) -> int:
    """The first millisecond of the date; where midnight is skipped, the moment of the jump."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
    return int(midnight.astimezone(UTC).timestamp()) * 1000


def day_range(day: date, timezone: str) -> tuple[int, int]:
    """[first, end) of the date: 23 to 25 hours and their like."""
    return day_start(day, timezone), day_start(day + _DAY, timezone)


def day_of(at_ms: int, timezone: str) -> date:
    """The date whose `day_range` holds the moment."""
    day = local_date(at_ms, timezone)
    if at_ms < day_start(day, timezone):
        return day - _DAY
    return day + _DAY if at_ms >= day_start(day + _DAY, timezone) else day


@lru_cache(maxsize=4096)
def hour_starts(day: date, timezone: str) -> tuple[int, ...]:
    """Where the hours of the date start: 24 of them, 23 or 25 when the clocks change."""
    zone = ZoneInfo(timezone)
    at, end = day_range(day, timezone)
    starts = []
    while at < end:
        starts.append(at)
        local = datetime.fromtimestamp(at / 1000, zone)
        at += HOUR_MS - (local.minute * 60 + local.second) * 1000
    return tuple(starts)


def days_between(first_ms: int, last_ms: int, timezone: str) -> list[date]:
    """The dates that hold any moment from `first_ms` to `last_ms`, both included."""
    first, last = day_of(first_ms, timezone), day_of(last_ms, timezone)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]

"""Whether a site is silent: next to nothing comes where its usual weeks say that something should."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from msgspec import Struct

WINDOW_MS = 2 * 3_600_000
WEEKS = 4
ENOUGH_WEEKS = 2  # with any traffic: a new site has no usual week yet
ENOUGH_EVENTS = 50  # usually in the window, below which silence may be chance
SILENT_BELOW = 0.02  # of the usual
BACK_ABOVE = 0.2  # so that a trickle does not end it


class Watch(Struct, frozen=True, kw_only=True):
    """What is known of one site. `since`: UTC ms from which it is silent; 0: it is not."""

    count: int
    usual: float
    since: int = 0


def windows(now_ms: int, timezone: str) -> list[tuple[int, int]]:
    """[first, end) in UTC ms of the last hours and of the same hours of past weeks, newest first, by the clocks
    of the time zone: a week over a change of the clocks is an hour longer or shorter."""
    zone = ZoneInfo(timezone)
    local = datetime.fromtimestamp(now_ms / 1000, zone)
    found = [(now_ms - WINDOW_MS, now_ms)]
    for week in range(1, WEEKS + 1):
        end = int((local - timedelta(weeks=week)).astimezone(UTC).timestamp() * 1000)
        found.append((end - WINDOW_MS, end))
    return found


def judge(count: int, past: Sequence[int], before: Watch | None, now_ms: int) -> Watch | None:
    """What to make of `count` events where past weeks had `past`; None: too little is usual to tell."""
    known = [number for number in past if number]
    if len(known) < ENOUGH_WEEKS or median(known) < ENOUGH_EVENTS:
        return None
    usual = float(median(known))
    was = before.since if before is not None else 0
    silent = count < (BACK_ABOVE if was else SILENT_BELOW) * usual
    return Watch(count=count, usual=usual, since=(was or now_ms) if silent else 0)

"""How far around a late event repair has to look: to the nearest pauses on both sides.

What lies beyond a pause longer than any session window is another session, which the
late event cannot change and repair does not touch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from footfall.sessions.repair import StoredFact
from footfall.sites import DEFAULT_WINDOW_MS, Site


class Scope(NamedTuple):
    """The events to fold, and the range of start times of the sessions they replace."""

    facts: list[StoredFact]
    first: int  # ms
    end: int


def widest_window(site: Site) -> int:
    """The longest inactivity window the site ever had, ms."""
    return max((window.window_ms for window in site.windows), default=DEFAULT_WINDOW_MS)


def scope_of(
    site: Site, facts: list[StoredFact], first_at: int, last_at: int, span: tuple[int, int]
) -> Scope | None:
    """The part of `facts` (all of the visitor's in `span`, by time) that belongs together
    with [first_at, last_at]; None if it may go on beyond the span."""
    window = widest_window(site)
    times = [stored.fact.occurred_at for stored in facts]
    low, first = bisect_left(times, first_at), first_at
    while low and first - times[low - 1] <= window:
        low -= 1
        first = times[low]
    high, last = bisect_right(times, last_at), last_at
    while high < len(times) and times[high] - last <= window:
        last = times[high]
        high += 1
    if not low and span[0] > 0 and first - span[0] <= window:
        return None
    if high == len(times) and span[1] - last <= window:
        return None
    start = times[low - 1] + 1 if low else span[0]
    return Scope(facts[low:high], start, times[high] if high < len(times) else span[1])

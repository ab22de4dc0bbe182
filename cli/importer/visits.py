"""Visits across midnight: an import gives ids by day, and a visit keeps the one it began with."""

from __future__ import annotations

DAY_MS = 86_400_000
MAX_REMEMBERED = 200_000


class VisitDays:
    """For each address and agent, the UTC day its visitor id is made of.

    As live, where yesterday's id goes on for as long as its session is open: a line that
    follows the last one within the inactivity window keeps yesterday's day. No further
    back than yesterday, so that nobody is followed from day to day.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._last: dict[tuple[str, str], tuple[int, int]] = {}  # (time of the last line, its day)

    def day(self, address: str, agent: str, at_ms: int) -> int:
        """Days since 1970. Lines come in the log's order, which is nearly that of time."""
        today = at_ms // DAY_MS
        key = (address, agent)
        at, kept = self._last.get(key, (0, today))
        goes_on = kept == today - 1 and at_ms - at <= self._window_ms
        day = kept if goes_on else today
        self._last[key] = (max(at, at_ms), day)
        if len(self._last) > MAX_REMEMBERED:
            self._forget(at_ms)
        return day

    def _forget(self, now_ms: int) -> None:
        """Drop whose visit is over; all of them where that is not enough."""
        self._last = {k: v for k, v in self._last.items() if now_ms - v[0] <= self._window_ms}
        if len(self._last) > MAX_REMEMBERED:
            self._last.clear()

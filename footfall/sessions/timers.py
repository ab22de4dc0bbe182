"""Timers without a scan and without an object per timer: second buckets, then a heap.

A bucket is a list of visitor ids (8 bytes each). Where a bucket's second begins, its
visitors are asked for their real time: the few that are due within that second go to
a heap, so that they fire to the millisecond, the others to a later bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from footfall.sessions.part import NEVER

SECOND_MS = 1000


class Timers:
    """Wakes visitors. A visitor may be set more than once; `time_of` decides."""

    def __init__(self, time_of: Callable[[int], int]) -> None:
        """`time_of(visitor_id)` is the real time, ms; NEVER where there is none any more."""
        self.next_at = NEVER  # nothing is due before
        self._time_of = time_of
        self._buckets: dict[int, list[int]] = {}
        self._seconds: list[int] = []  # heap of the buckets' seconds
        self._near: list[tuple[int, int]] = []  # heap of (time, visitor)

    def set(self, visitor_id: int, at: int) -> None:
        """Wake this visitor at that time, or later if `time_of` says so then."""
        second = at // SECOND_MS
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = []
            heappush(self._seconds, second)
            self.next_at = min(self.next_at, second * SECOND_MS)
        bucket.append(visitor_id)

    def due(self, now: int) -> Iterator[int]:
        """Visitors whose time has come, in the order of time; each must then be dealt
        with, so that `time_of` moves on, before the next is asked for."""
        while self.next_at <= now:
            self._open_bucket(now)
            if self._near and self._near[0][0] <= now:
                at, visitor_id = heappop(self._near)
                self._update_next()
                real = self._time_of(visitor_id)
                if real == at:
                    yield visitor_id
                elif real != NEVER:
                    self.set(visitor_id, real)
            else:
                self._update_next()

    def _open_bucket(self, now: int) -> None:
        while self._seconds and self._seconds[0] * SECOND_MS <= now:
            second = heappop(self._seconds)
            for visitor_id in set(self._buckets.pop(second)):
                at = self._time_of(visitor_id)
                if at // SECOND_MS <= second:
                    heappush(self._near, (at, visitor_id))
                elif at != NEVER:
                    self.set(visitor_id, at)

    def _update_next(self) -> None:
        bucket = self._seconds[0] * SECOND_MS if self._seconds else NEVER
        near = self._near[0][0] if self._near else NEVER
        self.next_at = min(bucket, near)

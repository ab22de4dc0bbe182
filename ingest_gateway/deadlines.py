"""Timeouts for very many short waits: a dictionary and one sweep, in place of a timer each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

SWEEP_S = 0.25
T = TypeVar("T", bound=Hashable)


class Deadlines(Generic[T]):
    """Calls `expire(item)` for what was not removed within `timeout_s` (and one sweep)."""

    def __init__(self, timeout_s: float, expire: Callable[[T], object]) -> None:
        self._timeout_s = timeout_s
        self._expire = expire
        # All waits have the same length, so insertion order is the order of expiry.
        self._until: dict[T, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, item: T) -> None:
        """The wait begins."""
        self._until[item] = time.monotonic() + self._timeout_s

    def remove(self, item: T) -> bool:
        """The wait is over; False if it had expired."""
        return self._until.pop(item, None) is not None

    def oldest_s(self, now: float) -> float:
        """How long the oldest one has been waiting; 0 if none is."""
        first = next(iter(self._until.values()), None)
        return 0.0 if first is None else now - (first - self._timeout_s)

    def sweep(self, now: float) -> None:
        """Expire what is due."""
        due = []
        for item, until in self._until.items():
            if until > now:
                break
            due.append(item)
        for item in due:
            del self._until[item]
            self._expire(item)

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep(time.monotonic())

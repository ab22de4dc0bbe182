"""What came in, as far as memory allows: the newest is kept, the rest only counted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

MAX_KEPT = 10_000
MAX_KEPT_BYTES = 32 * 1024 * 1024  # as JSON; in memory it is several times as much

Entry = dict[str, Any]


class Kept:
    """The newest entries of one kind, oldest first; each has its number as `seq`, counted from 1."""

    def __init__(self, limit: int = MAX_KEPT, limit_bytes: int = MAX_KEPT_BYTES) -> None:
        self._limit, self._limit_bytes = limit, limit_bytes
        self._entries: deque[tuple[Entry, int]] = deque()
        self._bytes = 0
        self.total = 0

    def add(self, entry: Entry) -> None:
        """Keep it, and forget what there is no more room for."""
        self.total += 1
        entry["seq"] = self.total
        size = len(msgspec.json.encode(entry))
        self._entries.append((entry, size))
        self._bytes += size
        while len(self._entries) > self._limit or (self._bytes > self._limit_bytes and len(self._entries) > 1):
            self._bytes -= self._entries.popleft()[1]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return (entry for entry, _ in self._entries)

    @property
    def forgotten(self) -> int:
        """How many were counted but are kept no more."""
        return self.total - len(self._entries)


class Journal:
    """Everything since the start or the last reset. For one event loop."""

    def __init__(self) -> None:
        self.closed = False
        self._news = asyncio.Event()
        self._empty()

    def _empty(self) -> None:
        self.good, self.bad = Kept(), Kept()
        self.duplicates = 0
        self.lost = 0  # what senders say they dropped

    def reset(self) -> None:
        """As if nothing had ever come."""
        self._empty()
        self._tell()

    def add_good(self, entries: list[Entry], lost: int = 0) -> None:
        """Accepted events, and how many their sender says it dropped before them."""
        self.lost += lost
        for entry in entries:
            self.duplicates += entry["duplicate"]
            self.good.add(entry)
        self._tell()

    def add_bad(self, entry: Entry) -> None:
        """A rejected event or a refused request."""
        self.bad.add(entry)
        self._tell()

    def close(self) -> None:
        """Nobody is to wait any more."""
        self.closed = True
        self._tell()

    async def news(self, timeout_s: float) -> bool:
        """Wait for anything new; False if nothing came in time."""
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def _tell(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()

    def totals(self) -> dict[str, int]:
        """What `/micro/all` answers."""
        good, bad = self.good, self.bad
        return {
            "total": good.total + bad.total,
            "good": good.total,
            "bad": bad.total,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "forgotten": good.forgotten + bad.forgotten,
        }

"""What is written after the rows it speaks of: the ledger, then how far all of it is stored."""

from __future__ import annotations

import time

from sinks.buffer import Buffer, Progress
from sinks.flusher import Flusher


class PendingProgress:
    """Kept until they are due: they are small parts of their own, and written with every flush
    they would cost an idle machine more than the events do. Used by one thread."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._ledger: dict[tuple[object, ...], tuple[object, ...]] = {}  # key -> row: the last counts
        self._progress: dict[int, Progress] = {}  # by partition
        self._due_at = 0.0  # monotonic clock

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self._progress and not self._ledger

    def due_in(self, now: float) -> float:
        """Seconds until they are to be written, by the monotonic clock."""
        return self._due_at - now

    def add(self, buffer: Buffer) -> None:
        """The rows of this buffer are stored: what is told of them holds now."""
        self._ledger |= buffer.ledger
        self._progress |= buffer.progress

    def store(self, flusher: Flusher) -> None:
        """The ledger first, progress last, so that it never says too much."""
        flusher.store_rows("ledger", list(self._ledger.values()))
        stored_at = int(time.time() * 1000)
        rows: list[tuple[object, ...]] = [
            (partition, *progress, stored_at) for partition, progress in self._progress.items()
        ]
        flusher.store_rows("progress", rows)
        self._ledger, self._progress = {}, {}
        self._due_at = time.monotonic() + self._every_s

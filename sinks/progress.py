"""What is written less often than events: sessions, the ledger, and how far all of it is stored."""

from __future__ import annotations

import time

from footfall.sessions.row import SessionRow
from sinks.buffer import Buffer, Progress
from sinks.flusher import Flusher

SESSION_ROWS = 2_000  # so many are not kept waiting


class LastWords:
    """Kept until they are due: on a quiet site they are small parts of their own, and written
    with every flush they would cost more than the events do. Used by one thread."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._sessions: list[SessionRow] = []
        self._ledger: dict[tuple[object, ...], tuple[object, ...]] = {}  # key -> row: the last counts
        self._progress: dict[int, Progress] = {}  # by partition
        self._due_at = 0.0  # monotonic clock

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self._sessions and not self._progress and not self._ledger

    def due_in(self, now: float) -> float:
        """Seconds until they are to be written, by the monotonic clock."""
        if len(self._sessions) >= SESSION_ROWS:
            return 0.0
        return self._due_at - now

    def add(self, buffer: Buffer) -> None:
        """The events of this buffer are stored: what is told of them holds now."""
        self._sessions += buffer.sessions
        self._ledger |= buffer.ledger
        self._progress |= buffer.progress

    def store(self, flusher: Flusher) -> None:
        """Progress last, so that it never says too much."""
        flusher.store_sessions(self._sessions)
        flusher.store_rows("ledger", list(self._ledger.values()))
        stored_at = int(time.time() * 1000)
        rows: list[tuple[object, ...]] = [
            (partition, *progress, stored_at) for partition, progress in self._progress.items()
        ]
        flusher.store_rows("progress", rows)
        self._sessions, self._ledger, self._progress = [], {}, {}
        self._due_at = time.monotonic() + self._every_s

"""What waits for the disk: bounded by bytes, taken a commit at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from eventlog.appending import size_of
from eventlog.protocol import LogFull


class Submission(NamedTuple):
    """One call of `append` or `submit`."""

    records: Sequence[tuple[int, bytes]]
    size: int
    token: Any  # of submit
    future: Future[None] | None  # of append


class AppendQueue:
    """A bounded queue from any thread to the one that writes."""

    def __init__(self, limit: int, partitions: int) -> None:
        self._limit = limit
        self._partitions = partitions
        self._waiting: deque[Submission] = deque()
        self._bytes = 0
        self._state = threading.Condition()
        self._idle = False
        self._closed = ""

    @property
    def bytes_waiting(self) -> int:
        """Bytes not yet durable, those in the running commit included."""
        return self._bytes

    def put(self, records: Sequence[tuple[int, bytes]], token: Any, future: Future[None] | None) -> None:
        """Queue; `LogFull` at once if there is no room, `ValueError` for what never fits."""
        size = size_of(records, self._partitions, self._limit)
        with self._state:
            if self._closed:
                raise LogFull(self._closed)
            if self._bytes + size > self._limit:
                raise LogFull(f"{self._bytes} bytes wait for the log's disk, more are not taken")
            self._bytes += size
            self._waiting.append(Submission(records, size, token, future))
            if self._idle:
                self._idle = False
                self._state.notify()

    def take(self, most_bytes: int, timeout_s: float) -> list[Submission]:
        """What waits, up to about `most_bytes` (one submission at least); [] after the
        timeout or once closed and empty."""
        with self._state:
            if not self._waiting and not self._closed:
                self._idle = True
                self._state.wait(timeout_s)
                self._idle = False
            group: list[Submission] = []
            size = 0
            while self._waiting and (not group or size + self._waiting[0].size <= most_bytes):
                submission = self._waiting.popleft()
                size += submission.size
                group.append(submission)
            return group

    def done(self, group: Sequence[Submission]) -> None:
        """The group's bytes are free again."""
        with self._state:
            self._bytes -= sum(submission.size for submission in group)

    def close(self, reason: str) -> None:
        """Take no more; what waits may still be taken."""
        with self._state:
            self._closed = self._closed or reason
            self._state.notify_all()

    @property
    def finished(self) -> bool:
        """Closed and empty."""
        with self._state:
            return bool(self._closed) and not self._waiting

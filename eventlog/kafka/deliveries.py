"""Submissions on their way to the brokers: bounded by bytes, done when their last record is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, Message

from eventlog.appending import size_of
from eventlog.kafka.options import MAX_RECORD_BYTES
from eventlog.protocol import LogFull

LONGEST = MAX_RECORD_BYTES - 4096  # the batch around it counts, too


class Submission:
    """One call of `append` (with a future) or `submit` (with a token)."""

    __slots__ = ("_deliveries", "count", "error", "future", "left", "size", "token")

    def __init__(
        self, deliveries: Deliveries, count: int, size: int, token: Any, future: Future[None] | None
    ) -> None:
        self._deliveries = deliveries
        self.count = self.left = count  # left: records neither delivered nor failed
        self.size = size
        self.token = token
        self.future = future
        self.error: KafkaError | None = None  # of the first record that failed

    def delivered(self, error: KafkaError | None, message: Message | None) -> None:
        """The client library's delivery report of one record."""
        if error is None and message is not None:
            self._deliveries.newest = message
        self._deliveries.report(self, error)


class Deliveries:
    """Counts what is on its way. Thread-safe."""

    def __init__(self, limit: int, partitions: int) -> None:
        self._limit = limit
        self._partitions = partitions
        self._bytes = 0
        self._closed = ""
        self.newest: Message | None = None  # the record acknowledged last
        self._lock = threading.Lock()
        self._open: set[Submission] = set()
        self._finished: list[Submission] = []

    @property
    def bytes_waiting(self) -> int:
        """Bytes not yet acknowledged."""
        return self._bytes

    def begin(self, records: Sequence[tuple[int, bytes]], token: Any, future: Future[None] | None) -> Submission:
        """Take room; `LogFull` at once if there is none, `ValueError` for what never fits."""
        size = size_of(records, self._partitions, self._limit)
        longest = max((len(value) for _, value in records), default=0)
        if longest > LONGEST:
            raise ValueError(f"a record of {longest} bytes; topics take {LONGEST}")
        with self._lock:
            if self._closed:
                raise LogFull(self._closed)
            if self._bytes + size > self._limit:
                raise LogFull(f"{self._bytes} bytes wait for Kafka, more are not taken")
            self._bytes += size
            submission = Submission(self, len(records), size, token, future)
            self._open.add(submission)
        return submission

    def report(self, submission: Submission, error: KafkaError | None) -> None:
        """One record was delivered, or failed."""
        with self._lock:
            if error is not None and submission.error is None:
                submission.error = error
            submission.left -= 1
            if submission.left <= 0 and submission in self._open:
                self._open.remove(submission)
                self._finished.append(submission)

    def give_up(self, error: KafkaError) -> None:
        """No report will come of what is open: it failed."""
        with self._lock:
            for submission in self._open:
                submission.error = submission.error or error
            self._finished += self._open
            self._open.clear()

    def take_finished(self) -> list[Submission]:
        """The submissions that are done; their room is free again."""
        if not self._finished:
            return []
        with self._lock:
            done, self._finished = self._finished, []
            self._bytes -= sum(submission.size for submission in done)
        return done

    def close(self, reason: str) -> None:
        """Take no more."""
        with self._lock:
            self._closed = self._closed or reason

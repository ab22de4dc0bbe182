"""The event log: an ordered, durable list of records per partition.

Shaped after Kafka, so that Kafka fits it without change; `eventlog.local` is the
embedded one. Both pass the contract suite in tests/eventlog/contract.py.

Delivery: when `append` returns (its future resolves), the records survive the death of
the process and a power cut. A reader sees each record exactly once per pass, in offset
order; offsets start at 0 and have no meaning but their order (holes are allowed).
`log_time` is the time of the append in UTC milliseconds and never runs backwards within
a partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol


class LogRecord(NamedTuple):
    """One record as a reader sees it."""

    partition: int
    offset: int
    log_time: int  # ms
    value: bytes


class LogFull(Exception):
    """The log cannot take records now (queue full, disk full); try again later."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OffsetLost(Exception):
    """The asked-for offset is gone (retention) or was never written: never skipped over."""


class Appender(Protocol):
    """The writing side. Thread-safe."""

    partitions: int

    def append(self, records: Sequence[tuple[int, bytes]]) -> Future[None]:
        """Queue `(partition, value)` records; the future resolves once all are durable.

        Raises `LogFull` at once, or fails the future with it, where it cannot.
        """

    def close(self, timeout_s: float) -> None:
        """Write what is queued, then stop."""


class Reader(Protocol):
    """The reading side of one or more partitions. Not thread-safe."""

    def read(self, partition: int, offset: int, max_records: int, max_bytes: int) -> list[LogRecord]:
        """Records from `offset` on, at once what is there; [] if nothing is new.

        Raises `OffsetLost` if records at or above `offset` were deleted unread.
        At least one record is returned if there is one, whatever its size.
        """

    def bounds(self, partition: int) -> tuple[int, int]:
        """(first kept offset, offset the next append will get)."""

    def commit(self, group: str, partition: int, offset: int) -> None:
        """Make a consumer's position (next offset to read) visible to `lag`. Not used
        for recovery."""

    def committed(self, group: str, partition: int) -> int | None:
        """The position a consumer last made visible."""

    def close(self) -> None: ...


class EventLog(Protocol):
    """One topic."""

    partitions: int

    def appender(self) -> Appender: ...

    def reader(self) -> Reader: ...

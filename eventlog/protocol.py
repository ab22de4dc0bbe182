"""The event log: an ordered, durable list of records per partition.

Shaped after Kafka, which is `eventlog.kafka`; `eventlog.local` is the embedded one. Both
pass the contract suite in tests/eventlog/contract.py; `eventlog.opening` chooses.

Delivery: when `append` returns (its future resolves), the records survive the death of
the process and a power cut. A reader sees each record exactly once per pass, in offset
order; offsets start at 0 and have no meaning but their order (holes are allowed).
`log_time` is the time of the append in UTC milliseconds and never runs backwards within
a partition, as long as one reader reads on (a broker's clock may be set back: who keeps the
time across readers takes the larger).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

# What `Appender.submit` was given, handed back when its records are durable (None) or
# refused (`LogFull`). Called on a thread of the log, once for many submissions (a group
# commit; with Kafka the delivery reports of one poll), so that an asyncio program needs
# one `call_soon_threadsafe` for all of them. It must be quick and must not raise.
OnDone = Callable[[list[Any], "LogFull | None"], None]


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


class WrongLogError(ValueError):
    """The log is of another shape or version than the settings say; the message says what to do."""


class LogUnreachable(Exception):
    """The log's servers do not answer; the message says what to look at."""


class LogDamaged(Exception):
    """Stored records cannot be read back; the message names the file and what to do."""


class Lag(NamedTuple):
    """How far a consumer group is behind in one partition."""

    partition: int
    records: int  # not read yet
    ms: int  # log time from the first unread record to the newest one; 0 if all is read


class Appender(Protocol):
    """The writing side. Thread-safe."""

    partitions: int
    # Whether one submission of many requests is cheaper than one each: a group commit, which
    # succeeds or fails whole. Where partitions fail apart, one request must not fail another.
    gathers: bool

    def append(self, records: Sequence[tuple[int, bytes]]) -> Future[None]:
        """Queue `(partition, value)` records; the future resolves once all are durable.

        Raises `LogFull` at once, or fails the future with it, where it cannot.
        """

    def submit(self, records: Sequence[tuple[int, bytes]], token: Any) -> None:
        """As `append`, but `token` goes to the appender's `on_done` in place of a future.

        Raises `LogFull` at once where the queue is full; `on_done` is not called then.
        """

    def close(self, timeout_s: float) -> None:
        """Write what is queued, then stop. What is not written by then fails with `LogFull`."""


class Reader(Protocol):
    """The reading side of one or more partitions. Not thread-safe."""

    def read(self, partition: int, offset: int, max_records: int, max_bytes: int) -> list[LogRecord]:
        """Records from `offset` on, at once what is there; [] if nothing is new.

        Raises `OffsetLost` if records at or above `offset` were deleted unread.
        At least one record is returned if there is one, whatever its size. Where servers hold
        the log, what is appended once this reader has come to `offset` may follow a moment
        later, and nothing is new while they do not answer.
        """

    def bounds(self, partition: int) -> tuple[int, int]:
        """(first kept offset, offset the next append will get)."""

    def commit(self, group: str, partition: int, offset: int) -> None:
        """Make a consumer's position (next offset to read) visible to `lag`, at once or soon.
        Not used for recovery."""

    def committed(self, group: str, partition: int) -> int | None:
        """The position a consumer last made visible."""

    def lag(self, group: str) -> list[Lag]:
        """Per partition, how far `group` is behind; from the first kept record on where
        it has committed nothing."""

    def changed(self) -> bool:
        """Cheap: False only if nothing was appended since this reader's last `changed`, or
        so little ago that it is still on its way here: then the next calls tell of it.

        The first call returns True. May be True without need. A flow that polls calls
        this first and `read` only if it says so, or if its last `read` returned records.
        """

    def close(self) -> None:
        """Let go of files and connections."""


class AppendableLog(Protocol):
    """The side of a log that takes records."""

    def appender(self, on_done: OnDone | None = None) -> Appender:
        """A new writer; `on_done` is needed for `Appender.submit` only."""


class EventLog(AppendableLog, Protocol):
    """A stage's log: one topic, or several where it grew (`eventlog.generations`)."""

    partitions: int  # the numbers are below this; which of them are served, the layout says

    def reader(self) -> Reader:
        """A new reader of every partition."""

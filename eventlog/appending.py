"""What appenders have in common: futures and tokens, sizes, and telling whoever waits."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from eventlog import metrics
from eventlog.protocol import LogFull, OnDone

logger = logging.getLogger(__name__)

RECORD_OVERHEAD = 256  # bytes of Python objects around a record, so that tiny ones are bounded too


class Submitted(Protocol):
    """One call of `append` (with a future) or `submit` (with a token)."""

    @property
    def token(self) -> Any:
        """Of `submit`."""

    @property
    def future(self) -> Future[None] | None:
        """Of `append`."""


def size_of(records: Sequence[tuple[int, bytes]], partitions: int, limit: int) -> int:
    """Bytes that records take in the queue; `ValueError` for what never fits."""
    size = RECORD_OVERHEAD
    for partition, value in records:
        if not 0 <= partition < partitions:
            raise ValueError(f"no partition {partition}: the log has {partitions}")
        size += len(value) + RECORD_OVERHEAD
    if size > limit:
        raise ValueError(f"{size} bytes in one append; the queue holds {limit}")
    return size


class BaseAppender(ABC):
    """See `eventlog.protocol.Appender`."""

    gathers = False

    def __init__(self, partitions: int, on_done: OnDone | None) -> None:
        self.partitions = partitions
        self._on_done = on_done

    def append(self, records: Sequence[tuple[int, bytes]]) -> Future[None]:
        """See `Appender.append`."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # what is queued cannot be cancelled
        self._take(records, None, future)
        return future

    def submit(self, records: Sequence[tuple[int, bytes]], token: Any) -> None:
        """See `Appender.submit`."""
        if self._on_done is None:
            raise ValueError("submit needs an appender made with on_done: log.appender(on_done=...)")
        self._take(records, token, None)

    @abstractmethod
    def close(self, timeout_s: float) -> None:
        """See `Appender.close`."""

    @abstractmethod
    def _put(self, records: Sequence[tuple[int, bytes]], token: Any, future: Future[None] | None) -> None:
        """Queue; `LogFull` at once where there is no room, `ValueError` for what never fits."""

    def _take(self, records: Sequence[tuple[int, bytes]], token: Any, future: Future[None] | None) -> None:
        try:
            self._put(records, token, future)
        except LogFull:
            metrics.REFUSED.labels("queue").inc()
            raise

    def _tell(self, submissions: Iterable[Submitted], error: LogFull | None) -> None:
        """Whoever waits hears that it is durable, or that it failed."""
        tokens = []
        for submission in submissions:
            if submission.future is None:
                tokens.append(submission.token)
            elif error is None:
                submission.future.set_result(None)
            else:
                submission.future.set_exception(error)
        if tokens and self._on_done is not None:
            try:
                self._on_done(tokens, error)
            except Exception:  # a closed event loop, say: the others' records must still be written
                logger.exception("on_done failed for %d submissions", len(tokens))

"""The writing side: group commit by one thread.

Delivery: a future (or `on_done`) succeeds only after the commit's fdatasync has returned.
A failure means nothing of the group is in the log, with one exception no log can avoid:
if the disk fails in the fsync itself and the machine then stops, the group may still turn
up. Whoever retries sends the same batch id again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from eventlog import metrics
from eventlog.appending import BaseAppender
from eventlog.local import files
from eventlog.local.options import Options
from eventlog.local.queue import AppendQueue, Submission
from eventlog.local.upkeep import Upkeep
from eventlog.local.writer import SegmentWriter, frames_of
from eventlog.protocol import LogDamaged, LogFull, OnDone, WrongLogError

logger = logging.getLogger(__name__)

IDLE_S = 1.0  # how often the writer looks up where nothing comes in
DISK_RETRY_S = 5.0
REPEAT_S = 10.0
ROOM_S = 0.1  # how often the free space is looked up


class LocalAppender(BaseAppender):
    """See `eventlog.protocol.Appender`. Made after a fork, not before."""

    gathers = True

    def __init__(self, options: Options, on_done: OnDone | None) -> None:
        super().__init__(options.partitions, on_done)
        self._options = options
        self._queue = AppendQueue(options.queue_bytes, options.partitions)
        self._writer = SegmentWriter(options)
        self._upkeep = Upkeep(options)
        self._room_at = 0.0
        self._since_room = 0  # bytes
        self._failing_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """See `Appender.close`. May be called more than once."""
        self._queue.close("the log is closed")
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._fail_waiting("the log was closed before the disk had taken everything")
        self._upkeep.close(timeout_s)

    def _put(self, records: Sequence[tuple[int, bytes]], token: Any, future: Future[None] | None) -> None:
        self._queue.put(records, token, future)

    def _run(self) -> None:
        try:
            while not self._queue.finished:
                group = self._queue.take(self._options.commit_bytes, IDLE_S)
                if group:
                    self._handle(group)
        finally:
            # Only a bug gets here before close: whoever waits must hear of it.
            self._queue.close("the log's writer has stopped: restart the program, see its log")
            self._fail_waiting("the log's writer has stopped")
            self._writer.close()

    def _handle(self, group: Sequence[Submission]) -> None:
        error: LogFull | None = LogFull("the log's writer failed: see its log")
        try:
            error = self._commit(group)
        finally:
            self._finish(group, error)

    def _commit(self, group: Sequence[Submission]) -> LogFull | None:
        started = time.perf_counter()
        parts: dict[int, list[bytes]] = {}
        for submission in group:
            for partition, value in submission.records:
                parts.setdefault(partition, []).append(value)
        try:
            self._check_room(sum(submission.size for submission in group))
            if parts:
                self._writer.commit(frames_of(parts))
        except (sqlite3.Error, OSError, LogDamaged, LogFull, WrongLogError) as error:
            return self._refusal(error)
        finally:
            self._upkeep.take(self._writer.sealed)
        if self._failing_since is not None:
            logger.info("the log can be written again")
            self._failing_since = None
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        metrics.RECORDS.inc(sum(map(len, parts.values())))
        metrics.BYTES.inc(sum(len(value) for values in parts.values() for value in values))
        return None

    def _check_room(self, coming: int) -> None:
        """`LogFull` below the reserve. Looked up now and then only: it lets go of
        Python's global lock."""
        now = time.monotonic()
        self._since_room += coming
        if (
            self._failing_since is None
            and now - self._room_at < ROOM_S
            and self._since_room < self._options.min_free_bytes // 8
        ):
            return
        self._since_room = 0
        self._room_at = now
        free = files.free_bytes(self._options.directory)
        if free < self._options.min_free_bytes:
            raise LogFull(
                f"only {free} bytes are free where {self._options.directory} is; the log stops at "
                f"{self._options.min_free_bytes}. Make room, or shorten the log's retention.",
                retry_after_s=DISK_RETRY_S,
            )

    def _refusal(self, error: Exception) -> LogFull:
        metrics.REFUSED.labels("disk").inc()
        if isinstance(error, LogFull):
            refusal = error
        else:
            refusal = LogFull(f"the log cannot be written: {error}", retry_after_s=DISK_RETRY_S)
            refusal.__cause__ = error
        now = time.monotonic()
        if self._failing_since is None or now - self._failing_since > REPEAT_S:
            self._failing_since = now  # one line now and then, not one per commit
            logger.error("%s", refusal)
        return refusal

    def _finish(self, group: Sequence[Submission], error: LogFull | None) -> None:
        self._queue.done(group)
        metrics.QUEUE_BYTES.set(self._queue.bytes_waiting)
        self._tell(group, error)

    def _fail_waiting(self, reason: str) -> None:
        while group := self._queue.take(self._options.commit_bytes, 0.0):
            self._finish(group, LogFull(reason))

"""The writer of a stage's tables: gathers rows of all partitions and stores them about once a second,
where few come every two.

Delivery: events effectively once by log position, across retries and restarts of either
side (see sinks/positions.py); rows of the other tables replace what they repeat. The
order of a flush is events, sessions, identities, quarantine, ledger, and progress last:
what `progress` says is stored, is stored. Rows may be stored long before `flush` is
called; after `flush` returns, all that was added before it is.

Memory is bounded: two buffers of rows, one being filled and one being stored; adding
waits while both are full.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence

from clickhouse_driver import Client

from footfall.enrich.batch import EnrichedBatch
from footfall.sessions.row import SessionRow
from sinks import metrics
from sinks.buffer import Buffer, Day, Progress, Replayed
from sinks.clickhouse import StoreUnreachableError, identifier
from sinks.event_day import DAY_MS
from sinks.flusher import Flusher
from sinks.lookup import older_places
from sinks.positions import LogReplaced, StoredPositions
from sinks.progress import PendingProgress
from sinks.recovery import Recovery, StoreBehind
from sinks.rows import CountKey, IdentityRow, QuarantinedItem, ledger_rows, quarantine_row

BUFFER_ROWS = 50_000
# An insert costs the store as much for one row as for a hundred: so few wait somewhat longer for more.
FEW_ROWS = 100
FEW_FACTOR = 1.8
RETRY_LIMIT_S = 600.0
PROGRESS_SECONDS = 5.0
__all__ = ["LogReplaced", "StoreBehind", "StoreWriter", "StoredPositions"]
_PREFIX = re.compile(r"[a-z0-9-]{1,64}")


class StoreWriter:
    """One for each process and stage, shared by its partitions. Thread-safe."""

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        database: str,
        flush_seconds: float,
        query_prefix: str,
        cluster: str = "",
        buffer_rows: int = BUFFER_ROWS,
        retry_limit_s: float = RETRY_LIMIT_S,
        progress_seconds: float = PROGRESS_SECONDS,
        older_prefix: str = "",
        may_write: Callable[[], None] = lambda: None,
    ) -> None:
        """`query_prefix` (stage, flow and its directory) is the same in every life of a flow: by it a
        successor finds the inserts of its predecessor; `older_prefix`: those of an older version.
        `may_write` is called before each insert and raises where another has taken over."""
        if not _PREFIX.fullmatch(query_prefix):
            raise ValueError(f"query prefix {query_prefix!r}: use small letters, digits and hyphens")
        identifier(database)
        self._stage = query_prefix.partition("-")[0]
        self._flush_seconds = flush_seconds
        self._buffer_rows = buffer_rows
        self._limit_s = retry_limit_s
        self._flusher = Flusher(connect, database, self._stage, query_prefix, retry_limit_s, may_write, cluster)
        self._changed = threading.Condition()
        self._buffer = Buffer(1)
        self._storing: Buffer | None = None
        self._done = 0  # number of the last buffer stored
        self._wanted = 0  # number of the buffer somebody waits for
        self._closing = False
        self._error: BaseException | None = None
        self._results: dict[Day, tuple[int, int]] = {}
        self._heartbeats: dict[int, int] = {}
        self._ledger_versions: dict[int, int] = {}  # by partition
        self._stored_progress: dict[int, Progress] = {}  # at the start
        self._pending_progress = PendingProgress(progress_seconds)
        prefixes = [prefix for prefix in (query_prefix, older_prefix) if prefix]
        self._recovery = Recovery(connect, database, prefixes, retry_limit_s, cluster)
        metrics.STORE_OLDEST_SECONDS.labels(self._stage).set_function(self._oldest_seconds)
        self._thread = threading.Thread(target=self._run, name=f"store-{query_prefix}", daemon=True)
        self._thread.start()

    # Adding

    def add_events(
        self,
        batch: EnrichedBatch,
        visitor_id: int,
        places: Sequence[int] | None,
        late: Sequence[bool] | None,
        partition: int,
        offset: int,
        log_time: int,
        *,
        stored: StoredPositions | None = None,
        look_up_before: int = 0,
    ) -> None:
        """The events of one log record at the places of the batch's lists (None: all).

        Those that `stored` knows are left out and counted as stored. Those that occurred before
        `look_up_before` (ms), or whose id was made before it, are stored only if their event is not
        in the base table yet. Of a replay, those are stored that take the place of their own row.
        """
        wanted = range(len(batch)) if places is None else places
        given = len(wanted)
        if stored is not None:
            missing = stored.missing(offset, batch.index, log_time)
            if missing is not None:
                there = set(missing)
                wanted = places = [place for place in wanted if place in there]
        replay = batch.record.replay
        day = Day(partition, batch.record.site_id, log_time // DAY_MS, replay is not None)
        with self._changed:
            self._wait_for_room()
            if not batch.withdrawn:
                self._count(day, given - len(wanted), 0)
            if wanted:
                buffer = self._begun()
                buffer.events.add(batch, visitor_id, places, late, partition, offset, log_time)
                if not batch.withdrawn:
                    buffer.counts[day] = buffer.counts.get(day, 0) + len(wanted)
                if replay is not None:
                    for index in [batch.index[place] for place in wanted]:
                        origin = (replay.partition, replay.offset, index)
                        buffer.replayed[partition, offset, index] = Replayed(origin, batch.withdrawn, day)
                elif look_up_before:
                    for place in older_places(batch, wanted, look_up_before):
                        buffer.look_up[partition, offset, batch.index[place]] = day

    def add_sessions(self, rows: Sequence[SessionRow]) -> None:
        """Versions of sessions, withdrawals among them."""
        with self._changed:
            self._wait_for_room()
            self._begun().sessions.extend(rows)

    def add_identities(self, rows: Sequence[IdentityRow]) -> None:
        """Visitors who told who they are: (site, visitor, user, since in ms)."""
        with self._changed:
            self._wait_for_room()
            self._begun().identities.extend(rows)

    def add_quarantine(self, items: Sequence[tuple[int, int, int, QuarantinedItem]]) -> None:
        """(partition, offset, log time in ms, what)."""
        rows = [quarantine_row(*item) for item in items]
        with self._changed:
            self._wait_for_room()
            self._begun().quarantine.extend(rows)

    def set_ledger(self, partition: int, counts: Sequence[tuple[CountKey, int]]) -> None:
        """Absolute counts of a partition: they take the place of all told before, in earlier lives too."""
        with self._changed:
            version = self._ledger_versions[partition] = self._ledger_versions.get(partition, 0) + 1
            ledger = self._begun().ledger
            for row in ledger_rows(partition, version, counts):
                ledger[row[:5]] = row

    def progress(self, partition: int, next_offset: int, log_time: int, heartbeat_at: int) -> None:
        """All below `next_offset` was added; `heartbeat_at` 0: no heartbeat among it."""
        with self._changed:
            heartbeat_at = heartbeat_at or self._heartbeats.get(partition, 0)
            self._heartbeats[partition] = heartbeat_at
            self._begun().progress[partition] = Progress(next_offset, log_time, heartbeat_at)

    def alive(self, partition: int) -> None:
        """Tell the progress that is stored once more: what is read now is stored already."""
        with self._changed:
            self._begun().progress[partition] = self._stored_progress[partition]

    def _begun(self) -> Buffer:
        self._check()
        buffer = self._buffer
        if buffer.begun is None:
            buffer.begun = time.monotonic()
            self._changed.notify_all()
        return buffer

    def _wait_for_room(self) -> None:
        """Back-pressure: wait until the thread has taken the full buffer."""
        self._check()
        while self._buffer.rows >= self._buffer_rows:
            self._changed.notify_all()
            self._changed.wait(1.0)
            self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closing:
            raise RuntimeError("the store writer is closed")

    # Waiting and results

    def flush(self) -> None:
        """Return once everything added before is stored, its progress too.

        Raises what the writing thread met (`StoreUnreachableError` after the time allowed).
        """
        with self._changed:
            self._check()
            number = self._buffer.number
            self._wanted = max(self._wanted, number)
            self._changed.notify_all()
            while self._done < number:
                self._changed.wait(1.0)
                if self._error is not None:
                    raise self._error

    def take_results(self, partition: int) -> list[tuple[Day, int, int]]:
        """(where, stored, duplicate) of events since the last call: how many more are in the
        store, and how many were left out as their event was there already. Once each, also
        across restarts: what was stored in an earlier life is told when it is left out.
        Withdrawals are not counted."""
        with self._changed:
            mine = [day for day in self._results if day.partition == partition]
            return [(day, *self._results.pop(day)) for day in mine]

    def _count(self, day: Day, stored: int, duplicate: int) -> None:
        if stored or duplicate:
            before = self._results.get(day, (0, 0))
            self._results[day] = before[0] + stored, before[1] + duplicate

    def close(self) -> None:
        """Store what is left, then stop. Raises what the writing thread met."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(self._limit_s + 60.0)
        metrics.STORE_OLDEST_SECONDS.labels(self._stage).set(0)
        if self._error is not None:
            raise self._error
        if self._thread.is_alive():
            raise StoreUnreachableError("the store did not take the last rows; the log keeps them")

    def is_alive(self) -> bool:
        """Whether rows can be added: not closed, and nothing went wrong."""
        return self._thread.is_alive() and not self._closing

    def _oldest_seconds(self) -> float:
        for buffer in (self._storing, self._buffer):
            if buffer is not None and buffer.begun is not None:
                return time.monotonic() - buffer.begun
        return 0.0

    # Recovery

    def recover(self, partition: int, position: int) -> StoredPositions:
        """What of a partition is stored from `position` (the next offset to be written) on.

        Ends the predecessor's inserts first, so that the answer stays true. Raises `StoreBehind`
        if the store does not have all below `position`.
        """
        found = self._recovery.recover(partition, position)
        with self._changed:
            self._heartbeats.setdefault(partition, found.heartbeat_at)
            self._ledger_versions.setdefault(partition, found.ledger_version)
            self._stored_progress[partition] = found.progress
        return found.stored

    # The thread

    def _run(self) -> None:
        try:
            while (buffer := self._next_buffer()) is not None:
                self._store(buffer)
        except BaseException as error:  # noqa: BLE001 - raised again in whoever adds or waits
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            self._flusher.close()

    def _next_buffer(self) -> Buffer | None:
        """Wait until the buffer is due, and put an empty one in its place; None: closed and empty."""
        with self._changed:
            while (wait := self._seconds_left()) > 0:
                self._changed.wait(wait)
            buffer = self._buffer
            if self._closing and buffer.empty and self._pending_progress.empty:
                return None
            self._storing, self._buffer = buffer, Buffer(buffer.number + 1)
            self._changed.notify_all()
            return buffer

    def _seconds_left(self) -> float:
        """Until the buffer is to be stored."""
        buffer = self._buffer
        if self._closing or self._wanted >= buffer.number or buffer.rows >= self._buffer_rows:
            return 0.0
        now = time.monotonic()
        left = 60.0
        if buffer.begun is not None:
            left = buffer.begun + self._flush_seconds - now
            if left <= 0 and buffer.rows < FEW_ROWS:
                left = buffer.begun + FEW_FACTOR * self._flush_seconds - now
        if not self._pending_progress.empty:
            left = min(left, self._pending_progress.due_in(now))
        return left

    def _store(self, buffer: Buffer) -> None:
        begun = time.monotonic()
        results = self._flusher.store(buffer)
        self._pending_progress.add(buffer)
        with self._changed:
            due = self._closing or self._wanted >= buffer.number
        if due or self._pending_progress.due_in(begun) <= 0:
            self._pending_progress.store(self._flusher)
        metrics.STORE_FLUSH_SECONDS.labels(self._stage).observe(time.monotonic() - begun)
        metrics.STORE_BATCH_ROWS.labels(self._stage).observe(buffer.rows)
        with self._changed:
            self._storing = None
            self._done = buffer.number
            for day, (stored, duplicate) in results.items():
                self._count(day, stored, duplicate)
            self._changed.notify_all()

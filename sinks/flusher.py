"""Stores one buffer after another, each insert until it is in or the time allowed is over."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import TypeVar

from clickhouse_driver import Client

from sinks import metrics, positions
from sinks.buffer import Buffer, Day
from sinks.clickhouse import retrying, tokened
from sinks.cluster import sync
from sinks.event_block import EventBlock, Position
from sinks.event_columns import Encoder
from sinks.insert import insert_block
from sinks.lookup import duplicates, others_rows
from sinks.native import EncodedBlock, StringPieces
from sinks.rows import insert_rows, repair_rows
from sinks.session_block import encode_sessions

Answer = TypeVar("Answer")


class Flusher:
    """Effectively once for events: whenever an insert may have gone through unseen, the stored
    positions are read back and only the others are sent. Everything else is replacing,
    so that a repeated insert changes nothing. Used by one thread."""

    def __init__(
        self,
        connect: Callable[[], Client],
        database: str,
        stage: str,
        query_prefix: str,
        limit_s: float,
        may_write: Callable[[], None],
        cluster: str = "",
    ) -> None:
        self._connect = connect
        self._cluster = cluster
        self._client: Client | None = None
        self._database = database
        self._stage = stage
        self._prefix = query_prefix
        self._limit_s = limit_s
        self._may_write = may_write
        self._encoder = Encoder()
        self._pieces = StringPieces()

    def store(self, buffer: Buffer) -> dict[Day, tuple[int, int]]:
        """Store all rows of a buffer, progress excepted; how many events of each day were
        stored and how many were duplicates of stored ones."""
        events = buffer.events
        repeated: set[Position] = set()
        if buffer.look_up:
            repeated = self._try("events", lambda c: duplicates(c, self._database, events, buffer.look_up))
            metrics.STORE_SKIPPED.labels(self._stage, "duplicate").inc(len(repeated))
        if buffer.replayed:
            repeated |= self._try("events", lambda c: others_rows(c, self._database, events, buffer.replayed))
        if repeated:
            # They have entered open sessions by now: repair folds these anew, without them.
            self.store_rows("repair_list", repair_rows(events.live_visitors(repeated)))
            events = events.without(repeated)
        for part in events.parts():
            self._store_events(part)
        if buffer.sessions:
            self._store_block("sessions", encode_sessions(buffer.sessions, self._pieces))
        self.store_rows("identities", list(buffer.identities))
        self.store_rows("quarantine", buffer.quarantine)
        return _results(buffer, repeated)

    def store_rows(self, table: str, rows: list[tuple[object, ...]]) -> None:
        """Rows of a small table."""
        if rows:
            self._try(table, lambda c: insert_rows(c, self._database, table, rows, self.query_id()))
            metrics.STORE_ROWS.labels(self._stage, table).inc(len(rows))

    def _store_events(self, part: EventBlock) -> None:
        """The events of one partition of the table: one insert, which is atomic."""
        attempt = _Attempt(self, part)
        self._try("events", attempt)
        metrics.STORE_ROWS.labels(self._stage, "events").inc(part.rows)

    def _store_block(self, table: str, block: EncodedBlock) -> None:
        self._try(table, lambda c: insert_block(c, self._database, table, block, self.query_id()))
        metrics.STORE_ROWS.labels(self._stage, table).inc(block.rows)

    def send(
        self, client: Client, block: EventBlock, query_id: str, on_sending: Callable[[], None], token: str
    ) -> None:
        """One attempt to insert events of one partition of the table. Replicas take one block of a `token`
        only: should an attempt that was given up go through on another replica after all, it is one of two."""
        (encoded,) = block.encode(self._encoder)
        settings = tokened(token) if self._cluster else {}
        insert_block(client, self._database, "events", encoded, query_id, on_sending, settings)

    def not_stored(self, client: Client, block: EventBlock, query_id: str) -> EventBlock:
        """What of the block is still to be sent after an attempt whose outcome is unknown."""
        positions.kill_insert(client, query_id, self._cluster)
        sync(client, self._cluster, self._database, "events")
        stored = positions.stored_positions(client, self._database, block)
        metrics.STORE_SKIPPED.labels(self._stage, "stored").inc(len(stored))
        return block.without(stored) if stored else block

    def query_id(self) -> str:
        """A new id, by whose prefix a successor finds this flow's inserts."""
        return f"{self._prefix}:{uuid.uuid4()}"

    def _try(self, what: str, action: Callable[[Client], Answer]) -> Answer:
        def attempt(_number: int) -> Answer:
            if self._client is None:
                self._client = self._connect()
            self._may_write()
            return action(self._client)

        return retrying(attempt, limit_s=self._limit_s, what=what, on_retry=self._retried)

    def _retried(self, _error: BaseException) -> None:
        metrics.STORE_RETRIES.labels(self._stage).inc()

    def close(self) -> None:
        """Leave the store."""
        if self._client is not None:
            self._client.disconnect()


class _Attempt:
    """An insert of events, called again until it succeeds."""

    def __init__(self, flusher: Flusher, part: EventBlock) -> None:
        self._flusher = flusher
        self._rest = part
        self._unsure = ""  # query id of an attempt that may have gone through
        self._token = flusher.query_id()

    def __call__(self, client: Client) -> None:
        if self._unsure:
            rest = self._flusher.not_stored(client, self._rest, self._unsure)
            if rest is not self._rest:  # other rows are another block
                self._rest, self._token = rest, self._flusher.query_id()
            self._unsure = ""
        if not self._rest.rows:
            return
        query_id = self._flusher.query_id()

        def on_sending() -> None:
            self._unsure = query_id

        self._flusher.send(client, self._rest, query_id, on_sending, self._token)


def _results(buffer: Buffer, repeated: Iterable[Position]) -> dict[Day, tuple[int, int]]:
    """Events per day: (stored, duplicates)."""
    results = {day: (count, 0) for day, count in buffer.counts.items()}
    for position in repeated:
        replayed = buffer.replayed.get(position)
        if replayed is not None and replayed.withdrawn:
            continue
        day = buffer.look_up[position] if replayed is None else replayed.day
        stored, duplicate = results[day]
        results[day] = stored - 1, duplicate + 1
    return results

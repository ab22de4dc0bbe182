"""Live counters: admitted chunks to absolute values in Redis.

Delivery: at most a moment behind and never adding up: every value is absolute, so a
replay or a wiped Redis comes right again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from bytewax.operators import StatefulBatchLogic

from flows.items import Admitted, AdmittedChunk
from footfall.live import LiveShard
from sinks.live import LiveWriter

WriterFactory = Callable[[str], LiveWriter]  # of a stage
# Values are worked out at most this often: a busy flow has a thousand chunks a second.
PUT_EVERY_S = 0.1


class LiveLogic(StatefulBatchLogic[AdmittedChunk, None, "bytes | None"]):
    """One partition's live counters. Bytewax does not tell a logic its key: the first
    chunk does."""

    def __init__(self, writer: WriterFactory, resume: bytes | None) -> None:
        self._writer = writer
        self._resume = resume
        self._shard: LiveShard | None = None
        self._stage = ""
        self._put_at = 0.0  # monotonic clock

    def on_batch(self, values: list[AdmittedChunk]) -> tuple[Iterable[None], bool]:
        """Absorb, then hand on what changed, now or soon."""
        key = values[0].key
        self._stage = key.stage
        shard = self._shard
        if shard is None:
            shard = LiveShard(key.partition) if self._resume is None else LiveShard.restore(self._resume)
            self._shard, self._resume = shard, None
        for chunk in values:
            for item in chunk.admitted:
                shard.absorb(item.batch, item.visitor_id, item.log_time, live_places(item))
            shard.advance(chunk.log_time)
        if time.monotonic() >= self._put_at + PUT_EVERY_S:
            self._put(shard)
        return (), StatefulBatchLogic.RETAIN

    def on_notify(self) -> tuple[Iterable[None], bool]:
        """Hand on what changed since the last time."""
        if self._shard is not None:
            self._put(self._shard)
        return (), StatefulBatchLogic.RETAIN

    def notify_at(self) -> datetime | None:
        """When values that were kept back are due."""
        if self._shard is None or not self._shard.dirty:
            return None
        return datetime.now(UTC) + timedelta(seconds=self._put_at + PUT_EVERY_S - time.monotonic())

    def _put(self, shard: LiveShard) -> None:
        self._writer(self._stage).put(shard.take())
        self._put_at = time.monotonic()

    def snapshot(self) -> bytes | None:
        """The shard's state."""
        return self._resume if self._shard is None else self._shard.snapshot()


def live_places(item: Admitted) -> list[int] | None:
    """Which of the batch's events are neither duplicate nor late; None: all."""
    if item.late is None:
        return item.places
    places = range(len(item.batch)) if item.places is None else item.places
    return [place for place in places if not item.late[place]]

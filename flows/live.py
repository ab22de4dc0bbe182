"""Live counters: admitted chunks to absolute values in Redis.

Delivery: at most a moment behind and never adding up: every value is absolute, so a
replay or a wiped Redis comes right again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bytewax.operators import StatefulBatchLogic

from flows.items import Admitted, AdmittedChunk
from footfall.live import LiveShard
from sinks.live import LiveWriter

WriterFactory = Callable[[str], LiveWriter]  # of a stage


class LiveLogic(StatefulBatchLogic[AdmittedChunk, None, "bytes | None"]):
    """One partition's live counters. Bytewax does not tell a logic its key: the first
    chunk does."""

    def __init__(self, writer: WriterFactory, resume: bytes | None) -> None:
        self._writer = writer
        self._resume = resume
        self._shard: LiveShard | None = None

    def on_batch(self, values: list[AdmittedChunk]) -> tuple[Iterable[None], bool]:
        """Absorb, then hand on what changed."""
        key = values[0].key
        shard = self._shard
        if shard is None:
            shard = LiveShard(key.partition) if self._resume is None else LiveShard.restore(self._resume)
            self._shard, self._resume = shard, None
        for chunk in values:
            for item in chunk.admitted:
                shard.absorb(item.batch, item.visitor_id, item.log_time, live_places(item))
            shard.advance(chunk.log_time)
        self._writer(key.stage).put(shard.take())
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> bytes | None:
        """The shard's state."""
        return self._resume if self._shard is None else self._shard.snapshot()


def live_places(item: Admitted) -> list[int] | None:
    """Which of the batch's events are neither duplicate nor late; None: all."""
    if item.late is None:
        return item.places
    places = range(len(item.batch)) if item.places is None else item.places
    return [place for place in places if not item.late[place]]

"""Live counters: admitted chunks to absolute values in Redis.

Delivery: at most a moment behind and never adding up: every value is absolute, so a
replay or a wiped Redis comes right again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bytewax.operators import StatefulBatchLogic

from flows.items import AdmittedChunk
from footfall.live import LiveShard
from sinks.live import LiveWriter

WriterFactory = Callable[[str], LiveWriter]  # of a stage


class LiveLogic(StatefulBatchLogic[AdmittedChunk, None, object]):
    """One partition's live counters."""

    def __init__(self, writer: WriterFactory, resume: object | None) -> None:
        self._writer = writer
        self._shard = LiveShard() if resume is None else LiveShard.restore(resume)

    def on_batch(self, values: list[AdmittedChunk]) -> tuple[Iterable[None], bool]:
        """Absorb, then hand on what changed."""
        for chunk in values:
            for item in chunk.admitted:
                if not item.backfill:
                    self._shard.absorb(item.batch, item.visitor_id, item.places, item.late, item.log_time)
            writer = self._writer(chunk.key.stage)
            writer.put(chunk.key.partition, self._shard.advance(chunk.log_time))
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> object:
        """The shard's state."""
        return self._shard.snapshot()

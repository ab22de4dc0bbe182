"""The program: from the raw log to the sinks, in one Bytewax dataflow.

Delivery: effectively once into ClickHouse (see flows.sink); live counters are absolute.

Step names are the keys of recovery state: never rename one (state under the old name
would be lost without a word). A new flow is a module with its logic and one line here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic

from flows.archiving import ArchiveSink, OpenSpool
from flows.beginning import Beginnings
from flows.enriching import SiteLookup, enrich_chunk, enrich_record
from flows.faults import FaultWindow, read_earlier
from flows.items import AdmittedChunk, EnrichedChunk, EnrichedRecord, PartitionKey, RawChunk
from flows.live import LiveLogic
from flows.live import WriterFactory as LiveWriterFactory
from flows.metrics import FlowStats, PartitionStats, now
from flows.partition import LoadBatches, PartitionLogic, PartitionPolicy, PartitionState
from flows.session_state import SessionState
from flows.shipping import Shipper
from flows.sink import StoreSink
from flows.sink import WriterFactory as StoreWriterFactory
from flows.source import LogSource, ReaderFactory
from flows.state_file import StateFile
from footfall.enrich.context import Context


@dataclass(frozen=True, slots=True)
class Parts:
    """What a flow is built from; tests hand in their own."""

    keys: list[PartitionKey]
    open_reader: ReaderFactory
    sites: SiteLookup
    context: Context
    policy: PartitionPolicy
    load_batches: LoadBatches
    store_writer: StoreWriterFactory
    live_writer: LiveWriterFactory
    stop: threading.Event
    beginnings: Beginnings | None = None  # of partitions without recovery state; None: the log's beginning
    drained: Collection[PartitionKey] = ()  # of the keys: read no more
    unsure_until: Callable[[PartitionKey], int] = lambda _key: 0  # ms, see `PartitionLogic`
    state_dir: Path | None = None  # of open sessions; None: inside Bytewax's recovery state
    stats: FlowStats = field(default_factory=FlowStats)
    stop_ratio: float = 0.0  # share of events that may fail, see flows.faults; 0: any
    archive: tuple[OpenSpool, Shipper] | None = None  # None: no raw archive is kept

    def earlier(self, key: PartitionKey, first: int, end: int) -> list[EnrichedRecord]:
        """Records of the log that were processed before, enriched once more."""
        reader = self.open_reader(key.stage)
        try:
            found = read_earlier(reader, key.partition, first, end)
            return [enrich_record(raw, self.sites, self.context) for raw in found]
        finally:
            reader.close()


class AdmitLogic(StatefulBatchLogic[EnrichedChunk, AdmittedChunk, "PartitionState | None"]):
    """Bytewax's face of `PartitionLogic`. Nothing happens at the end of input: a resumed
    run goes on with the open sessions.

    Bytewax does not tell a logic its key: the first chunk does.
    """

    def __init__(self, parts: Parts, resume: PartitionState | None) -> None:
        self._parts = parts
        self._resume = resume
        self._logic: PartitionLogic | None = None
        self._faults: FaultWindow | None = None
        self._stats = PartitionStats()

    def on_batch(self, values: list[EnrichedChunk]) -> tuple[Iterable[AdmittedChunk], bool]:
        """Admit chunk by chunk."""
        if self._logic is None:
            parts, key = self._parts, values[0].key
            state = None if parts.state_dir is None else SessionState(StateFile(parts.state_dir / str(key)))
            unsure = partial(parts.unsure_until, key)
            self._logic = PartitionLogic(
                key, parts.policy, parts.load_batches, self._resume, state, unsure_until=unsure
            )
            self._resume = None
            self._stats = parts.stats.of(key)
            self._faults = FaultWindow(key, parts.stop_ratio, partial(parts.earlier, key))
        return self._admit(self._logic, values), StatefulBatchLogic.RETAIN

    def _admit(self, logic: PartitionLogic, values: list[EnrichedChunk]) -> list[AdmittedChunk]:
        stats, out = self._stats, []
        for chunk in values:
            if self._faults is not None:
                self._faults.look(chunk.records)
            out.append(logic.admit(chunk))
            stats.admitted(chunk, out[-1])
        stats.open_sessions, stats.open_visitors = len(logic.sessions), logic.sessions.visitors
        stats.batches_since = logic.batches_since
        return out

    def snapshot(self) -> PartitionState | None:
        """The partition's state."""
        if self._logic is None:
            return self._resume
        began = now()
        state = self._logic.snapshot()
        self._stats.snapshot_s["admit"] = now() - began
        return state


def build(parts: Parts) -> Dataflow:
    """The dataflow of one process."""

    def enrich_batch(chunks: list[RawChunk]) -> Iterable[tuple[str, EnrichedChunk]]:
        return [(str(chunk.key), enrich_chunk(chunk, parts.sites, parts.context)) for chunk in chunks]

    flow = Dataflow("footfall")
    raw = op.input(
        "raw", flow, LogSource(parts.keys, parts.open_reader, parts.stop, parts.beginnings, parts.drained)
    )
    enriched = op.flat_map_batch("enrich", raw, enrich_batch)
    admitted = op.stateful_batch("admit", enriched, lambda resume: AdmitLogic(parts, resume))
    op.stateful_batch("live", admitted, lambda resume: LiveLogic(parts.live_writer, resume))
    op.output(
        "store", admitted, StoreSink(parts.keys, parts.store_writer, parts.stats, parts.beginnings, parts.drained)
    )
    if parts.archive is not None:
        parts.stats.archive = parts.archive[1]
        op.output("archive", admitted, ArchiveSink(parts.keys, *parts.archive))
    return flow

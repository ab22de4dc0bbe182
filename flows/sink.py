"""The store as a Bytewax sink.

Delivery: effectively once. Rows carry their log position; after a restart exactly the
positions that are already stored are left out. `snapshot` returns only once everything
before it is stored, so the recovered position never runs ahead of the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from flows.items import AdmittedChunk, Count, PartitionKey
from flows.metrics import RECEIVED, REPLAYED, FlowStats, PartitionStats, now
from sinks.writer import StoreWriter

LEDGER_DAYS = 2

WriterFactory = Callable[[str], StoreWriter]  # of a stage


class SinkState(NamedTuple):
    """The recovery snapshot: the position after the last stored record, and the ledger."""

    version: int
    next_offset: int
    ledger: tuple[tuple[Count, int], ...]


class StorePartition(StatefulSinkPartition[AdmittedChunk, SinkState]):
    """Writes one log partition's rows through the process's shared writer."""

    def __init__(
        self, key: PartitionKey, writer: StoreWriter, resume: SinkState | None, stats: PartitionStats
    ) -> None:
        self._key = key
        self._stats = stats
        self._writer = writer
        self._next_offset = resume.next_offset if resume else 0
        self._ledger: dict[Count, int] = dict(resume.ledger) if resume else {}
        self._stored = writer.recover(key.partition, self._next_offset)
        self._tell(set(self._ledger))  # what was counted but not yet told before the restart

    def write_batch(self, values: list[AdmittedChunk]) -> None:
        """Hand the rows to the writer; waits while the store cannot keep up."""
        for chunk in values:
            self._write(chunk)

    def _write(self, chunk: AdmittedChunk) -> None:
        writer, partition = self._writer, self._key.partition
        for item in chunk.admitted:
            writer.add_events(
                item.batch, item.visitor_id, item.places, item.late, partition, item.offset, item.log_time,
                stored=self._stored, look_up_before=chunk.look_up_before,
            )  # fmt: skip
        if chunk.sessions:
            writer.add_sessions(chunk.sessions)
        if chunk.identities:
            writer.add_identities(chunk.identities)
        if chunk.quarantined:
            writer.add_quarantine([(partition, offset, at, item) for offset, at, item in chunk.quarantined])
        self._count(chunk)
        self._stats.written(chunk)
        # One less: the next chunk may hold records of this chunk's last millisecond, and
        # readers of `progress` rely on all rows up to its log time being stored.
        writer.progress(partition, chunk.next_offset, chunk.log_time - 1, chunk.heartbeat_at)
        self._next_offset = chunk.next_offset

    def _count(self, chunk: AdmittedChunk) -> None:
        """Add to the absolute counts, and pass on what changed."""
        changed = self._take_results()
        for place, number in chunk.counts.items():
            self._ledger[place] = self._ledger.get(place, 0) + number
            changed.add(place)
        self._tell(changed)

    def _take_results(self) -> set[Count]:
        """What the writer found when it stored: really new, or stored long before."""
        changed = set()
        for day, stored, duplicate in self._writer.take_results(self._key.partition):
            outcomes = REPLAYED if day.replayed else RECEIVED
            for (outcome, reason), number in zip(outcomes, (stored, duplicate), strict=True):
                if number:
                    self._stats.stored(outcome, reason, number)
                    place = Count(day.site_id, day.day, outcome, reason)
                    self._ledger[place] = self._ledger.get(place, 0) + number
                    changed.add(place)
        return changed

    def _tell(self, changed: set[Count]) -> None:
        if changed:
            counts = [(place, self._ledger[place]) for place in changed]
            self._writer.set_ledger(self._key.partition, counts)
            self._forget_old_days(max(place.day for place in changed))

    def _forget_old_days(self, today: int) -> None:
        if any(place.day <= today - LEDGER_DAYS for place in self._ledger):
            self._ledger = {p: n for p, n in self._ledger.items() if p.day > today - LEDGER_DAYS}

    def snapshot(self) -> SinkState:
        """Wait until everything written so far is stored."""
        began = now()
        self._writer.flush()
        self._tell(self._take_results())
        self._stats.recovery_point(began, now())
        return SinkState(1, self._next_offset, tuple(self._ledger.items()))


class StoreSink(FixedPartitionedSink[AdmittedChunk, SinkState]):
    """One sink partition per log partition."""

    def __init__(self, keys: list[PartitionKey], writer: WriterFactory, stats: FlowStats) -> None:
        self._places = {text: place for place, text in enumerate(sorted(str(key) for key in keys))}
        self._writer = writer
        self._stats = stats

    def list_parts(self) -> list[str]:
        """The partition keys."""
        return list(self._places)

    def part_fn(self, item_key: str) -> int:
        """The place of the item's own partition among all, which Bytewax sorts by name."""
        return self._places[item_key]

    def build_part(self, step_id: str, for_part: str, resume_state: SinkState | None) -> StorePartition:  # noqa: ARG002 - Bytewax's signature
        """Begin after the recovered position, knowing what is stored beyond it."""
        key = PartitionKey.parse(for_part)
        return StorePartition(key, self._writer(key.stage), resume_state, self._stats.of(key))

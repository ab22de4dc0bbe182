"""The store as a Bytewax sink.

Delivery: effectively once. Rows carry their log position; after a restart exactly the
positions that are already stored are left out. `snapshot` returns only once everything
before it is stored, so the recovered position never runs ahead of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bytewax.outputs import StatefulSinkPartition

from flows.beginning import Beginning, Beginnings
from flows.items import Admitted, AdmittedChunk, Count, PartitionKey
from flows.metrics import RECEIVED, REPLAYED, FlowStats, PartitionStats, now
from flows.partitioned_sink import PartitionedSink
from sinks.buffer import Day
from sinks.writer import StoredPositions, StoreWriter

LEDGER_DAYS = 2
DAY_MS = 86_400_000
NEW = Beginning(0)
NO_COUNTS: Mapping[Count, int] = MappingProxyType({})

WriterFactory = Callable[[str], StoreWriter]  # of a stage


class SinkState(NamedTuple):
    """The recovery snapshot: the position after the last stored record, and the ledger."""

    version: int
    next_offset: int
    ledger: tuple[tuple[Count, int], ...]
    begin: Beginning | None = None  # while what was stored before this flow's state began is read again


class StorePartition(StatefulSinkPartition[AdmittedChunk, SinkState | None]):
    """Writes one log partition's rows through the process's shared writer."""

    def __init__(
        self,
        key: PartitionKey,
        writer: StoreWriter,
        resume: SinkState | None,
        stats: PartitionStats,
        begin: Beginning = NEW,
        ledger: Mapping[Count, int] = NO_COUNTS,
    ) -> None:
        """Without `resume`: where the partition begins, and the counts to go on from."""
        self._key = key
        self._stats = stats
        self._writer = writer
        self._begin = (resume.begin or NEW) if resume else begin
        self._next_offset = resume.next_offset if resume else min(begin.offset, begin.stored)
        self._ledger: dict[Count, int] = dict(resume.ledger if resume else ledger)
        self._again = self._next_offset < self._begin.stored  # what is read is stored already
        self._untold = set(self._ledger)  # what was counted but not yet told before the restart
        self._stored = writer.recover(key.partition, self._next_offset)
        self._tell(self._take_results())

    def write_batch(self, values: list[AdmittedChunk]) -> None:
        """Hand the rows to the writer; waits while the store cannot keep up."""
        for chunk in values:
            if chunk.next_offset <= self._begin.stored:
                self._count_again(chunk)
            else:
                self._again = False
                self._write(chunk)

    def _count_again(self, chunk: AdmittedChunk) -> None:
        """All of it is stored, and what became of it: only its counts are to be told once more."""
        counts = dict(chunk.counts)
        for item in chunk.admitted:
            if not item.batch.withdrawn:
                for place, number in self._seen(self._day(item), *_split(item, self._stored)).items():
                    counts[place] = counts.get(place, 0) + number
        if self._begin.recount:
            self._untold |= self._add(counts)
        self._writer.alive(self._key.partition)
        self._next_offset = chunk.next_offset

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
        self._tell(self._take_results() | self._add(chunk.counts))

    def _add(self, counts: Mapping[Count, int]) -> set[Count]:
        """Those of days whose counts are not whole in what this flow reads stay as they are stored."""
        changed = {place for place, number in counts.items() if number and place.day >= self._begin.ledger_from}
        for place in changed:
            self._ledger[place] = self._ledger.get(place, 0) + counts[place]
        return changed

    def _take_results(self) -> set[Count]:
        """What the writer found when it stored: really new, or stored long before; and what was not told yet."""
        changed: set[Count] = set()
        if not self._again:
            changed, self._untold = self._untold, changed
        for result in self._writer.take_results(self._key.partition):
            changed |= self._add(self._seen(*result))
        return changed

    def _seen(self, day: Day, stored: int, duplicate: int) -> dict[Count, int]:
        """What became of events, as the ledger counts it."""
        found = {}
        outcomes = REPLAYED if day.replayed else RECEIVED
        for (outcome, reason), number in zip(outcomes, (stored, duplicate), strict=True):
            if number:
                self._stats.stored(outcome, reason, number)
                found[Count(day.site_id, day.day, outcome, reason)] = number
        return found

    def _day(self, item: Admitted) -> Day:
        record = item.batch.record
        return Day(self._key.partition, record.site_id, item.log_time // DAY_MS, record.replay is not None)

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
        begin = self._begin if self._again else None
        return SinkState(1, self._next_offset, tuple(self._ledger.items()), begin)


class DrainedPartition(StatefulSinkPartition[AdmittedChunk, SinkState | None]):
    """Of a partition that is read no more: it keeps its state, for the case that it is again."""

    def __init__(self, resume: SinkState | None) -> None:
        self._state = resume

    def write_batch(self, values: list[AdmittedChunk]) -> None:
        """Nothing comes."""
        assert not values

    def snapshot(self) -> SinkState | None:
        """What it was resumed with."""
        return self._state


class StoreSink(PartitionedSink[AdmittedChunk, SinkState | None]):
    """One sink partition per log partition."""

    def __init__(
        self,
        keys: list[PartitionKey],
        writer: WriterFactory,
        stats: FlowStats,
        beginnings: Beginnings | None = None,
        drained: Collection[PartitionKey] = (),
    ) -> None:
        """`beginnings`: as for `flows.source.LogSource`."""
        super().__init__(keys)
        self._drained = drained
        self._beginnings = beginnings
        self._writer = writer
        self._stats = stats

    def build_part(
        self,
        step_id: str,  # noqa: ARG002 - Bytewax's signature
        for_part: str,
        resume_state: SinkState | None,
    ) -> StorePartition | DrainedPartition:
        """Begin after the recovered position, knowing what is stored beyond it."""
        key = PartitionKey.parse(for_part)
        if key in self._drained:
            return DrainedPartition(resume_state)
        writer, stats = self._writer(key.stage), self._stats.of(key)
        if resume_state is not None or self._beginnings is None:
            return StorePartition(key, writer, resume_state, stats)
        begin = self._beginnings.of(key)
        return StorePartition(key, writer, None, stats, begin, self._beginnings.ledger(key, begin))


def _split(item: Admitted, stored: StoredPositions) -> tuple[int, int]:
    """How many of a record's admitted events are stored, and how many are not: those were found to be
    duplicates of others when they were written."""
    places = range(len(item.batch)) if item.places is None else item.places
    missing = stored.missing(item.offset, item.batch.index, item.log_time)
    left = len(places) if missing is None else len(set(missing).intersection(places))
    return len(places) - left, left

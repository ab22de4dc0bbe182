"""What a flow counts: plain integers, one update a chunk, turned into metrics when asked.

Counts are of this process's life; over restarts the ledger in the store is what adds up.
At rest (nothing on its way) they add up too: received = rejected + accepted, accepted =
stored + duplicate + dropped + quarantined, and what one step gives the next takes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from flows.items import Admitted, AdmittedChunk, EnrichedChunk, PartitionKey
from footfall.names import Outcome

PLACE = ("stage", "partition")
STEPS = ("enrich", "admit", "store")


# What the writer tells, as the ledger counts it: stored, stored long before.
RECEIVED = ((Outcome.STORED, ""), (Outcome.DUPLICATE, "stored_before"))
REPLAYED = ((Outcome.REPLAYED, "stored"), (Outcome.REPLAYED, "duplicate"))


def events_of(item: Admitted) -> int:
    """How many events go to the store; a withdrawal is none."""
    if item.batch.withdrawn:
        return 0
    return len(item.batch if item.places is None else item.places)


class PartitionStats:
    """One partition's counts. Written by the worker's thread, read by whoever asks."""

    def __init__(self) -> None:
        self.records = 0
        self.late = 0
        self.taken = dict.fromkeys(STEPS, 0)  # events
        self.given = dict.fromkeys(STEPS, 0)
        self.outcomes: Counter[tuple[str, str]] = Counter()  # (outcome, reason)
        self.log_time = 0  # ms
        self.batches_since = 0  # ms of log time from which on batch ids are remembered
        self.open_sessions = 0
        self.open_visitors = 0
        self.snapshot_s = {"admit": 0.0, "store": 0.0}
        self.epoch_s = 0.0
        self.recovery_point_at = 0.0  # seconds since 1970; 0: none yet

    def admitted(self, enriched: EnrichedChunk, out: AdmittedChunk) -> None:
        """A chunk went through enrichment and admission."""
        accepted = sum([record.accepted for record in enriched.records])
        kept = sum([len(record.batch) for record in enriched.records if record.batch is not None])
        admitted = sum([events_of(one) for one in out.admitted])
        self.records += len(enriched.records)
        self.taken["enrich"] += accepted
        self.given["enrich"] += kept
        self.taken["admit"] += kept
        self.given["admit"] += admitted
        self.late += sum([sum(one.late) for one in out.admitted if one.late is not None and events_of(one)])
        self.log_time = out.log_time

    def written(self, chunk: AdmittedChunk) -> None:
        """A chunk was handed to the store's writer."""
        self.taken["store"] += sum([events_of(one) for one in chunk.admitted])
        for place, number in chunk.counts.items():
            self.outcomes[place.outcome, place.reason] += number

    def stored(self, outcome: Outcome, reason: str, number: int) -> None:
        """The writer told what became of events."""
        if (outcome, reason) in (RECEIVED[0], REPLAYED[0]):
            self.given["store"] += number
        self.outcomes[outcome, reason] += number

    def recovery_point(self, began: float, ended: float) -> None:
        """Everything up to here is stored; seconds since 1970."""
        if self.recovery_point_at:
            self.epoch_s = ended - self.recovery_point_at
        self.recovery_point_at = ended
        self.snapshot_s["store"] = ended - began


class ArchiveStats(Protocol):
    """What the archive's shipper counts."""

    limit: int
    used: int
    objects: int
    lost: int


class FlowStats(Collector):
    """All partitions of one process."""

    archive: ArchiveStats | None = None

    def __init__(self) -> None:
        self._partitions: dict[PartitionKey, PartitionStats] = {}

    def of(self, key: PartitionKey) -> PartitionStats:
        """The partition's counts."""
        return self._partitions.setdefault(key, PartitionStats())

    def collect(self) -> Iterator[Metric]:
        """For prometheus_client."""
        found = [((key.stage, str(key.partition)), stats) for key, stats in list(self._partitions.items())]
        yield _counter("records", "Log records read.", PLACE, [(at, one.records) for at, one in found])
        steps = [((*at, step), one.taken[step]) for at, one in found for step in STEPS]
        yield _counter("events_in", "Events a step took.", (*PLACE, "step"), steps)
        steps = [((*at, step), one.given[step]) for at, one in found for step in STEPS]
        yield _counter(
            "events_out", "Events a step gave on; store: those that are in the store.", (*PLACE, "step"), steps
        )
        told = "Events by what became of them; reasons are in docs/reasons.md."
        outcomes = [((*at, *which), n) for at, one in found for which, n in list(one.outcomes.items())]
        yield _counter("events", told, (*PLACE, "outcome", "reason"), outcomes)
        told = "Events that arrived later than the allowed lateness, or were imported: repair counts them."
        yield _counter("late_events", told, PLACE, [(at, one.late) for at, one in found])
        told = "Log time of the newest record read; its age is time() minus this."
        yield _gauge(
            "log_time_seconds", told, PLACE, [(at, one.log_time / 1000) for at, one in found if one.log_time]
        )
        yield _gauge(
            "open_sessions", "Sessions that may go on.", PLACE, [(at, one.open_sessions) for at, one in found]
        )
        told = "Visitors with an open session."
        yield _gauge("open_visitors", told, PLACE, [(at, one.open_visitors) for at, one in found])
        told = "How long batch ids have been remembered, in log time: retries older than this are looked up."
        horizons = [(at, (one.log_time - one.batches_since) / 1000) for at, one in found if one.batches_since]
        yield _gauge("duplicate_horizon_seconds", told, PLACE, horizons)
        told = "Time from the last recovery point but one to the last."
        yield _gauge("epoch_seconds", told, PLACE, [(at, one.epoch_s) for at, one in found])
        told = "Time a step took for the last recovery point."
        snapshots = [((*at, step), s) for at, one in found for step, s in one.snapshot_s.items()]
        yield _gauge("snapshot_seconds", told, (*PLACE, "step"), snapshots)
        told = "When the last recovery point was made (Unix time)."
        points = [(at, one.recovery_point_at) for at, one in found if one.recovery_point_at]
        yield _gauge("recovery_point_timestamp_seconds", told, PLACE, points)
        yield from self._of_archive()

    def _of_archive(self) -> Iterator[Metric]:
        stats = self.archive

        def rows(number: Callable[[ArchiveStats], int]) -> Rows:
            return [((), number(stats))] if stats is not None else []

        told = "Bytes of the raw archive on this machine that wait for the object store."
        yield _gauge("archive_spool_bytes", told, (), rows(lambda one: one.used))
        told = "Size at which the flow waits for it."
        yield _gauge("archive_spool_limit_bytes", told, (), rows(lambda one: one.limit))
        told = "Objects of the raw archive written."
        yield _counter("archive_objects", told, (), rows(lambda one: one.objects))
        told = "Files of the spool that could not be read: their records are not archived."
        yield _counter("archive_lost_segments", told, (), rows(lambda one: one.lost))


Rows = Sequence[tuple[tuple[str, ...], float]]


def _counter(name: str, told: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(f"footfall_flow_{name}", told, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def _gauge(name: str, told: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(f"footfall_flow_{name}", told, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def now() -> float:
    """The wall clock, for what is shown only; no decision reads it."""
    return time.time()

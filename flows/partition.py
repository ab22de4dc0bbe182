"""What a flow keeps per log partition: batches seen, open sessions, ledger counts.

Delivery: exactly once. All of this state is a function of the log up to the snapshot's
position; batch keys alone are not in the snapshot, they are read back from the store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import Struct

from flows.items import (
    Admitted,
    AdmittedChunk,
    Archived,
    Count,
    EnrichedChunk,
    EnrichedRecord,
    Identity,
    PartitionKey,
)
from flows.session_state import SessionState, require_inline
from footfall.duplicates import LIMIT, BatchMemory
from footfall.enrich.batch import EnrichedBatch
from footfall.generations import RETRY_MS
from footfall.names import EventName, IdKind, LostReason, Outcome, Source
from footfall.sessions import Policy, SessionShard, Snapshot

DAY_MS = 86_400_000
BACKFILL = (Source.IMPORT, Source.REPLAY)
IDENTIFY = EventName.IDENTIFY.value

# (partition, before this offset, since this log time) -> (batch key, log time), oldest first
LoadBatches = Callable[[PartitionKey, int, int], Iterable[tuple[int, int]]]


class PartitionState(NamedTuple):
    """The recovery snapshot. Versioned by `SessionShard`'s own encoding and this tuple's first field.

    `sessions` is the token of a state file, or without one the sessions themselves.
    """

    version: int
    next_offset: int
    log_time: int
    sessions: Snapshot
    quarantined_today: tuple[tuple[str, int, int], ...]  # site, day, count


class PartitionPolicy(Struct, frozen=True):
    """The settings that decide what happens to an event."""

    sessions: Policy
    duplicate_horizon_ms: int
    quarantine_per_site_per_day: int
    archive: bool = False  # whether chunks carry what the raw archive keeps


class PartitionLogic:
    """Admits enriched records one by one, in log order."""

    def __init__(
        self,
        key: PartitionKey,
        policy: PartitionPolicy,
        load: LoadBatches,
        resume: PartitionState | None,
        state: SessionState | None = None,
        *,
        unsure_until: Callable[[], int] = lambda: 0,
    ) -> None:
        """`unsure_until`: what occurred before this (ms) may be stored of another partition, of which
        this one's memory of batches does not know."""
        self._key = key
        self._policy = policy
        self._unsure_until = unsure_until
        self._batches = BatchMemory(policy.duplicate_horizon_ms)
        self._next_offset = 0
        self._log_time = 0
        self._quarantined: dict[tuple[str, int], int] = {}
        self._state = state
        sessions = None if resume is None else resume.sessions
        if state is not None:
            self.sessions = state.open(sessions, policy.sessions)
        elif sessions is None:
            self.sessions = SessionShard(policy.sessions)
        else:
            self.sessions = SessionShard.restore(require_inline(sessions), policy.sessions)
        if resume is not None:
            self._restore(resume, load)

    def _restore(self, resume: PartitionState, load: LoadBatches) -> None:
        self._next_offset, self._log_time = resume.next_offset, resume.log_time
        self._quarantined = {(site, day): count for site, day, count in resume.quarantined_today}
        since = resume.log_time - self._policy.duplicate_horizon_ms
        known = list(load(self._key, resume.next_offset, since))
        # A load that was cut is complete from its oldest batch on only.
        self._batches.start(known[0][1] if len(known) >= LIMIT else since)
        for batch_key, log_time in known:
            self._batches.seen(batch_key, log_time)

    @property
    def batches_since(self) -> int:
        """Log time (ms) from which on batch ids are remembered; 0 before the first record."""
        return self._batches.oldest

    def snapshot(self) -> PartitionState:
        """An immutable picture of the state; cheap for what was not touched since the last."""
        counts = tuple((site, day, count) for (site, day), count in self._quarantined.items())
        sessions = self.sessions.snapshot() if self._state is None else self._state.snapshot(self.sessions)
        return PartitionState(1, self._next_offset, self._log_time, sessions, counts)

    def admit(self, chunk: EnrichedChunk) -> AdmittedChunk:
        """What the chunk's records become."""
        last = chunk.records[-1]
        if not self._batches.oldest:
            # Complete from the first record read on, be it a heartbeat: what is younger need not be looked up.
            self._batches.start(chunk.records[0].log_time)
        out = AdmittedChunk(self._key, last.offset + 1, last.log_time, counts=defaultdict(int))
        accepted: dict[tuple[str, int], int] = defaultdict(int)  # by site and day: a `Count` for each costs more
        for record in chunk.records:
            # A broker's clock may be set back, and a new reader does not know how far time had come.
            self._log_time = record.log_time = max(self._log_time, record.log_time)
            if record.heartbeat_at:
                out.heartbeat_at = record.heartbeat_at
            else:
                if not record.replayed:
                    accepted[record.site_id, record.log_time // DAY_MS] += record.accepted
                self._admit_record(record, out)
        for (site_id, day), number in accepted.items():
            if number:
                out.counts[Count(site_id, day, Outcome.ACCEPTED, "")] += number
        self._next_offset, out.log_time = out.next_offset, self._log_time
        out.look_up_before = max(self._batches.oldest + RETRY_MS, self._unsure_until())
        out.sessions.extend(self.sessions.advance(self._log_time))
        if self._state is not None:
            self._state.drain(self.sessions)
        return out

    def _admit_record(self, record: EnrichedRecord, out: AdmittedChunk) -> None:
        day = record.log_time // DAY_MS
        site_id = record.site_id
        counts = out.counts
        for reason, number in record.rejected.items():
            counts[Count(site_id, day, Outcome.REJECTED, reason)] += number
        if record.batch_key and self._batches.seen(record.batch_key, record.log_time):
            counts[Count(site_id, day, Outcome.DUPLICATE, "batch")] += record.accepted
            return
        if record.lost:
            counts[Count(site_id, day, Outcome.LOST, LostReason.SENDER_QUEUE)] += record.lost
        for dropped in record.dropped:
            place = (Outcome.REPLAYED, dropped) if record.replayed else (Outcome.DROPPED, dropped)
            counts[Count(site_id, day, *place)] += 1
        if record.quarantined:
            self._quarantine(record, day, out)
        if record.batch is not None and record.batch.events:
            self._admit_events(record, out)
        elif self._policy.archive and record.dropped and not record.replayed:
            self._archive(record, self._resolve_dropped(record), None, out)
        if record.withdrawn is not None:
            self._withdraw(record, record.withdrawn, out)

    def _withdraw(self, record: EnrichedRecord, batch: EnrichedBatch, out: AdmittedChunk) -> None:
        """Late, as everything replayed: so repair looks at the visitor."""
        late = [True] * len(batch)
        out.admitted.append(Admitted(record.offset, record.log_time, batch.record.visitor_id, batch, None, late))

    def _quarantine(self, record: EnrichedRecord, day: int, out: AdmittedChunk) -> None:
        """Keep up to the cap of a site and day; beyond it only count."""
        outcome = Outcome.REPLAYED if record.replayed else Outcome.QUARANTINED
        for item in record.quarantined:
            out.counts[Count(record.site_id, day, outcome, item.reason)] += 1
            place = (record.site_id, day)
            kept = self._quarantined.get(place, 0)
            if kept < self._policy.quarantine_per_site_per_day:
                if not kept:  # a new day: forget the days before
                    self._quarantined = {k: n for k, n in self._quarantined.items() if k[1] >= day}
                self._quarantined[place] = kept + 1
                out.quarantined.append((record.offset, record.log_time, item))

    def _admit_events(self, record: EnrichedRecord, out: AdmittedChunk) -> None:
        batch = record.batch
        assert batch is not None
        raw = batch.record
        backfill = record.replayed or raw.source in BACKFILL
        visitor = raw.visitor_id
        places: list[int] | None = None
        first_live = record.log_time - self._policy.sessions.lateness_ms
        late: list[bool] | None = None
        if backfill:
            late = [True] * len(batch)
        elif min(batch.occurred) < first_live:
            late = [occurred < first_live for occurred in batch.occurred]
        if visitor and (late is None or not all(late)):
            visitor = self._resolve(batch, late)
            places = self._fold(record, visitor, late, out)
        elif visitor and not backfill:
            visitor = self._resolve(batch, None)  # late, but of the same visit as what came in time
        if places is None or places:
            out.admitted.append(Admitted(record.offset, record.log_time, visitor, batch, places, late))
        if self._policy.archive and not record.replayed:
            self._archive(record, visitor, places, out)
        if visitor and raw.id_kind != IdKind.DAILY:
            self._identities(record, visitor, out)

    def _resolve(self, batch: EnrichedBatch, late: list[bool] | None) -> int:
        """Yesterday's daily id where that visit still goes on, else the record's."""
        record = batch.record
        times = (
            batch.occurred
            if late is None
            else [t for t, is_late in zip(batch.occurred, late, strict=True) if not is_late]
        )
        first = min(times)
        window = batch.site.window_ms(first)
        return self.sessions.resolve(record.visitor_id, record.previous_visitor_id, first, window)

    def _resolve_dropped(self, record: EnrichedRecord) -> int:
        """Whom events would have been counted under that are left out; changes nothing."""
        batch = record.batch
        assert batch is not None
        raw = batch.record
        if not raw.visitor_id or raw.source in BACKFILL:
            return raw.visitor_id
        first, window = raw.received_at, batch.site.window_ms(raw.received_at)
        return self.sessions.resolve(raw.visitor_id, raw.previous_visitor_id, first, window, remember=False)

    def _archive(self, record: EnrichedRecord, visitor: int, places: list[int] | None, out: AdmittedChunk) -> None:
        """Keep the record; duplicates in it and what went into quarantine are named."""
        batch = record.batch
        assert batch is not None
        left_out = [item.index for item in record.quarantined]
        if places is not None:
            kept = {batch.index[place] for place in places}
            left_out += [index for index in batch.index if index not in kept]
        if len(left_out) < len(batch.record.events):
            entry = Archived(record.offset, record.log_time, record.raw, visitor, batch, left_out)
            out.archived.append(entry)

    def _fold(
        self, record: EnrichedRecord, visitor: int, late: list[bool] | None, out: AdmittedChunk
    ) -> list[int] | None:
        """Put the live events (there is one) into sessions; the places to store, None for all."""
        batch = record.batch
        assert batch is not None
        live = None if late is None else [place for place, is_late in enumerate(late) if not is_late]
        seen = self.sessions.absorb_batch(batch, visitor, record.log_time, live)
        if not seen:
            return None
        out.counts[Count(record.site_id, record.log_time // DAY_MS, Outcome.DUPLICATE, "event")] += len(seen)
        return [place for place in range(len(batch)) if place not in seen]

    def _identities(self, record: EnrichedRecord, visitor: int, out: AdmittedChunk) -> None:
        batch = record.batch
        assert batch is not None
        out.identities += [
            Identity(record.site_id, visitor, event.user_id, occurred)
            for event, occurred in zip(batch.events, batch.occurred, strict=True)
            if event.user_id
        ]

"""All open runs of one log partition: the live half of sessionising.

Pure: log time is the only clock, and it is an argument. Which rows and versions come
out depends on the sequence of records and heartbeats alone, not on how they were
batched or how often `advance` was called: `absorb` itself first does whatever was due
before its log time. So a flow that starts again from a snapshot writes (or withdraws)
every session id it wrote before.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import msgspec
from msgspec import Struct

from footfall.enrich.batch import EnrichedBatch
from footfall.sessions.delta import Replayed
from footfall.sessions.facts import Columns, Fact, Who, columns_at, columns_of, columns_of_batch, who_of
from footfall.sessions.open_visitors import MAX_HOT, OpenVisitors
from footfall.sessions.part import NEVER
from footfall.sessions.row import SessionRow
from footfall.sessions.run import Run
from footfall.sessions.timers import Timers
from footfall.sessions.visitor import Visitor, times_of
from footfall.sites import DEFAULT_WINDOW_MS, Site

SNAPSHOT_FORMAT = 1

Snapshot = tuple[Any, ...]  # format, then what restore() of that format reads


class Policy(Struct, frozen=True, kw_only=True):
    """How long sessions stay open and how often their rows are written."""

    lateness_ms: int = 600_000
    open_row_first_ms: int = 5_000  # after the first event
    open_row_every_ms: int = 60_000


class SessionShard:
    """Open runs by visitor. Visitor ids are unique across sites."""

    def __init__(self, policy: Policy, max_hot: int = MAX_HOT, visitors: OpenVisitors | None = None) -> None:
        self._policy = policy
        self._visitors = OpenVisitors(max_hot) if visitors is None else visitors
        self._closing = Timers(self._visitors.close_at)
        self._opening: list[tuple[int, int]] = []  # heap of (time, visitor): open rows to write
        self._pending: list[SessionRow] = []
        self._runs = 0
        for visitor_id, data in self._visitors.cold.items():
            close_at, open_at, runs = times_of(data)
            self._runs += runs
            self._closing.set(visitor_id, close_at)
            if open_at != NEVER:
                heappush(self._opening, (open_at, visitor_id))

    def __len__(self) -> int:
        """Open runs."""
        return self._runs

    @property
    def visitors(self) -> int:
        """Visitors with an open run."""
        return len(self._visitors)

    @property
    def hot_visitors(self) -> int:
        """Visitors kept as objects."""
        return len(self._visitors.hot)

    @property
    def aliases(self) -> int:
        """Ids that stand for another one."""
        return len(self._visitors.aliases)

    @property
    def cold_bytes(self) -> int:
        """Bytes of the encoded visitors. Walks over all of them."""
        return self._visitors.cold_bytes

    def resolve(
        self,
        visitor_id: int,
        previous_visitor_id: int,
        occurred_at: int,
        window_ms: int = DEFAULT_WINDOW_MS,
        *,
        remember: bool = True,
    ) -> int:
        """The id to count this record under: yesterday's while that visit goes on.

        `occurred_at` is the earliest time of the record's events that are not late. `remember`:
        what follows under the new id alone is counted so too.
        Only ids that are themselves in use are kept: no chain of days forms.
        """
        known = previous_visitor_id or self._visitors.aliases.get(visitor_id, 0)
        if not known or known == visitor_id:
            return visitor_id
        visitor = self._visitors.find(known)
        if visitor is None or not visitor.reaches(occurred_at, window_ms):
            return visitor_id
        if remember:
            self._visitors.add_alias(visitor_id, known, visitor)
        return known

    def absorb(self, site: Site, visitor_id: int, who: Who, facts: Sequence[Fact], log_time: int) -> list[int]:
        """Take in the events of one record that are not late.

        Returns the places in `facts` of duplicates: events whose id is in an open run
        of the visitor, or further up in `facts`. Log times must not run backwards.
        """
        if not facts:
            self._work_off(log_time)
            return []
        return self._absorb(site, visitor_id, who, columns_of(facts), log_time)

    def absorb_batch(
        self, batch: EnrichedBatch, visitor_id: int, log_time: int, places: Sequence[int] | None = None
    ) -> list[int]:
        """`absorb` of the batch's `facts_of`, or of those at `places` (at least one), without
        making them; the batch is not empty. Returns duplicates by their place in the batch."""
        columns = columns_of_batch(batch)
        if places is not None:
            columns = columns_at(columns, places)
        duplicates = self._absorb(batch.site, visitor_id, who_of(batch), columns, log_time)
        return duplicates if places is None else [places[place] for place in duplicates]

    def _absorb(self, site: Site, visitor_id: int, who: Who, columns: Columns, log_time: int) -> list[int]:
        self._work_off(log_time)
        visitor = self._visitors.find(visitor_id)
        if visitor is None:
            visitor = self._visitors.begin(visitor_id, site.site_id)
        before = len(visitor.runs)
        duplicates = visitor.absorb(site, who, columns, log_time)
        runs = visitor.runs
        self._runs += len(runs) - before
        for run in runs:
            if len(run.parts) > 2:
                over = log_time - self._policy.lateness_ms
                self._pending += run.seal(site.site_id, visitor_id, over, log_time)
        self._schedule(visitor_id, visitor)
        return duplicates

    def advance(self, log_time: int) -> list[SessionRow]:
        """Rows due by now: open, closed, withdrawn. Call it for every batch and heartbeat."""
        self._work_off(log_time)
        rows, self._pending = self._pending, []
        return rows

    def _work_off(self, log_time: int) -> None:
        opening = self._opening
        while opening and opening[0][0] <= log_time:
            at, visitor_id = heappop(opening)
            if self._visitors.open_at(visitor_id) == at:
                self._write_open(visitor_id, log_time)
        if self._closing.next_at <= log_time:
            for visitor_id in self._closing.due(log_time):
                self._close(visitor_id, log_time)

    def _write_open(self, visitor_id: int, log_time: int) -> None:
        visitor = self._visitors.wake(visitor_id)
        due_at = visitor.open_at
        for run in visitor.runs:
            if run.changed_at and self._open_row_at(run) <= due_at:
                self._write(visitor, visitor_id, run, log_time)
                run.written_at, run.changed_at = due_at, 0
        visitor.open_at = NEVER
        self._schedule(visitor_id, visitor)

    def _close(self, visitor_id: int, log_time: int) -> None:
        visitor = self._visitors.wake(visitor_id)
        over = log_time - self._policy.lateness_ms
        for run in list(visitor.runs):
            if run.reach < over:
                self._write(visitor, visitor_id, run, log_time, closed=True)
                visitor.drop(run)
                self._runs -= 1
        visitor.close_at = NEVER
        if visitor.runs:
            self._schedule(visitor_id, visitor)
        else:
            self._visitors.end(visitor_id, visitor)

    def _write(self, visitor: Visitor, visitor_id: int, run: Run, log_time: int, closed: bool = False) -> None:
        self._pending += run.write(visitor.site_id, visitor_id, closed=closed, generation=0, log_time=log_time)

    def _schedule(self, visitor_id: int, visitor: Visitor) -> None:
        """Set the timers anew. A closing timer that is set earlier finds the new time
        itself; an opening timer whose time is no longer the visitor's does nothing."""
        reach, open_at = NEVER, NEVER
        for run in visitor.runs:
            if run.reach < reach:
                reach = run.reach
            if run.changed_at and (due_at := self._open_row_at(run)) < open_at:
                open_at = due_at
        close_at = reach + self._policy.lateness_ms + 1
        if close_at < visitor.close_at:
            self._closing.set(visitor_id, close_at)
        visitor.close_at = close_at
        if open_at != visitor.open_at:
            visitor.open_at = open_at
            if open_at != NEVER:
                heappush(self._opening, (open_at, visitor_id))

    def _open_row_at(self, run: Run) -> int:
        """When a changed run's open row is due."""
        if not run.has_client:
            return NEVER
        if not run.written:
            return run.changed_at + self._policy.open_row_first_ms
        return max(run.changed_at, run.written_at + self._policy.open_row_every_ms)

    def snapshot(self) -> Snapshot:
        """The whole state as an immutable value of plain types; the shard goes on as before."""
        visitors = self._visitors
        visitors.save_whole()
        return (
            SNAPSHOT_FORMAT,
            array("Q", visitors.cold).tobytes(),
            tuple(visitors.cold.values()),  # joined they would be copied twice
            array("Q", [id for pair in visitors.aliases.items() for id in pair]).tobytes(),
            _rows_encoder.encode(self._pending),
        )

    @classmethod
    def restore(cls, value: Snapshot, policy: Policy, max_hot: int = MAX_HOT) -> SessionShard:
        """The shard that made the snapshot. ValueError where its format is a newer one."""
        if value[0] != SNAPSHOT_FORMAT:
            raise ValueError(f"session state of format {value[0]}: upgrade, or start the flow from the log")
        _, ids, encoded, aliases, pending = value
        pairs = array("Q", aliases)
        visitors = OpenVisitors(
            max_hot,
            dict(zip(array("Q", ids), encoded, strict=True)),
            dict(zip(pairs[::2], pairs[1::2], strict=True)),
        )
        return cls._with_rows(policy, visitors, pending)

    @property
    def changed(self) -> int:
        """How much a `delta(everything=False)` would hold: encoded visitors, ids, aliases."""
        return self._visitors.changed

    def delta(self, everything: bool = True) -> bytes:
        """What changed since the last `delta` or `snapshot`, to be kept after those before.

        With everything=False, visitors that are still objects wait for a later one: only
        deltas up to one with everything are a state to go on from.
        """
        return self._visitors.delta(_rows_encoder.encode(self._pending), everything)

    def visitor_ids(self) -> array[int]:
        """Of all visitors with an open run, in no order that means anything."""
        return self._visitors.ids()

    def copy(self, visitor_ids: Iterable[int], aliases: bool = False) -> bytes:
        """A delta that says again what earlier ones said of these visitors (and of all
        aliases), so that the earlier ones are not needed for it. Leaves out who has no open
        run any more, and who changed: the next delta has them."""
        return self._visitors.copy(visitor_ids, aliases)

    @classmethod
    def from_deltas(cls, deltas: Iterable[bytes], policy: Policy, max_hot: int = MAX_HOT) -> SessionShard:
        """The shard that made the deltas. ValueError where their format is a newer one."""
        replayed = Replayed()
        for delta in deltas:
            replayed.apply(delta)
        visitors = OpenVisitors(max_hot, replayed.visitors, replayed.aliases)
        return cls._with_rows(policy, visitors, replayed.pending)

    @classmethod
    def _with_rows(cls, policy: Policy, visitors: OpenVisitors, pending: bytes | None) -> SessionShard:
        shard = cls(policy, visitors=visitors)
        if pending is not None:
            shard._pending = _rows_decoder.decode(pending)
        return shard


_rows_encoder = msgspec.msgpack.Encoder()
_rows_decoder = msgspec.msgpack.Decoder(list[SessionRow])

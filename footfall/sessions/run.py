"""The run: events of one visitor on one site whose intervals [t, t + window] chain."""

from __future__ import annotations

from msgspec import Struct

from footfall.sessions.facts import Columns, Who
from footfall.sessions.part import NEVER, Part
from footfall.sessions.row import SessionRow, session_version
from footfall.sessions.rows import to_row

DAY_MS = 86_400_000
MAX_EVENT_IDS = 10_000

Written = tuple[int, int, bool]  # start, events, cut: of the row last written


class Run(Struct, array_like=True, gc=False):
    """One open run.

    Kept in recovery state as a msgpack array: fields are only ever added at the end,
    with a default. The run may forget the oldest half of its event ids beyond
    MAX_EVENT_IDS: what is sent again within minutes is still known, and the batch ids
    of the last hour stand before this.
    """

    first_at: int = NEVER
    last_at: int = -1
    reach: int = -1  # max of t + window
    events: int = 0
    ids: bytearray = bytearray()  # event ids, 16 bytes each, as they came
    parts: list[Part] = []  # by day
    written: dict[int, Written] = {}  # session ids that stand in the store
    written_at: int = 0
    changed_at: int = 0  # log time of the first change that is not yet written; 0: none
    max_id: bytes = b""  # of the ids, forgotten ones too; empty though there are ids: not known

    @property
    def has_client(self) -> bool:
        """Whether this is a session at all."""
        if len(self.parts) == 1:
            return self.parts[0].origin_at != NEVER
        return any(part.origin_at != NEVER for part in self.parts)

    def add(self, facts: Columns, who: Who, first_at: int, last_at: int, reach: int) -> None:
        """Take in new events of one day and one record, with their bounds."""
        if first_at < self.first_at:
            self.first_at = first_at
        if last_at > self.last_at:
            self.last_at = last_at
        if reach > self.reach:
            self.reach = reach
        ids = facts[1]
        self.events += len(ids)
        if self.max_id or not self.ids:
            highest = max(ids)
            if highest > self.max_id:
                self.max_id = highest
        self.ids += b"".join(ids)
        self._part(first_at // DAY_MS).add(facts, first_at, last_at, who)

    def merge(self, other: Run) -> None:
        """Take in another run, which shares no event with this one."""
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)
        self.reach = max(self.reach, other.reach)
        self.events += other.events
        known = (self.max_id or not self.ids) and (other.max_id or not other.ids)
        self.max_id = max(self.max_id, other.max_id) if known else b""
        self.ids += other.ids
        self.written = {**self.written, **other.written}
        self.written_at = max(self.written_at, other.written_at)
        self.changed_at = min(filter(None, (self.changed_at, other.changed_at)), default=0)
        for part in other.parts:
            self._part(part.day).merge(part)

    def _part(self, day: int) -> Part:
        if self.parts and self.parts[-1].day == day:
            return self.parts[-1]
        for part in self.parts:
            if part.day == day:
                return part
        part = Part(day)
        self.parts.append(part)
        self.parts.sort(key=_day)
        return part

    def sessions(self) -> list[Part]:
        """The run as sessions: one, or where it is longer than a day one per UTC day.

        A day without any client event is no session either.
        """
        if len(self.parts) == 1:
            return self.parts if self.parts[0].origin_at != NEVER else []
        if self.is_cut:
            found = self.parts
        else:
            whole = Part(self.parts[0].day)
            for part in self.parts:
                whole.merge(part)
            found = [whole]
        return [part for part in found if part.origin_at != NEVER]

    def seal(self, site_id: str, visitor_id: int, before: int, log_time: int) -> list[SessionRow]:
        """The final rows of days that were over at `before` (log time less lateness), and
        forget these days: so a run without end (a bot's) stays bounded.

        Nothing can join such a day any more: what is not late is younger, and another
        run would have to overlap this one to bridge into it.
        """
        done = [part for part in self.parts[:-1] if (part.day + 1) * DAY_MS <= before]
        if not done or not self.is_cut:
            return []
        kept, self.parts = self.parts[len(done) :], done
        written, self.written = self.written, {}
        rows = self.write(site_id, visitor_id, closed=True, generation=0, log_time=log_time)
        sealed = self.written
        self.written = {row_id: known for row_id, known in written.items() if row_id not in sealed}
        self.parts = kept
        return rows

    @property
    def is_cut(self) -> bool:
        """Whether the run is longer than 24 hours."""
        return self.last_at - self.first_at > DAY_MS

    def write(
        self, site_id: str, visitor_id: int, *, closed: bool, generation: int, log_time: int
    ) -> list[SessionRow]:
        """The rows that bring the store up to date: new versions of what changed (all
        of them when closed), and the withdrawal of ids that are gone."""
        rows: list[SessionRow] = []
        now: dict[int, Written] = {}
        before, cut = self.written, self.is_cut
        version = session_version(generation, self.events, closed)
        for part in self.sessions():
            row_id = part.session_id(site_id, visitor_id)
            now[row_id] = written = (part.first_at, part.events, cut)
            if closed or before.get(row_id) != written:
                row = to_row(part, site_id, visitor_id, row_id)
                row.generation, row.version, row.log_time = generation, version, log_time
                row.is_closed = closed
                rows.append(row)
        self.written = now
        if before.keys() <= now.keys():
            return rows
        for row_id in before.keys() - now.keys():
            start_at = before[row_id][0]
            rows.append(withdrawal(site_id, row_id, visitor_id, start_at, generation, self.events, log_time))
        return rows


def withdrawal(
    site_id: str, row_id: int, visitor_id: int, start_at: int, generation: int, run_events: int, log_time: int
) -> SessionRow:
    """The row that takes a session id back: same sorting key, higher version."""
    return SessionRow(
        site_id=site_id,
        session_id=row_id,
        visitor_id=visitor_id,
        start_at=start_at,
        end_at=start_at,
        generation=generation,
        version=session_version(generation, run_events, closed=False, deleted=True),
        is_deleted=True,
        log_time=log_time,
    )


def _day(part: Part) -> int:
    return part.day

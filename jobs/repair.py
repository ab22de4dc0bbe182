"""Repair: sessions of visitors with late (or imported) events, made anew from the base table.

The flow leaves late events out of live state; here they are folded together with all the
visitor's others by the same function the flow uses, and the outcome replaces what stood
there. Everything the job knows is in the store or the control plane, so it may be killed
at any point: a visitor who was not marked done is simply taken again.

A visitor is taken only when log time has passed their late events by window, lateness
and a margin, and nothing live can still join what is made of them.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from clickhouse_driver import Client

from footfall.names import database_name
from footfall.sessions.repair import Repaired, StoredFact, next_generation, replace, sessions_of
from footfall.sessions.row import SessionRow
from footfall.sessions.shard import Policy
from footfall.sites import Site
from jobs.facts import Span, count_facts, read_facts, values_of
from jobs.job import JobContext
from jobs.marking import mark_new
from jobs.repair_list import Entry, forget_site, mark_done, next_entries, waiting_sites
from jobs.scope import Scope, scope_of, widest_window
from jobs.stored import has_tables, run, stored_until
from sinks.insert import insert_block
from sinks.native import StringPieces
from sinks.session_block import encode_sessions

BUDGET_S = 20.0  # then other jobs get their turn
VISITORS = 4_000  # per query
MAX_FACTS = 200_000  # read at once, unless one visitor alone has more
# Who has more without a pause is a machine: about 1 GiB to read. Their sessions stay as they are.
MAX_VISITOR_FACTS = 1_000_000
MARGIN_MS = 20_000  # for open rows the flow has not written yet
STALE_MS = 3_600_000  # a row left open for so much longer than it can be is nobody's any more
SHORTEST_WAIT_MS, LONGEST_WAIT_MS = 60_000, 1_800_000
MAX_POSTPONED = 50_000
DAY_MS = 86_400_000
MAX_WIDEN_DAYS = 4_096


class Standing(NamedTuple):
    """One session of the store, its newest version."""

    row: SessionRow
    end_at: int
    is_closed: bool


def repair(context: JobContext) -> str:
    """Repair what can be, for so long as a run may take; what was done, in words."""
    done = waiting = left = 0
    for stage in context.stages:
        client = context.store(stage)
        try:
            if has_tables(client):
                job = _Repair(context, stage, client)
                stage_done, stage_waiting = job.make()
                done, waiting, left = done + stage_done, waiting + stage_waiting, left + job.left
        finally:
            client.disconnect()
    said = f"{done} visitors repaired, {waiting} waiting"
    return said + (f", {left} left as they are: over {MAX_VISITOR_FACTS:,} events at a stretch" if left else "")


class _Repair:
    """One run in one stage."""

    def __init__(self, context: JobContext, stage: str, client: Client) -> None:
        self.context, self.stage, self.client = context, stage, client
        self.policy = Policy(lateness_ms=context.settings.lateness_ms)
        self.log_time = stored_until(client, lambda: context.layout(stage))
        # After the look at how far all is stored: now it is on this replica too.
        context.sync(client, stage, "events", "sessions", "repair_list")
        self.deadline = time.monotonic() + BUDGET_S
        self.pieces = StringPieces()
        self.left = 0  # visitors with too many events

    def make(self) -> tuple[int, int]:
        """(visitors repaired, visitors that have to wait)."""
        mark_new(self.context, self.stage, self.client)
        waiting = waiting_sites(self.client)
        total, done = sum(waiting.values()), 0
        sites = self.context.control.sites()
        for site_id in waiting:
            site = sites.get(site_id)
            if site is None:
                forget_site(self.client, site_id)
                continue
            after: Entry | None = None
            ready = self.log_time - self.policy.lateness_ms - widest_window(site) - MARGIN_MS
            while entries := next_entries(self.client, self.stage, site_id, ready, after, VISITORS):
                self.context.check()
                if done and time.monotonic() > self.deadline:
                    self.context.again = True
                    return done, total - done - self.left
                after = entries[-1]
                done += self._repair(site, entries)
                self.context.progress(done, total)
        return done, total - done - self.left

    def _repair(self, site: Site, entries: list[Entry], days: int = 1) -> int:
        """Repair some visitors at once, or, where that is too much to read, in halves. Whose
        sessions reach beyond so many days before and after is read again, more widely."""
        entries = [entry for entry in entries if not self._is_postponed(entry)]
        if not entries:
            return 0
        span = _span(entries, days)
        visitors = [entry.visitor_id for entry in entries]
        number = count_facts(self.client, self.stage, site, visitors, span)
        if number > MAX_FACTS and len(entries) > 1:
            middle = len(entries) // 2
            return self._repair(site, entries[:middle], days) + self._repair(site, entries[middle:], days)
        if number > MAX_VISITOR_FACTS:
            self.left += 1
            mark_done(self.client, site.site_id, entries)
            return 0
        done, again = self._repair_span(site, entries, span, last=days >= MAX_WIDEN_DAYS)
        return done + self._repair(site, again, days * 4)

    def _repair_span(self, site: Site, entries: list[Entry], span: Span, last: bool) -> tuple[int, list[Entry]]:
        """(visitors repaired, those whose sessions reach beyond the span); `last`: nobody's may."""
        rows: list[SessionRow] = []
        finished, again = [], []
        # In this order: rows read first have all their events among facts read later.
        standing = self._standing(site, entries, span)
        facts = read_facts(self.client, self.stage, site, [entry.visitor_id for entry in entries], span)
        for entry in entries:
            scope = scope_of(site, facts.get(entry.visitor_id, []), entry.first_at, entry.last_at, span)
            if scope is None and not last:
                again.append(entry)
                continue
            new = self._visitor(site, entry, scope, facts, standing.get(entry.visitor_id, []), span)
            if new is None:
                self._postpone(entry)
            else:
                rows += new
                finished.append(entry)
        self._replace(site, rows)
        mark_done(self.client, site.site_id, finished)
        return len(finished), again

    def _is_postponed(self, entry: Entry) -> bool:
        return self.context.postponed.get((self.stage, entry.visitor_id), (0, 0))[0] > self.context.now_ms()

    def _postpone(self, entry: Entry) -> None:
        """Look again in a minute, then in two ...: a visitor who never pauses may have to
        wait for days, and each look means reading all of that."""
        postponed = self.context.postponed
        if len(postponed) >= MAX_POSTPONED:
            postponed.clear()
        key = (self.stage, entry.visitor_id)
        wait = min(LONGEST_WAIT_MS, postponed.get(key, (0, SHORTEST_WAIT_MS // 2))[1] * 2)
        postponed[key] = (self.context.now_ms() + wait, wait)

    def _visitor(
        self,
        site: Site,
        entry: Entry,
        scope: Scope | None,
        facts: dict[int, list[StoredFact]],
        standing: list[Standing],
        span: Span,
    ) -> list[SessionRow] | None:
        """The rows to write for a visitor; None if it is too early."""
        if scope is None:  # a visitor without any pause in all the years there are
            scope = Scope(facts.get(entry.visitor_id, []), *span)
        inside = [s for s in standing if scope.first <= s.row.start_at < scope.end]
        if any(self._is_open(site, s) for s in inside):
            return None
        rows = [s.row for s in inside]
        generation = next_generation(rows)
        repaired: Repaired = sessions_of(
            site, entry.visitor_id, scope.facts, self.policy, generation, self.log_time
        )
        if repaired.postponed or repaired.open_from <= entry.last_at:
            return None
        alive = [row for row in rows if not row.is_deleted]
        return replace(alive, repaired, generation, self.log_time)

    def _is_open(self, site: Site, standing: Standing) -> bool:
        """Whether the live flow will still write this session."""
        if standing.is_closed or standing.row.is_deleted:
            return False
        closes = standing.end_at + site.window_ms(standing.end_at) + self.policy.lateness_ms
        return closes + STALE_MS >= self.log_time

    def _standing(self, site: Site, entries: list[Entry], span: Span) -> dict[int, list[Standing]]:
        found: dict[int, list[Standing]] = {}
        values = values_of(site, [entry.visitor_id for entry in entries], span)
        for visitor, session, start, generation, deleted, closed, end in run(
            self.client, "standing_sessions", self.stage, values
        ):
            row = SessionRow(
                site_id=site.site_id,
                session_id=session,
                visitor_id=visitor,
                start_at=start,
                generation=generation,
                is_deleted=bool(deleted),
            )
            found.setdefault(visitor, []).append(Standing(row, end, bool(closed)))
        return found

    def _replace(self, site: Site, rows: list[SessionRow]) -> None:
        """Write the sessions, then tell the rollups, which may have looked already."""
        if not rows:
            return
        block = encode_sessions(rows, self.pieces)
        insert_block(self.client, database_name(self.stage), "sessions", block)
        mark = self.context.now_ms()
        slots = {row.start_at // 900_000 * 900 for row in rows}
        self.client.execute(
            "INSERT INTO rollup_dirty (site_id, slot, kind, mark, version, is_deleted) VALUES",
            [(site.site_id, slot, kind, mark, 0, 0) for slot in sorted(slots) for kind in ("hour", "day")],
        )


def _span(entries: list[Entry], days: int) -> Span:
    if not entries:
        return (0, 0)
    first = min(entry.first_at for entry in entries) - days * DAY_MS
    return max(0, first), max(entry.last_at for entry in entries) + days * DAY_MS + 1

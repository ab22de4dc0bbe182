"""The other half of sessionising: all stored events of one visitor, folded at once.

The same accumulators as the live shard, so the same rows. The rows of a repair carry a
higher generation than whatever stood there, and so replace it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from footfall.sessions.facts import Fact, Who, columns_of
from footfall.sessions.part import NEVER
from footfall.sessions.row import SessionRow
from footfall.sessions.run import Run, withdrawal
from footfall.sessions.shard import Policy
from footfall.sessions.visitor import BY_TIME, chains
from footfall.sites import Site


class StoredFact(NamedTuple):
    """One event of the base table."""

    fact: Fact
    who: Who
    late: bool  # it entered no live state


class Repaired(NamedTuple):
    """What `sessions_of` found.

    `postponed`: a late event belongs to a run that live events may still join; there
    are no rows then, and the visitor is to be taken again later. `open_from`: the first
    time (ms) of the runs that are still the live flow's; rows from there on are not
    repair's to touch.
    """

    rows: list[SessionRow]
    postponed: bool = False
    open_from: int = NEVER


def sessions_of(
    site: Site,
    visitor_id: int,
    facts: Iterable[StoredFact],
    policy: Policy,
    generation: int,
    log_time: int,
) -> Repaired:
    """The closed sessions of a visitor, from all their stored events.

    `log_time` is one up to which everything of the visitor's partition is stored, the
    events as well as the live rows (the `progress` row's).
    """
    rows: list[SessionRow] = []
    open_from = NEVER
    for run, has_late in _runs(site, _unique(facts)):
        if run.reach + policy.lateness_ms >= log_time:
            if has_late:
                return Repaired([], postponed=True)
            open_from = min(open_from, run.first_at)
        else:
            rows += run.write(site.site_id, visitor_id, closed=True, generation=generation, log_time=log_time)
    return Repaired(rows, open_from=open_from)


def _unique(facts: Iterable[StoredFact]) -> list[StoredFact]:
    """By time; each event id once. Of two copies the one that entered live state counts,
    else the earlier one."""
    best: dict[bytes, StoredFact] = {}
    for stored in facts:
        known = best.get(stored.fact.event_id)
        if known is None or (stored.late, stored.fact.occurred_at) < (known.late, known.fact.occurred_at):
            best[stored.fact.event_id] = stored
    return sorted(best.values(), key=lambda stored: BY_TIME(stored.fact))


def _runs(site: Site, facts: Sequence[StoredFact]) -> list[tuple[Run, bool]]:
    """The runs of sorted facts, and whether a late one is among them."""
    runs: list[tuple[Run, bool]] = []
    for who, same in groupby(facts, key=lambda stored: stored.who):
        part = list(same)
        late = {stored.fact.event_id for stored in part if stored.late}
        for chain in chains(site, columns_of([stored.fact for stored in part])):
            has_late = not late.isdisjoint(chain.facts[1])
            if runs and chain.first_at <= runs[-1][0].reach:
                runs[-1] = (runs[-1][0], runs[-1][1] or has_late)
            else:
                runs.append((Run(), has_late))
            runs[-1][0].add(chain.facts, who, chain.first_at, chain.last_at, chain.reach)
    return runs


def next_generation(old_rows: Iterable[SessionRow]) -> int:
    """A generation that replaces these rows (withdrawn ones count too)."""
    return max((row.generation for row in old_rows), default=0) + 1


def replace(
    old_rows: Collection[SessionRow], repaired: Repaired, generation: int, log_time: int
) -> list[SessionRow]:
    """The rows to insert: the repaired ones, and withdrawals of ids that vanish.

    `old_rows` are the visitor's rows that stand in the store, one version of each,
    without withdrawn ones. `generation` must be above theirs. Rows that the live flow
    made after `log_time` (the one given to `sessions_of`) belong to runs that were open
    then or did not exist: they stay.
    """
    if repaired.postponed:
        return []
    kept = {(row.start_at, row.session_id) for row in repaired.rows}
    gone = [
        withdrawal(row.site_id, row.session_id, row.visitor_id, row.start_at, generation, 0, log_time)
        for row in old_rows
        if row.start_at < repaired.open_from
        and row.log_time <= log_time
        and (row.start_at, row.session_id) not in kept
    ]
    return [*repaired.rows, *gone]

"""Repair: the whole history at once equals the live result; live plus repair equals all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from footfall.sessions import SessionShard, StoredFact, next_generation, replace, sessions_of
from footfall.sessions.part import NEVER
from footfall.sites import Site
from tests.properties import examples
from tests.sessions.histories import (
    HOUR,
    LATE_AGES,
    MINUTE,
    POLICY,
    SITES,
    START,
    WHO,
    Arrival,
    Store,
    histories,
    plain,
    play,
)
from tests.sessions.live import fact
from tests.sessions.oracle import expected

sites = st.sampled_from(SITES)


def stored(arrivals: list[Arrival], visitor_id: int) -> list[StoredFact]:
    """The base table's events of a visitor: each id once, as it came first."""
    found: dict[bytes, StoredFact] = {}
    for arrival in arrivals:
        if arrival.visitor_id == visitor_id:
            _, late = arrival.split(POLICY)
            for item in arrival.facts:
                found.setdefault(item.event_id, StoredFact(item, arrival.who, item in late))
    return [*found.values()]


@examples(200)
@given(histories(ages=LATE_AGES), sites)
def test_the_whole_history_at_once_is_sort_and_split(arrivals: list[Arrival], site: Site) -> None:
    end = arrivals[-1].log_time + 48 * HOUR
    rows = []
    for visitor in {a.visitor_id for a in arrivals}:
        rows += sessions_of(site, visitor, stored(arrivals, visitor), POLICY, 1, end).rows
    assert plain(rows) == plain(expected(site, [t for a in arrivals for t in a.told()]))


@examples(400)
@given(histories(ages=LATE_AGES), sites, st.integers(1, 5))
def test_live_and_repair_together_are_sort_and_split(
    arrivals: list[Arrival], site: Site, repair_every: int
) -> None:
    shard = SessionShard(POLICY)
    store = Store()
    todo: set[int] = set()
    for place, arrival in enumerate(arrivals):
        store.insert(play(shard, site, [arrival]))
        if arrival.split(POLICY)[1]:
            todo.add(arrival.visitor_id)
        if place % repair_every == 0:
            todo = repair(store, site, arrivals[: place + 1], todo, arrival.log_time)
    end = arrivals[-1].log_time + 48 * HOUR
    store.insert(shard.advance(end))
    assert repair(store, site, arrivals, todo, end) == set()
    assert plain(store.standing()) == plain(expected(site, [t for a in arrivals for t in a.told()]))


def repair(store: Store, site: Site, arrivals: list[Arrival], todo: set[int], log_time: int) -> set[int]:
    """Repair these visitors; those who are postponed."""
    postponed = set()
    for visitor in todo:
        generation = next_generation(store.all_of(visitor))
        facts = stored(arrivals, visitor)
        found = sessions_of(site, visitor, facts, POLICY, generation, log_time)
        if found.postponed:
            postponed.add(visitor)
        store.insert(replace(store.standing(visitor), found, generation, log_time))
    return postponed


def test_a_late_event_in_an_open_run_postpones_the_visitor() -> None:
    live, late = fact(START), fact(START - 20 * MINUTE)
    facts = [StoredFact(live, WHO[0], False), StoredFact(late, WHO[0], True)]
    reach_and_lateness = START + 40 * MINUTE
    found = sessions_of(SITES[0], 1, facts, POLICY, 1, reach_and_lateness)
    assert found.postponed
    assert found.rows == []
    assert replace([], found, 1, reach_and_lateness) == []
    found = sessions_of(SITES[0], 1, facts, POLICY, 1, reach_and_lateness + 1)
    assert [row.events for row in found.rows] == [2]
    assert not found.postponed


def test_an_open_run_without_late_events_is_left_to_the_live_flow() -> None:
    facts = [
        StoredFact(fact(START), WHO[0], False),
        StoredFact(fact(START - 5 * HOUR), WHO[0], True),
    ]
    shard = SessionShard(POLICY)
    shard.absorb(SITES[0], 1, WHO[0], [facts[0].fact], START)
    open_rows = shard.advance(START + MINUTE)
    found = sessions_of(SITES[0], 1, facts, POLICY, 1, START + MINUTE)
    assert found.open_from == START
    assert [row.start_at for row in found.rows] == [START - 5 * HOUR]
    assert replace(open_rows, found, 1, START + MINUTE) == found.rows


def test_rows_that_vanish_are_withdrawn_under_their_old_key() -> None:
    before = sessions_of(SITES[0], 1, [StoredFact(fact(START), WHO[0], False)], POLICY, 1, START + HOUR)
    earlier = [StoredFact(fact(START), WHO[0], False), StoredFact(fact(START - MINUTE), WHO[0], True)]
    generation = next_generation(before.rows)
    after = sessions_of(SITES[0], 1, earlier, POLICY, generation, START + HOUR)
    new, gone = replace(before.rows, after, generation, START + HOUR)
    assert (new.start_at, new.is_deleted) == (START - MINUTE, False)
    assert (gone.start_at, gone.is_deleted) == (START, True)
    assert gone.session_id != before.rows[0].session_id or gone.start_at == before.rows[0].start_at
    assert gone.version > before.rows[0].version


def test_no_events_no_rows() -> None:
    found = sessions_of(SITES[0], 1, [], POLICY, 1, START)
    assert found == ([], False, NEVER)

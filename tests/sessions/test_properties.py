"""The shard against sort-and-split, for any history and any way of playing it."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from footfall.sessions import SessionRow, SessionShard
from footfall.sites import Site
from tests.properties import examples
from tests.sessions.histories import (
    POLICY,
    SITES,
    Arrival,
    Store,
    finish,
    histories,
    plain,
    play,
)
from tests.sessions.oracle import Told, expected

sites = st.sampled_from(SITES)
LIVE_AGES_AND_LATE = [0, 1000, 300_000, 600_000, 600_001, 2_000_000]


def live_events(arrivals: list[Arrival]) -> list[Told]:
    return [t for a in arrivals for t in a.told() if a.log_time - t.fact.occurred_at <= POLICY.lateness_ms]


@examples(300)
@given(histories(ages=LIVE_AGES_AND_LATE), sites, st.integers(1, 40), st.integers(1, 3), st.integers(0, 5))
def test_rows_in_the_store_are_the_sessions(
    arrivals: list[Arrival], site: Site, advance_every: int, shards: int, snapshot_every: int
) -> None:
    store = Store()
    for number in range(shards):
        own = [a for a in arrivals if a.visitor_id % shards == number]
        shard = SessionShard(POLICY, max_hot=1 + number)
        deltas: list[bytes] = []
        for place, arrival in enumerate(own):
            store.insert(play(shard, site, [arrival], advance_every if place else 2))
            deltas.append(shard.delta(everything=bool(place % 2)))
            if snapshot_every and place % snapshot_every == 0:
                if place % 4 < 2:
                    deltas = [*deltas, shard.delta()]
                else:
                    value = pickle.loads(pickle.dumps(shard.snapshot()))
                    shard = SessionShard.restore(value, POLICY, max_hot=2)
                    deltas = [shard.copy(shard.visitor_ids(), aliases=True), shard.delta()]
                shard = SessionShard.from_deltas(deltas, POLICY, max_hot=2)
        if own:
            store.insert(finish(shard, own))
        assert len(shard) == shard.visitors == 0
    assert plain(store.standing()) == plain(expected(site, live_events(arrivals)))


@examples(200)
@given(histories(), sites, st.integers(1, 10))
def test_versions_of_an_id_only_grow(arrivals: list[Arrival], site: Site, advance_every: int) -> None:
    shard = SessionShard(POLICY)
    last: dict[int, SessionRow] = {}
    for row in play(shard, site, arrivals, advance_every) + finish(shard, arrivals):
        before = last.get(row.session_id)
        if before is not None:
            assert row.version > before.version
            assert not before.is_closed
        last[row.session_id] = row
    assert all(row.is_closed or row.is_deleted for row in last.values())


@examples(200)
@given(histories(), sites, st.integers(1, 40), st.integers(1, 40))
def test_rows_do_not_depend_on_how_often_the_shard_is_asked(
    arrivals: list[Arrival], site: Site, one: int, other: int
) -> None:
    made = []
    for advance_every in (one, other):
        shard = SessionShard(POLICY)
        rows = play(shard, site, arrivals, advance_every)
        made.append([(r.session_id, r.version) for r in rows + finish(shard, arrivals)])
    assert sorted(made[0]) == sorted(made[1])


@examples(200)
@given(histories(), sites, st.data())
def test_a_restart_withdraws_what_the_dead_process_wrote(
    arrivals: list[Arrival], site: Site, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(0, len(arrivals)))
    died = data.draw(st.integers(kept, len(arrivals)))
    store = Store()
    shard = SessionShard(POLICY)
    store.insert(play(shard, site, arrivals[:kept]))
    value = pickle.dumps(shard.snapshot())
    store.insert(play(shard, site, arrivals[kept:died]))
    again = SessionShard.restore(pickle.loads(value), POLICY)
    store.insert(play(again, site, arrivals[kept:], advance_every=7))
    store.insert(finish(again, arrivals))
    assert plain(store.standing()) == plain(expected(site, live_events(arrivals)))


@examples(100)
@given(histories(max_records=15), sites)
def test_duplicates_are_told_by_their_place(arrivals: list[Arrival], site: Site) -> None:
    shard = SessionShard(POLICY)
    seen: set[tuple[int, bytes]] = set()
    for arrival in arrivals:
        live, _ = arrival.split(POLICY)
        places = []
        for place, fact in enumerate(live):
            if (arrival.visitor_id, fact.event_id) in seen:
                places.append(place)
            seen.add((arrival.visitor_id, fact.event_id))
        assert shard.absorb(site, arrival.visitor_id, arrival.who, live, arrival.log_time) == places

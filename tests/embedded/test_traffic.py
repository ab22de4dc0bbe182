"""The made-up traffic: repeatable, valid, and varied enough to show something."""

from __future__ import annotations

import os
from collections import Counter

import msgspec

from embedded.traffic import AGENTS, BOT_AGENT, Request, traffic
from footfall.event import REQUIRED_PART, Batch

DECODER = msgspec.json.Decoder(Batch)


def requests(seed: int = 1) -> list[Request]:
    return list(traffic(seed, seconds=60, events_per_s=50, pace=0.3))


def test_it_follows_from_the_seed() -> None:
    first, again, other = requests(1), requests(1), requests(2)
    assert [(one.at_s, one.step) for one in first] == [(one.at_s, one.step) for one in again]
    assert [(one.at_s, one.step) for one in first] != [(one.at_s, one.step) for one in other]


def test_it_is_in_order_and_at_about_the_rate_asked_for() -> None:
    times = [one.at_s for one in requests()]
    assert times == sorted(times)
    assert times[-1] < 60
    assert 60 * 50 * 0.5 < sum(len(one.step.events) for one in requests()) < 60 * 50 * 1.5


def test_every_body_is_a_valid_batch_with_ids_of_its_own() -> None:
    ids = set()
    names: Counter[str] = Counter()
    for one in requests():
        batch = DECODER.decode(one.visit.body(one.step, 1_800_000_000_000, os.urandom))
        for event in batch.events:
            assert event.event_id is not None
            assert event.event_id.version == 7
            ids.add(event.event_id)
            names[event.name] += 1
            if event.name in REQUIRED_PART:
                assert getattr(event, REQUIRED_PART[event.name]), event
    assert len(ids) == sum(names.values())
    assert names["purchase"] > 0
    assert names["page_view"] > names["search"] > 0


def test_there_are_many_visitors_agents_networks_and_some_bots() -> None:
    visits = {id(one.visit): one.visit for one in requests()}.values()
    addresses = {visit.headers["X-Forwarded-For"].rpartition(".")[0] for visit in visits}
    assert len(addresses) > len(visits) * 0.9
    assert len({visit.headers["User-Agent"] for visit in visits}) > len(AGENTS)
    bots = [visit for visit in visits if visit.bot]
    assert 0 < len(bots) < len(visits) / 5
    assert {visit.headers["User-Agent"] for visit in bots} == {BOT_AGENT}
    assert any(visit.visitor_id for visit in visits)
    assert not all(visit.visitor_id for visit in visits)

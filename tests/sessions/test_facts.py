"""From an enriched batch to facts, and from facts to a row."""

from __future__ import annotations

import pytest
from msgspec.structs import astuple

from footfall.enrich.batch import EnrichedBatch, Page, Traffic
from footfall.event import Order
from footfall.ids import uuid7
from footfall.names import Source
from footfall.record import LogEvent, Record
from footfall.sessions import Fact, SessionRow, SessionShard, facts_of, who_of
from tests.sessions.histories import POLICY, START
from tests.sessions.live import DAY, GOOGLE, MAIL, SITE, Live, fact


def test_facts_of_a_batch() -> None:
    def order(currency: str) -> LogEvent:
        return LogEvent(
            name="purchase", event_id=bytes(16), order=Order(revenue=19.99, currency=currency), engaged_ms=7
        )

    view = LogEvent(name="page_view", event_id=bytes(15) + b"1", order=Order(revenue=5.0))
    events = [order("EUR"), order(""), order("eur"), order("USD"), view]
    batch = EnrichedBatch(Record(site_id="shop", source=Source.SERVER, events=events), SITE)
    batch.occurred = [1, 2, 3, 4, 5]
    batch.pages = [Page("h", f"/{n}") for n in range(5)]
    batch.traffic = [GOOGLE] * 5
    batch.goals = [("buy",)] * 4 + [()]
    facts = facts_of(batch)
    assert [f.revenue for f in facts] == [199_900, 199_900, 199_900, 0, 0]
    assert facts[0] == Fact(1, bytes(16), "purchase", "h", "/0", GOOGLE, 7, 199_900, ("buy",), False)
    assert isinstance(facts[0], Fact)
    assert who_of(batch).site_id == "shop"
    batch.occurred.pop()
    with pytest.raises(ValueError, match="argument"):
        facts_of(batch)


def test_a_row_has_no_field_left_out() -> None:
    """Every field that an event can set differs from its default."""
    live = Live()
    traffic = Traffic("Paid", "g.com", "g.com/", "s", "m", "c", "t", "x", "gclid")
    live.tell(fact(START, traffic=traffic), fact(START + 1, "purchase", revenue=5, goals=("g",), engaged_ms=1),
              fact(START + 2, traffic=MAIL))  # fmt: skip
    (row,) = live.sessions()
    empty = SessionRow(site_id="", session_id=0, visitor_id=0, start_at=0)
    same = {
        name
        for name, value, default in zip(row.__struct_fields__, astuple(row), astuple(empty), strict=True)
        if value == default
    }
    assert same == {"country", "region", "city", "bot", "generation", "is_bounce", "is_deleted"}


def test_a_batch_folds_as_its_facts_do() -> None:
    """The way past `Fact`, with duplicates and with a choice of places."""
    events = [LogEvent(name="page_view", event_id=uuid7(START + n % 6, bytes([n % 6] * 10))) for n in range(8)]
    batch = EnrichedBatch(Record(site_id="shop", events=events), SITE)
    batch.occurred = [START + n for n in range(8)]
    batch.pages = [Page("h", f"/{n}") for n in range(8)]
    batch.traffic = [MAIL, GOOGLE] * 4
    batch.goals = [()] * 8
    for places in (None, [1, 2, 6, 7]):
        one, other = SessionShard(POLICY), SessionShard(POLICY)
        facts = facts_of(batch)
        chosen = facts if places is None else [facts[place] for place in places]
        told = one.absorb(SITE, 1, who_of(batch), chosen, START + 10)
        assert other.absorb_batch(batch, 1, START + 10, places) == ([6, 7] if places is None else [7])
        assert told == ([6, 7] if places is None else [3])
        assert one.advance(START + DAY) == other.advance(START + DAY)

"""The rules one by one, with figures a person can check."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import msgspec
import pytest
from msgspec.structs import astuple

from footfall.enrich.batch import INTERNAL, EnrichedBatch, Page, Traffic
from footfall.event import Order
from footfall.ids import session_id, uuid7
from footfall.names import Source
from footfall.record import LogEvent, Record
from footfall.sessions import Fact, Policy, SessionRow, SessionShard, facts_of, session_version, who_of
from footfall.sessions.run import MAX_EVENT_IDS, Run
from footfall.sessions.visitor import Visitor
from footfall.sites import Site, Window
from tests.sessions.histories import HOUR, MINUTE, POLICY, SECOND, START, WHO, Store

SITE = Site(site_id="shop", currency="EUR")
DAY = 24 * HOUR
MIDNIGHT = START - START % DAY + DAY
GOOGLE = Traffic(channel="Organic Search", referrer_host="google.com")
MAIL = Traffic(channel="Email", utm_source="letter", utm_campaign="may")
_ordinal = itertools.count()


def fact(at: int, name: str = "page_view", **fields: Any) -> Fact:
    """An event with an id of its own; ids ascend."""
    event_id = uuid7(at, next(_ordinal).to_bytes(10, "big"))
    values = {"host": "shop.example", "path": "/", "traffic": INTERNAL, **fields}
    return Fact(at, event_id, name, **values)


class Live:
    """A shard, one visitor, and what came out."""

    def __init__(self, policy: Policy = POLICY, site: Site = SITE) -> None:
        self.shard, self.site = SessionShard(policy), site
        self.rows: list[SessionRow] = []

    def tell(self, *facts: Fact, log_time: int = 0, visitor_id: int = 1) -> list[int]:
        log_time = log_time or max(f.occurred_at for f in facts)
        places = self.shard.absorb(self.site, visitor_id, WHO[0], facts, log_time)
        self.rows += self.shard.advance(log_time)
        return places

    def until(self, log_time: int) -> list[SessionRow]:
        rows = self.shard.advance(log_time)
        self.rows += rows
        return rows

    def sessions(self) -> list[SessionRow]:
        """What stands in the store once everything is closed."""
        self.until(START + 1000 * DAY)
        store = Store()
        store.insert(self.rows)
        return sorted(store.standing(), key=lambda row: row.start_at)


def test_the_window_is_inclusive() -> None:
    live = Live()
    live.tell(fact(START))
    live.tell(fact(START + 30 * MINUTE))
    live.tell(fact(START + 60 * MINUTE + 1))
    assert [row.events for row in live.sessions()] == [2, 1]


def test_closed_when_log_time_passes_last_event_window_and_lateness() -> None:
    live = Live()
    live.tell(fact(START))
    assert not any(row.is_closed for row in live.until(START + 40 * MINUTE))
    assert [row.is_closed for row in live.until(START + 40 * MINUTE + 1)] == [True]
    assert len(live.shard) == live.shard.visitors == 0


def test_open_rows_within_ten_seconds_then_once_a_minute_when_changed() -> None:
    live = Live()
    for second in range(180):
        live.tell(fact(START + second * SECOND))
    times = [(row.log_time - START) // SECOND for row in live.rows]
    assert times == [5, 65, 125]
    assert [row.events for row in live.rows] == [5, 65, 125]
    live.until(START + 10 * MINUTE)
    assert [row.events for row in live.rows[3:]] == [180]
    assert len({row.session_id for row in live.rows}) == 1


def test_a_bridging_event_withdraws_the_vanished_session() -> None:
    live = Live(Policy(lateness_ms=HOUR))
    first, second = fact(START), fact(START + 50 * MINUTE)
    live.tell(first)
    live.tell(second)
    live.until(START + 51 * MINUTE)
    assert len(live.shard) == 2
    live.tell(fact(START + 25 * MINUTE), log_time=START + 52 * MINUTE)
    assert len(live.shard) == 1
    live.until(START + 54 * MINUTE)
    (gone,) = [row for row in live.rows if row.is_deleted]
    assert (gone.start_at, gone.session_id) == (
        second.occurred_at,
        session_id("shop", 1, second.event_id),
    )
    assert [row.events for row in live.sessions()] == [3]


def test_an_id_never_written_needs_no_withdrawal() -> None:
    live = Live()
    live.tell(fact(START + 2 * SECOND))
    live.tell(fact(START), log_time=START + 3 * SECOND)
    assert len(live.sessions()) == 1
    assert not any(row.is_deleted for row in live.rows)


@pytest.mark.parametrize(("last", "sessions"), [(DAY, [25]), (DAY + 1, [4, 21])])
def test_a_run_longer_than_a_day_is_cut_at_midnight(last: int, sessions: list[int]) -> None:
    live = Live(site=Site(site_id="shop", windows=(Window(valid_from=0, window_ms=2 * HOUR),)))
    start = MIDNIGHT - 4 * HOUR
    for hour in range(24):
        live.tell(fact(start + hour * HOUR))
    live.tell(fact(start + last))
    assert [row.events for row in live.sessions()] == sessions


def test_a_run_without_end_stays_bounded_and_its_days_are_closed() -> None:
    live = Live()
    for step in range(5 * 24 * 3):
        live.tell(fact(START + step * 20 * MINUTE))
    assert len(live.shard) == 1
    visitor = live.shard._visitors.wake(1)
    assert len(visitor.runs[0].parts) <= 3
    assert sum(row.is_closed for row in live.rows) >= 3
    days = live.sessions()
    assert sum(row.events for row in days) == 5 * 24 * 3
    assert [row.start_at // DAY for row in days] == sorted({row.start_at // DAY for row in days})


def test_server_events_join_but_never_open() -> None:
    live = Live()
    live.tell(fact(START, "request", client=False))
    assert live.until(START + MINUTE) == []
    live.tell(fact(START + 2 * MINUTE, traffic=GOOGLE))
    (row,) = live.sessions()
    assert (row.events, row.start_at, row.channel) == (2, START, "Organic Search")
    lone = Live()
    lone.tell(fact(START, client=False))
    assert lone.sessions() == []
    assert lone.rows == []


def test_from_within_the_site_is_direct_and_further_sources_are_touches() -> None:
    live = Live()
    live.tell(fact(START), fact(START + 1, traffic=MAIL), fact(START + 2, traffic=GOOGLE))
    live.tell(fact(START + 3, traffic=MAIL))
    (row,) = live.sessions()
    assert row.channel == "Direct"
    assert row.touch_at == [START + 1, START + 2]
    assert row.touch_source == ["letter", "google.com"]
    assert row.touch_campaign == ["may", ""]


def test_bounce() -> None:
    for facts, bounce in [
        ([fact(START)], True),
        ([fact(START), fact(START + 1)], False),
        ([fact(START, engaged_ms=9999)], True),
        ([fact(START, engaged_ms=10_000)], False),
        ([fact(START, goals=("signup",))], False),
    ]:
        live = Live()
        live.tell(*facts)
        assert [row.is_bounce for row in live.sessions()] == [bounce]


def test_pages_are_the_first_hundred_and_the_exit_page_is_the_last() -> None:
    live = Live()
    told = [fact(START + n, path=f"/{n}") for n in range(150)]
    for place in (2, 0, 1):
        live.tell(*told[place * 50 : place * 50 + 50], log_time=START + 200 + 2 - place)
        live.shard.advance(0)
    (row,) = live.sessions()
    assert row.pages == [f"/{n}" for n in range(100)]
    assert (row.entry_page, row.exit_page, row.page_views) == ("/0", "/149", 150)


def test_yesterdays_id_is_kept_while_that_visit_goes_on() -> None:
    live = Live()
    live.tell(fact(MIDNIGHT - 5 * MINUTE), visitor_id=10)
    shard = live.shard
    assert shard.resolve(11, 10, MIDNIGHT + MINUTE) == 10
    live.tell(fact(MIDNIGHT + 20 * MINUTE), visitor_id=10)
    assert shard.resolve(11, 0, MIDNIGHT + 45 * MINUTE) == 10  # past the first window, still going on
    assert shard.resolve(12, 11, MIDNIGHT + 45 * MINUTE) == 12  # no chain of days
    assert shard.resolve(11, 0, MIDNIGHT + 50 * MINUTE + 1) == 11  # a new visit
    assert shard.resolve(13, 99, MIDNIGHT) == 13
    restored = SessionShard.restore(shard.snapshot(), POLICY)
    assert restored.resolve(11, 0, MIDNIGHT + 45 * MINUTE) == 10
    restored.advance(MIDNIGHT + DAY)
    assert restored.resolve(11, 0, MIDNIGHT + 45 * MINUTE) == 11
    assert not restored.aliases


def test_event_ids_of_a_long_run_are_bounded_and_the_latest_known() -> None:
    live = Live()
    told = [fact(START + n) for n in range(2 * MAX_EVENT_IDS)]
    for place in range(0, len(told), 500):
        assert live.tell(*told[place : place + 500]) == []
    assert live.tell(*told[-500:]) == list(range(500))
    assert len(live.shard._visitors.wake(1).runs[0].ids) <= 16 * MAX_EVENT_IDS
    assert live.sessions()[0].events == 2 * MAX_EVENT_IDS


def test_uuids_that_share_a_half_are_told_apart() -> None:
    node = bytes(8)
    told = [fact(START + n)._replace(event_id=n.to_bytes(8, "big") + node) for n in range(10)]
    live = Live()
    assert live.tell(*told) == []


def test_state_with_fewer_fields_still_decodes() -> None:
    live = Live()
    live.tell(fact(START))
    visitor = live.shard._visitors.wake(1)
    data = msgspec.msgpack.decode(visitor.encode()[20:])
    site_id, ((*run,),) = data[0], data[1]
    older_part = run[5][0][:14]
    older = msgspec.msgpack.encode([site_id, [[*run[:5], [older_part]]]])
    again = Visitor.decode(visitor.encode()[:20] + older)
    assert again.runs[0].events == 1
    assert again.runs[0].parts[0].first_at == START
    assert again.runs[0].parts[0].touches == []
    assert again.aliases == []


def test_state_does_not_share_its_defaults() -> None:
    one, other = Run(), Run()
    one.ids += b"x"
    assert other.ids == b""
    assert one.parts is not other.parts


def test_a_snapshot_is_a_value() -> None:
    live = Live()
    live.tell(fact(START))
    value = live.shard.snapshot()
    before = pickle.dumps(value)
    live.tell(fact(START + 1))
    live.until(START + DAY)
    assert pickle.dumps(value) == before
    assert live.shard.snapshot() != value
    with pytest.raises(ValueError, match="upgrade"):
        SessionShard.restore((99, *value[1:]), POLICY)


def test_versions() -> None:
    assert session_version(0, 5, closed=False) < session_version(0, 5, closed=False, deleted=True)
    assert session_version(0, 5, closed=False, deleted=True) < session_version(0, 5, closed=True)
    assert session_version(0, 5, closed=True) < session_version(0, 6, closed=False)
    assert session_version(0, 10**9, closed=True) < session_version(1, 0, closed=False, deleted=True)


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


def test_an_id_that_comes_again_is_known_whatever_its_order() -> None:
    """Ids below, above and among the known ones; from state that has no greatest id too."""
    live = Live()
    told = [fact(START + n)._replace(event_id=n.to_bytes(16, "big")) for n in range(60)]
    assert live.tell(*told[20:40]) == []
    assert live.tell(*told[10:30]) == list(range(10, 20))
    live.shard._visitors.wake(1).runs[0].max_id = b""
    live.shard = SessionShard.restore(live.shard.snapshot(), POLICY)
    assert live.tell(*told[30:50]) == list(range(10))
    assert live.shard._visitors.wake(1).runs[0].max_id == b""
    assert live.tell(*told) == list(range(10, 50))

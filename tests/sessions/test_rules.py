"""The rules one by one, with figures a person can check."""

from __future__ import annotations

import pytest

from footfall.ids import session_id
from footfall.sessions import Policy, SessionShard
from footfall.sites import Site, Window
from tests.sessions.histories import HOUR, MINUTE, POLICY, SECOND, START
from tests.sessions.live import DAY, GOOGLE, MAIL, Live, fact

MIDNIGHT = START - START % DAY + DAY


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

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from footfall.names import database_name
from jobs import rollups
from jobs.job import StoppedError
from jobs.rollups import DAYS, HOURS, rollup
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, HOUR, MINUTE, Bench, bench, event, ms, session, time_of
from tests.jobs.recount import assert_equal

ZONES = {
    "berlin.example": "Europe/Berlin",  # 29 March 2026 has 23 hours, 25 October has 25
    "patan.example": "Asia/Kathmandu",  # +05:45
    "pune.example": "Asia/Kolkata",  # +05:30
    "boston.example": "America/New_York",
}
SPRING = ms("2026-03-28T12:00Z")
AUTUMN = ms("2026-10-24T12:00Z")


@pytest.fixture
def made(store: StoreServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(store, tmp_path) as made:
        for site_id, zone in ZONES.items():
            made.control.add_site(site_id, now=0, timezone=zone)
        yield made


def traffic(seed: int, start: int, length: int, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rnd = random.Random(seed)
    events, sessions = [], []
    for _ in range(count):
        site, visitor = rnd.choice(list(ZONES)), rnd.randrange(25)
        at = start + rnd.randrange(length)
        # Boundaries are where mistakes are: half of all is at a full quarter or just before.
        at = at - at % (15 * MINUTE) - rnd.randrange(2) if rnd.random() < 0.5 else at
        what = {
            "country": rnd.choice(["DE", "NP", ""]), "browser": rnd.choice(["Firefox", "Chrome"]),
            "os": "Linux", "device_type": rnd.choice(["mobile", "desktop"]),
            "bot": "known_crawler" if visitor == 3 else "", "id_kind": 3 if visitor == 4 else visitor % 3,
        }  # fmt: skip
        events.append(
            event(site, visitor, at, rnd.choice(["page_view", "click", "path_change"]),
                  path=rnd.choice(["/", "/a", "/b", ""]), **what)
        )  # fmt: skip
        if rnd.random() < 0.3:
            sessions.append(
                session(site, visitor, at, engaged_ms=rnd.randrange(99), duration_ms=rnd.randrange(99),
                        conversions=rnd.randrange(3), orders=1, revenue=rnd.randrange(-9, 99), events=7,
                        page_views=3, is_bounce=rnd.randrange(2), channel=rnd.choice(["Direct", "Email"]),
                        utm_source=rnd.choice(["", "news"]), referrer_host="ref.example", **what)
            )  # fmt: skip
    return events, sessions


@pytest.mark.parametrize("start", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_equal_to_a_recount_over_a_clock_change(made: Bench, start: int) -> None:
    events, sessions = traffic(1, start, 2 * DAY, 1500)
    made.insert("events", events)
    made.insert("sessions", sessions)
    until = start + 2 * DAY - 7 * MINUTE
    made.stored_until(until)
    for kind in (HOURS, DAYS):
        rollup(made.context(), kind)
        assert assert_equal(made, ZONES, kind.name, until) > 100


def test_buckets_are_computed_when_they_close_and_again_when_they_change(made: Bench) -> None:
    events, sessions = traffic(2, SPRING, 30 * HOUR, 600)
    zones = ZONES
    done = 0
    for until in range(SPRING, SPRING + 31 * HOUR, 197 * MINUTE):
        made.insert("events", [e for e in events if done < e["log_time"].timestamp() * 1000 <= until])
        made.insert("sessions", [s for s in sessions if done < s["log_time"].timestamp() * 1000 <= until])
        made.stored_until(until)
        for kind in (HOURS, DAYS):
            rollup(made.context(), kind)
            assert_equal(made, zones, kind.name, until)
        done = until
    # Late events, a session that grew, one that is withdrawn: log time says it.
    later = SPRING + 40 * HOUR
    made.insert("events", [event("patan.example", 77, SPRING + HOUR, path="/late", log_time=later)])
    old = sessions[0]
    made.insert("sessions", [old | {"version": 9, "is_deleted": 1, "log_time": time_of(later)}])
    made.stored_until(later)
    for kind in (HOURS, DAYS):
        rollup(made.context(), kind)
        assert_equal(made, zones, kind.name, later)


def test_a_value_that_vanished_vanishes(made: Bench) -> None:
    at, until = SPRING + HOUR, SPRING + 3 * DAY
    gone = session("pune.example", 5, at, channel="Email", entry_page="/only-here")
    made.insert("sessions", [gone, session("pune.example", 6, at)])
    made.insert("events", [event("pune.example", v, at, country="FR") for v in (5, 6)])
    made.stored_until(until)
    rollup(made.context(), DAYS)
    assert made.rows("SELECT count() FROM rollup_day FINAL WHERE value = '/only-here'") == [(1,)]
    assert made.rows("SELECT count() FROM visitor_days FINAL") == [(2,)]
    made.client.execute("DELETE FROM events WHERE visitor_id = 5")  # erasure, which leaves no log time
    made.insert("sessions", [gone | {"version": 2, "is_deleted": 1}])
    mark(made, "pune.example", at)
    rollup(made.context(), DAYS)
    assert made.rows("SELECT count() FROM rollup_day_v1 WHERE value = '/only-here'") == [(0,)]
    assert made.rows("SELECT visitor_id FROM visitor_days_v1") == [(6,)]
    assert_equal(made, ZONES, "day", until)
    assert made.rows("SELECT count() FROM rollup_dirty FINAL WHERE kind = 'day'") == [(0,)]
    assert made.rows("SELECT count() FROM rollup_dirty FINAL WHERE kind = 'hour'") == [(1,)]


def mark(made: Bench, site_id: str, at: int) -> None:
    row = {"site_id": site_id, "slot": time_of(at - at % (15 * MINUTE)), "mark": 1, "version": 0, "is_deleted": 0}
    made.insert("rollup_dirty", [row | {"kind": kind} for kind in ("hour", "day")])


def test_nothing_new_asks_little(made: Bench) -> None:
    events, sessions = traffic(3, SPRING, 5 * HOUR, 50)
    made.insert("events", events)
    made.insert("sessions", sessions)
    made.stored_until(SPRING + 6 * HOUR)
    rollup(made.context(), HOURS)
    made.stored_until(SPRING + 6 * HOUR + 10_000)
    before = made.rows("SELECT count() FROM rollup_hour")
    assert rollup(made.context(), HOURS) == "0 hours computed"
    assert made.rows("SELECT count() FROM rollup_hour") == before


def test_nothing_is_computed_before_all_of_it_is_stored(made: Bench) -> None:
    made.insert("events", [event("pune.example", 1, SPRING)])
    row = {"log_partition": 0, "log_offset": 1, "log_time": time_of(SPRING + DAY), "stored_at": time_of(SPRING)}
    made.insert("progress", [row | {"heartbeat_at": time_of(SPRING)}])
    assert rollup(made.context(), HOURS) == "0 hours computed"  # the other partition is not heard of
    made.stored_until(SPRING + DAY)
    assert rollup(made.context(), HOURS) == "1 hours computed"


def test_a_pass_broken_off_goes_on(made: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    events, sessions = traffic(4, SPRING, 2 * DAY, 500)
    made.insert("events", events)
    made.insert("sessions", sessions)
    until = SPRING + 2 * DAY
    made.stored_until(until)
    monkeypatch.setattr(rollups, "BUDGET_S", 0.0)
    context, steps = made.context(), 0
    context.progress = lambda _done, _total: context.stop.set() if steps == 2 else None  # killed here
    while True:
        context.again = False
        try:
            rollup(context, HOURS)
        except StoppedError:
            context.stop.clear()
            context.again = True
        steps += 1
        made.insert("events", [event("pune.example", 1, SPRING + HOUR, log_time=until + steps)])  # meanwhile
        if not context.again:
            break
    assert steps > 4
    made.stored_until(until + steps)
    monkeypatch.undo()
    rollup(made.context(), HOURS)
    assert_equal(made, ZONES, "hour", until + steps)


def test_another_time_zone_cuts_other_days(made: Bench) -> None:
    events, sessions = traffic(5, SPRING, 2 * DAY, 300)
    made.insert("events", events)
    made.insert("sessions", sessions)
    until = SPRING + 3 * DAY
    made.stored_until(until)
    rollup(made.context(), DAYS)
    made.control.update_site("berlin.example", timezone="Asia/Kathmandu")
    rollup(made.context(), DAYS)
    zones = ZONES | {"berlin.example": "Asia/Kathmandu"}
    assert_equal(made, zones, "day", until)


def test_visitor_days_equal_a_recount(made: Bench) -> None:
    events, sessions = traffic(6, AUTUMN, 2 * DAY, 800)
    mixed = event("pune.example", 3, AUTUMN + HOUR, bot="")  # a bot by its other events of the day
    made.insert("events", [*events, mixed])
    made.insert("sessions", sessions)
    until = AUTUMN + 3 * DAY
    made.stored_until(until)
    rollup(made.context(), DAYS)
    zone_of = ", ".join(f"site_id = '{site}', '{zone}'" for site, zone in ZONES.items())
    local = " ".join(f"WHEN site_id = '{s}' THEN toDate({{}}, '{z}')" for s, z in ZONES.items())
    assert zone_of
    events_day, sessions_day = (f"CASE {local.format(*[c] * len(ZONES))} END" for c in ("occurred_at", "start_at"))
    expected = made.rows(
        f"""
        WITH e AS (
            SELECT site_id, assumeNotNull({events_day}) AS day, visitor_id, toString(bot) AS b, count() AS events,
                   countIf(name IN ('page_view', 'path_change')) AS views
            FROM events FINAL WHERE id_kind != 3 GROUP BY site_id, day, visitor_id, b
        ), s AS (
            SELECT site_id, assumeNotNull({sessions_day}) AS day, visitor_id, toString(bot) AS b,
                   count() AS sessions, sum(revenue) AS revenue
            FROM sessions FINAL WHERE id_kind != 3 GROUP BY site_id, day, visitor_id, b
        )
        SELECT site_id, day, visitor_id, b, events, views, sessions, revenue FROM e LEFT JOIN s
        USING (site_id, day, visitor_id, b)
        ORDER BY site_id, day, visitor_id, b LIMIT 1 BY site_id, day, visitor_id
        """
    )
    found = made.rows(
        """
        SELECT site_id, day, visitor_id, toString(bot), events, page_views, sessions, revenue
        FROM visitor_days FINAL ORDER BY site_id, day, visitor_id
        """
    )
    assert len(found) > 100
    assert found == expected
    assert [row for row in found if row[2] == 3 and row[3] == ""]


def test_the_view_shows_what_readers_need(made: Bench) -> None:
    made.insert("events", [event("pune.example", v, SPRING + HOUR) for v in (1, 2, 2)])
    made.insert("sessions", [session("pune.example", 1, SPRING + HOUR, revenue=123_450)])
    made.stored_until(SPRING + 3 * DAY)
    rollup(made.context(), HOURS)
    total = made.rows(
        f"""
        SELECT sum(page_views), uniqExactMerge(visitors), toString(sum(revenue))
        FROM {database_name(made.stage)}.rollup_hour_v1 WHERE site_id = 'pune.example' AND dimension = ''
        """
    )
    assert total == [(3, 2, "12.345")]

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from footfall.enrich.batch import INTERNAL, Device, Geo, Traffic
from footfall.sessions.facts import Fact, Who
from footfall.sessions.row import SessionRow
from footfall.sessions.shard import Policy, SessionShard
from footfall.sites import Goal, Site
from jobs import repair as repair_module
from jobs.facts import read_facts
from jobs.job import StoppedError
from jobs.repair import repair
from jobs.repair_list import backlog, mark_range
from jobs.rollups import DAYS, HOURS, rollup
from sinks.insert import insert_block
from sinks.native import StringPieces
from sinks.session_block import encode_sessions
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, HOUR, MINUTE, Bench, bench, event, ms, time_of
from tests.jobs.recount import assert_equal

SITE = "shop.example"
START = ms("2026-03-10T08:00Z")
WINDOW, LATENESS = 30 * MINUTE, 10 * MINUTE


@pytest.fixture
def made(store: StoreServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(store, tmp_path) as made:
        made.control.add_site(SITE, now=0)
        yield made


def live(made: Bench, events: list[dict[str, Any]], until: int) -> None:
    """What the flow would have written for the events that are not late."""
    site: Site = made.control.site(SITE)
    shard = SessionShard(Policy(lateness_ms=LATENESS))
    rows: list[SessionRow] = []
    for row in sorted((e for e in events if not e["late"]), key=lambda e: e["log_time"]):
        log_time = milli(row["log_time"])
        shard.absorb(site, row["visitor_id"], who_of(row), [fact_of(row)], log_time)
        rows += shard.advance(log_time)
    rows += shard.advance(until)
    if rows:
        insert_block(made.client, f"footfall_{made.stage}", "sessions", encode_sessions(rows, StringPieces()))


def milli(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def fact_of(row: dict[str, Any]) -> Fact:
    traffic = Traffic(row["channel"], "", "", row["utm_source"]) if row["channel"] else INTERNAL
    return Fact(
        milli(row["occurred_at"]), row["event_id"], row["name"], row["host"], row["path"], traffic,
        row["engaged_ms"], row["revenue"], (), row["source"] != 1,
    )  # fmt: skip


def who_of(row: dict[str, Any]) -> Who:
    device = Device(type=row["device_type"], browser=row["browser"], os=row["os"])
    return Who(site_id=SITE, id_kind=1, device=device, geo=Geo(country=row["country"]), bot=row["bot"])


def sort_and_split(events: list[dict[str, Any]], window: int = WINDOW) -> set[tuple[Any, ...]]:
    """Sessions worked out independently: sort, split at gaps, cut what is longer than a day."""
    by_visitor: dict[int, dict[bytes, dict[str, Any]]] = defaultdict(dict)
    for row in events:
        by_visitor[row["visitor_id"]][row["event_id"]] = row
    found = set()
    for visitor, rows in by_visitor.items():
        ordered = sorted(rows.values(), key=lambda r: (r["occurred_at"], r["event_id"]))
        runs: list[list[dict[str, Any]]] = []
        for row in ordered:
            if runs and milli(row["occurred_at"]) - milli(runs[-1][-1]["occurred_at"]) <= window:
                runs[-1].append(row)
            else:
                runs.append([row])
        for run in runs:
            found |= _rows(visitor, run)
    return found


def _rows(visitor: int, run: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    parts = [run]
    if milli(run[-1]["occurred_at"]) - milli(run[0]["occurred_at"]) > DAY:
        days = sorted({r["occurred_at"].date() for r in run})
        parts = [[r for r in run if r["occurred_at"].date() == day] for day in days]
    out = set()
    for part in parts:
        if all(r["source"] == 1 for r in part):
            continue
        pages = [r["path"] for r in part if r["name"] == "page_view"]
        out.add(
            (visitor, milli(part[0]["occurred_at"]), milli(part[-1]["occurred_at"]), len(part), len(pages),
             tuple(pages[:100]), sum(r["revenue"] for r in part if r["name"] == "purchase"), part[0]["bot"])
        )  # fmt: skip
    return out


def stored(made: Bench) -> set[tuple[Any, ...]]:
    rows = made.rows(
        """
        SELECT visitor_id, toInt64(toUnixTimestamp64Milli(start_at)), toInt64(toUnixTimestamp64Milli(end_at)),
               events, page_views, pages, revenue, toString(bot)
        FROM sessions FINAL WHERE is_closed
        """
    )
    assert len({row[:2] for row in rows}) == len(rows)
    return {(*row[:5], tuple(row[5]), *row[6:]) for row in rows}


def history(seed: int, visitors: int = 40, count: int = 900, span: int = 3 * DAY) -> list[dict[str, Any]]:
    """Clicks in bursts, a fifth of them late by up to two days, some events twice."""
    rnd = random.Random(seed)
    events: list[dict[str, Any]] = []
    for _ in range(count):
        visitor = rnd.randrange(1, visitors)
        # Bursts, so that runs come about; visitor 1 never pauses.
        at = START + rnd.randrange(span // WINDOW) * WINDOW + rnd.randrange(2 * WINDOW)
        if visitor == 1:
            at = START + len(events) * 13 * MINUTE % span
        delay = rnd.choice([0, 0, 0, MINUTE, rnd.randrange(LATENESS, 2 * DAY)])
        events.append(
            event(SITE, visitor, at, rnd.choice(["page_view", "click", "purchase"]), log_time=at + delay,
                  path=rnd.choice(["/", "/a"]), revenue=rnd.randrange(9), bot="spider" if visitor == 2 else "",
                  source=1 if visitor == 3 else 0)
        )  # fmt: skip
    return events


@pytest.mark.parametrize("seed", range(3))
def test_late_events_change_sessions_as_if_they_had_come_in_time(made: Bench, seed: int) -> None:
    events = history(seed)
    assert 100 < sum(e["late"] for e in events) < 400
    until = START + 6 * DAY
    made.insert("events", events)
    live(made, events, until)
    assert stored(made) != sort_and_split(events)
    made.stored_until(until)
    result = repair(made.context())
    assert result.endswith(" 0 waiting")
    assert stored(made) == sort_and_split(events)
    assert backlog(made.client).visitors == 0
    assert repair(made.context()) == "0 visitors repaired, 0 waiting"


@pytest.mark.parametrize("seed", range(2))
def test_while_log_time_goes_on(made: Bench, seed: int) -> None:
    """Repair runs beside the flow: it may never take what live events can still join."""
    events = history(seed + 100, visitors=15, count=400, span=DAY)
    end = max(milli(e["log_time"]) for e in events) + 2 * DAY
    shard = SessionShard(Policy(lateness_ms=LATENESS))
    site: Site = made.control.site(SITE)
    done = 0
    for until in range(START, end, 3 * HOUR + 7 * MINUTE):
        came = [e for e in events if done < milli(e["log_time"]) <= until]
        made.insert("events", came)
        rows: list[SessionRow] = []
        for row in sorted(came, key=lambda e: e["log_time"]):
            if not row["late"]:
                log_time = milli(row["log_time"])
                shard.absorb(site, row["visitor_id"], who_of(row), [fact_of(row)], log_time)
                rows += shard.advance(log_time)
        rows += shard.advance(until)
        if rows:
            block = encode_sessions(rows, StringPieces())
            insert_block(made.client, f"footfall_{made.stage}", "sessions", block)
        made.stored_until(until)
        repair(made.context())
        done = until
    assert stored(made) == sort_and_split(events)
    assert made.rows("SELECT count() FROM sessions FINAL WHERE NOT is_closed") == [(0,)]


def test_a_session_of_events_that_turned_out_to_be_stored_before_is_withdrawn(made: Bench) -> None:
    first = event(SITE, 7, START)
    again = event(SITE, 7, START + 3 * HOUR, event_id=first["event_id"])  # the same, taken for new
    other = event(SITE, 8, START)
    until = START + DAY
    made.insert("events", [first, other])
    live(made, [first, other, again], until)
    assert len(stored(made)) == 3
    mark = {"mark": START + 3 * HOUR, "events": 1, "version": 0, "is_deleted": 0}
    at = {"first_at": again["occurred_at"], "last_at": again["occurred_at"]}
    made.insert("repair_list", [{"site_id": SITE, "visitor_id": 7, **at, **mark}])
    made.stored_until(until)
    assert repair(made.context()) == "1 visitors repaired, 0 waiting"
    assert stored(made) == sort_and_split([first, other])


def test_events_of_nobody_are_on_no_list(made: Bench) -> None:
    """A server's events without a visitor are in no session, late or not."""
    made.insert("events", [event(SITE, 0, START, log_time=START + HOUR, source=1)])
    made.stored_until(START + DAY)
    assert repair(made.context()) == "0 visitors repaired, 0 waiting"
    assert mark_range(made.client, made.stage, SITE, START - HOUR, START + HOUR, 1) == 0
    assert backlog(made.client).visitors == 0


def test_killed_at_any_point_it_comes_to_the_same(made: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    events = history(9)
    until = START + 6 * DAY
    made.insert("events", events)
    live(made, events, until)
    made.stored_until(until)
    monkeypatch.setattr(repair_module, "VISITORS", 5)

    def killed(*_: object) -> None:
        raise StoppedError

    for point in ("mark_done", "encode_sessions", "insert_block"):
        with monkeypatch.context() as patch:
            patch.setattr(repair_module, point, killed)
            with pytest.raises(StoppedError):
                repair(made.context())
    context = made.context()
    context.progress = killed  # after the first batch
    with pytest.raises(StoppedError):
        repair(context)
    repair(made.context())
    assert stored(made) == sort_and_split(events)


def test_it_waits_for_the_window_and_the_lateness(made: Bench) -> None:
    early = event(SITE, 5, START, log_time=START)
    late = event(SITE, 5, START + 5 * MINUTE, log_time=START + 20 * MINUTE)
    made.insert("events", [early, late])
    for minutes, expected in ((21, "0 visitors repaired, 1 waiting"), (46, "1 visitors repaired, 0 waiting")):
        made.stored_until(START + minutes * MINUTE)
        assert repair(made.context()) == expected
    assert stored(made) == sort_and_split([early, late])


def test_who_has_to_wait_is_looked_at_ever_more_seldom(made: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor who never pauses, with an old late event."""
    events = [event(SITE, 5, START + n * 20 * MINUTE) for n in range(60)]
    late = event(SITE, 5, START + MINUTE, log_time=START + HOUR)
    made.insert("events", [*events, late])
    made.stored_until(START + 20 * HOUR)
    looks: list[int] = []
    now = START + 20 * HOUR
    context = made.context()
    context.now_ms = lambda: now

    def read(*arguments: Any) -> Any:
        looks.append(now)
        return read_facts(*arguments)

    monkeypatch.setattr(repair_module, "read_facts", read)
    for _ in range(40):
        assert repair(context) == "0 visitors repaired, 1 waiting"
        now += MINUTE
    assert len(set(looks)) == 6  # after 1, 2, 4, 8 and 16 minutes
    made.stored_until(START + 22 * HOUR)
    assert repair(made.context()) == "1 visitors repaired, 0 waiting"
    assert stored(made) == sort_and_split([*events, late])


def test_an_open_session_is_the_flows(made: Bench) -> None:
    """The late event is old, but the visitor's session it belongs to goes on."""
    events = [event(SITE, 5, START + n * 20 * MINUTE, log_time=START + n * 20 * MINUTE) for n in range(4)]
    late = event(SITE, 5, START + MINUTE, log_time=START + 61 * MINUTE)
    made.insert("events", [*events, late])
    now = START + 75 * MINUTE
    live(made, events, now)
    made.stored_until(now)
    assert made.rows("SELECT is_closed, events FROM sessions FINAL") == [(0, 4)]
    assert repair(made.context()) == "0 visitors repaired, 1 waiting"
    later = START + 2 * HOUR
    live(made, events, later)
    made.stored_until(later)
    assert repair(made.context()) == "1 visitors repaired, 0 waiting"
    assert stored(made) == sort_and_split([*events, late])


def test_a_new_goal_is_applied_to_history(made: Bench) -> None:
    events = [e for e in history(11) if not e["late"]]
    until = START + 6 * DAY
    made.insert("events", events)
    live(made, events, until)
    made.stored_until(until)
    made.control.set_goal(SITE, Goal(name="bought", event="purchase"))
    assert mark_range(made.client, made.stage, SITE, START, START + 9 * DAY, until) == len(
        {e["visitor_id"] for e in events}
    )
    repair(made.context())
    assert stored(made) == sort_and_split(events)
    counted = made.rows("SELECT sum(conversions), countIf(has(goals, 'bought')) FROM sessions FINAL")[0]
    bought = [e for e in events if e["name"] == "purchase" and e["source"] == 0]
    assert counted[0] == len(bought) > 0
    assert 0 < counted[1] <= counted[0]


def test_goals_with_props(made: Bench) -> None:
    made.control.set_goal(SITE, Goal(name="pro", event="signup", props=(("plan", "pro"),)))
    plans = {5: "pro", 6: "basic"}
    late = START + DAY
    events = [event(SITE, v, START, "signup", log_time=late, props={"plan": plan}) for v, plan in plans.items()]
    made.insert("events", events)
    made.stored_until(START + 2 * DAY)
    repair(made.context())
    assert made.rows("SELECT visitor_id, goals FROM sessions FINAL ORDER BY visitor_id") == [(5, ["pro"]), (6, [])]


def test_rollups_hear_of_it(made: Bench) -> None:
    events = history(12)
    until = START + 6 * DAY
    made.insert("events", events)
    live(made, events, until)
    made.stored_until(until)
    for kind in (HOURS, DAYS):
        rollup(made.context(), kind)  # has looked up to `until` before repair wrote anything
    repair(made.context())
    for kind in (HOURS, DAYS):
        rollup(made.context(), kind)
        assert_equal(made, {SITE: "UTC"}, kind.name, until)


def test_too_much_at_once_is_read_in_parts(made: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair_module, "MAX_FACTS", 50)
    monkeypatch.setattr(repair_module, "VISITORS", 16)
    events = history(13)
    until = START + 6 * DAY
    made.insert("events", events)
    live(made, events, until)
    made.stored_until(until)
    repair(made.context())
    assert stored(made) == sort_and_split(events)


def test_who_has_too_many_events_is_left_as_they_are(made: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [event(SITE, 5, START + n * 1_000, log_time=START + DAY) for n in range(30)]
    events += [event(SITE, 6, START + n * 1_000, log_time=START + DAY) for n in range(20)]
    made.insert("events", events)
    made.stored_until(START + 2 * DAY)
    monkeypatch.setattr(repair_module, "MAX_FACTS", 25)
    monkeypatch.setattr(repair_module, "MAX_VISITOR_FACTS", 25)
    said = repair(made.context())
    assert said == "1 visitors repaired, 0 waiting, 1 left as they are: over 25 events at a stretch"
    assert made.rows("SELECT visitor_id, events FROM sessions") == [(6, 20)]
    assert backlog(made.client).visitors == 0


def test_a_removed_site_leaves_the_list(made: Bench) -> None:
    made.insert("events", [event("gone.example", 5, START, log_time=START + DAY)])
    made.stored_until(START + 2 * DAY)
    repair(made.context())
    assert backlog(made.client).visitors == 0
    assert made.rows("SELECT count() FROM sessions") == [(0,)]
    assert time_of(START).year == 2026


def test_a_replay_changes_sessions_as_if_the_rule_had_always_been_so(made: Bench) -> None:
    """Some events have another path now, some are withdrawn; twice, and the second time other ones."""
    events = history(8, count=300)
    end = START + 5 * DAY
    made.insert("events", events)
    live(made, events, end)
    for replay in (1, 2):
        end += HOUR
        now = [
            row | {"path": "/new" if number % 3 == replay else row["path"], "late": 1,
                   "log_time": time_of(end - MINUTE), "log_offset": row["log_offset"] + replay * 10**15,
                   "replay": replay, "withdrawn": int(number % 7 == replay)}
            for number, row in enumerate(events)
        ]  # fmt: skip
        made.insert("events", now)
        made.stored_until(end)
        assert repair(made.context()).endswith(" 0 waiting")
        assert stored(made) == sort_and_split([row for row in now if not row["withdrawn"]])
        for kind in (HOURS, DAYS):
            rollup(made.context(), kind)
            assert_equal(made, {SITE: "UTC"}, kind.name, end)

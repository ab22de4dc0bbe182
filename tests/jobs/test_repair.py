"""Repair against sorting all events, splitting them and folding each run: it comes to the same, killed or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from footfall.sessions.row import SessionRow
from footfall.sessions.shard import Policy, SessionShard
from footfall.sites import Goal, Site
from jobs import repair as repair_module
from jobs.job import StoppedError
from jobs.repair import repair
from jobs.repair_list import backlog, mark_range
from jobs.rollups import DAYS, HOURS, rollup
from sinks.insert import insert_block
from sinks.native import StringPieces
from sinks.session_block import encode_sessions
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, HOUR, MINUTE, Bench, bench, event, time_of
from tests.jobs.recount import assert_equal
from tests.jobs.repairing import (
    LATENESS,
    SITE,
    START,
    fact_of,
    history,
    live,
    milli,
    sort_and_split,
    stored,
    who_of,
)


@pytest.fixture
def made(store: StoreServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(store, tmp_path) as made:
        made.control.add_site(SITE, now=0)
        yield made


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


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.drill)])
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

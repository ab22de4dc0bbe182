"""Whom the repair list names, and when their turn comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import repair as repair_module
from jobs.facts import read_facts
from jobs.repair import repair
from jobs.repair_list import backlog, mark_range
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, HOUR, MINUTE, Bench, bench, event, time_of
from tests.jobs.repairing import SITE, START, history, live, sort_and_split, stored


@pytest.fixture
def made(store: StoreServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(store, tmp_path) as made:
        made.control.add_site(SITE, now=0)
        yield made


def test_events_of_nobody_are_on_no_list(made: Bench) -> None:
    """A server's events without a visitor are in no session, late or not."""
    made.insert("events", [event(SITE, 0, START, log_time=START + HOUR, source=1)])
    made.stored_until(START + DAY)
    assert repair(made.context()) == "0 visitors repaired, 0 waiting"
    assert mark_range(made.client, made.stage, SITE, START - HOUR, START + HOUR, 1) == 0
    assert backlog(made.client).visitors == 0


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

"""Silent sites, with made-up history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cli.jobs_health import Worker, job_troubles
from footfall.silence import WINDOW_MS, Watch, judge, windows
from jobs.metrics import Seen
from jobs.silence import known, look_for_silence
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, HOUR, MINUTE, Bench, bench, event, ms

NOW = ms("2026-03-31T12:00Z")  # the clocks of Berlin changed two days ago
ZONE = "Europe/Berlin"


@pytest.fixture
def made(store: StoreServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(store, tmp_path) as found:
        yield found


def fill(made: Bench, site: str, weeks: int, each: int, *, until: int = NOW, **more: Any) -> None:
    """`each` events in the two hours before noon UTC of past weeks, by the clocks of the zone."""
    rows = []
    for first, _ in windows(until, ZONE)[1 : weeks + 1]:
        rows += [event(site, n + 1, first + n * (WINDOW_MS // each), **more) for n in range(each)]
    made.insert("events", rows)


def test_weeks_go_by_the_clocks_of_the_zone() -> None:
    ends = [datetime.fromtimestamp(end / 1000, UTC).astimezone(ZoneInfo(ZONE)) for _, end in windows(NOW, ZONE)]
    assert {(end.isoweekday(), end.hour, end.minute) for end in ends} == {(2, 14, 0)}
    assert windows(NOW, ZONE)[0][1] - windows(NOW, ZONE)[1][1] == 7 * DAY - HOUR


@pytest.mark.parametrize(
    ("count", "past", "since", "silent"),
    [
        (0, [100, 100, 100, 100], 0, True),
        (1, [100, 100, 100, 100], 0, True),
        (2, [100, 100, 100, 100], 0, False),
        (19, [100, 100, 100, 100], 7, True),  # a trickle does not end it
        (20, [100, 100, 100, 100], 7, False),
        (0, [100, 9_000, 90, 0], 0, True),  # a campaign, and a week without
        (0, [100, 0, 0, 0], 0, None),  # one week is not usual
        (0, [49, 49, 49, 49], 0, None),
    ],
)
def test_when_a_site_is_silent(count: int, past: list[int], since: int, silent: bool | None) -> None:
    before = Watch(count=0, usual=100.0, since=since)
    found = judge(count, past, before, NOW)
    assert (None if found is None else bool(found.since)) is silent
    if silent:
        assert found is not None
        assert found.since == (since or NOW)


def test_a_silent_site_is_seen_until_it_is_back(made: Bench) -> None:
    for site in ("silent.example", "well.example", "new.example", "robots.example"):
        made.control.add_site(site, now=0, timezone=ZONE)
    for site in ("silent.example", "well.example"):
        fill(made, site, 4, 60)
    fill(made, "robots.example", 4, 60, bot="crawler")
    recent = [event("well.example", n + 1, NOW - HOUR + n * MINUTE) for n in range(50)]
    imported = [event("silent.example", n + 1, NOW - HOUR + n * MINUTE, source=2) for n in range(50)]
    made.insert("events", recent + imported)
    made.stored_until(NOW)
    stage = made.stage
    assert look_for_silence(made.context()) == "2 sites with a usual week, silent: silent.example"
    assert known(made.control, stage)["silent.example"].since == NOW
    seen = {family.name: family for family in Seen(made.settings, made.control, ()).collect()}[
        "footfall_site_silent"
    ]
    shown = {sample.labels["site"]: sample.value for sample in seen.samples}
    assert shown == {"silent.example": 1, "well.example": 0}
    (trouble,) = [
        one
        for one in job_troubles(made.settings, Worker(1, 1000, "jobs.log"), NOW + 5 * MINUTE)
        if one.what == "silence"
    ]
    assert "silent.example has been silent for 5 min: 0 events in 2 h where 60 are usual" in trouble.found
    assert not trouble.grave

    made.insert("events", [event("silent.example", n + 1, NOW + n * MINUTE) for n in range(10)])
    made.stored_until(NOW + 10 * MINUTE)
    assert look_for_silence(made.context()) == "2 sites with a usual week, silent: silent.example"
    assert known(made.control, stage)["silent.example"].since == NOW, "a trickle: it goes on"
    made.insert("events", [event("silent.example", n + 50, NOW + n * MINUTE) for n in range(10)])
    assert look_for_silence(made.context()) == "2 sites with a usual week, none silent"


def test_late_data_are_not_silence(made: Bench) -> None:
    """The comparison goes up to what is stored, not to the clock."""
    made.control.add_site("shop.example", now=0, timezone=ZONE)
    fill(made, "shop.example", 4, 60)
    made.insert("events", [event("shop.example", n + 1, NOW - HOUR + n * MINUTE) for n in range(50)])
    made.stored_until(NOW)
    made.now = NOW + 6 * HOUR
    assert look_for_silence(made.context()) == "1 sites with a usual week, none silent"

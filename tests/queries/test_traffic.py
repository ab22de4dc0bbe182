"""Traffic by rollups and from the base tables, against pandas: ranges of all lengths, over a clock change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from queries.catalogue import measures
from queries.store import Store
from queries.traffic import ask
from tests.jobs.data import Bench, time_of
from tests.queries.conftest import LENGTH, ROLLED_UNTIL, START, ZONES
from tests.queries.recount import Rows, begins, breakdown, rows_of, totals

LENGTHS = (timedelta(minutes=20), timedelta(hours=5), timedelta(hours=24), timedelta(days=3), timedelta(days=9))
DIMENSIONS = (
    "page", "channel", "source", "campaign", "entry_page", "exit_page", "country", "device", "browser", "os"
)  # fmt: skip


@pytest.fixture(scope="module")
def truth(made: Bench) -> Rows:
    return rows_of(made)


def ranges(seed: int, count: int) -> Iterator[tuple[datetime, datetime]]:
    """Somewhere in the traffic, often up to where rollups end, at midnight, or beyond all traffic."""
    rnd = random.Random(seed)
    for _ in range(count):
        length = rnd.choice(LENGTHS)
        end = rnd.choice([START + rnd.randrange(LENGTH), ROLLED_UNTIL, START + LENGTH + 999, START + LENGTH // 2])
        if rnd.random() < 0.3:
            end -= end % 86_400_000
        yield time_of(end) - length, time_of(end)


def told(asked: Store, measure: str, **values: Any) -> list[dict[str, Any]]:
    answer = ask(asked, measures()[measure], values)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@pytest.mark.parametrize("rolled", ["true", "false"])
@pytest.mark.parametrize("site", ZONES)
def test_summary(asked: Store, truth: Rows, site: str, rolled: str) -> None:
    for start, end in ranges(1, 12):
        expected = totals(truth.between(site, begins(start, end, ZONES[site]), end))
        given = {"site": site, "zone": ZONES[site], "start": start, "end": end, "rolled": rolled}
        assert told(asked, "traffic_summary", **given) == [pytest.approx(expected)], (start, end)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "Pacific/Auckland", "UTC"])
def test_in_other_zones_the_base_tables_answer(asked: Store, truth: Rows, zone: str) -> None:
    for start, end in ranges(2, 4):
        expected = totals(truth.between("boston.example", begins(start, end, zone), end))
        given = {"site": "boston.example", "zone": zone, "start": start, "end": end, "rolled": "false"}
        assert told(asked, "traffic_summary", **given) == [pytest.approx(expected)], (start, end)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("rolled", ["true", "false"])
def test_breakdown(asked: Store, truth: Rows, dimension: str, rolled: str) -> None:
    for site, (start, end) in zip(ZONES, ranges(3, 4), strict=True):
        expected = breakdown(truth.between(site, begins(start, end, ZONES[site]), end), dimension)
        given = {"site": site, "zone": ZONES[site], "start": start, "end": end, "rolled": rolled}
        found = told(asked, "traffic_breakdown", **given, dimension=dimension, limit=100)
        shares = [line.pop("share") for line in found]
        assert {line.pop("value"): line for line in found} == {k: pytest.approx(v) for k, v in expected.items()}
        assert sum(share or 0 for share in shares) == pytest.approx(1 if found and sum(shares) else 0)
        visitors = [line["visitors"] for line in found]
        assert visitors == sorted(visitors, reverse=True)


@pytest.mark.parametrize("rolled", ["true", "false"])
@pytest.mark.parametrize("step", ["hour", "day"])
def test_series(asked: Store, truth: Rows, step: str, rolled: str) -> None:
    for site, (start, end) in zip(ZONES, ranges(4, 4), strict=True):
        zone = ZONES[site]
        given = {"site": site, "zone": zone, "start": start, "end": end, "rolled": rolled, "step": step}
        found = told(asked, "traffic_series", **given)
        rows = truth.between(site, begins(start, end, zone), end)
        seen = {_begin(at, zone, step) for at in [*rows.events.occurred_at, *rows.sessions.start_at]}
        times = [datetime.fromisoformat(line["time"]).replace(tzinfo=UTC) for line in found]
        assert times == sorted(seen)
        for time, line in zip(times, found, strict=True):
            events = [_begin(at, zone, step) == time for at in rows.events.occurred_at]
            sessions = [_begin(at, zone, step) == time for at in rows.sessions.start_at]
            inside = Rows(rows.events[events], rows.sessions[sessions])
            expected = totals(inside)
            assert {k: v for k, v in line.items() if k != "time"} == {
                k: pytest.approx(expected[k]) for k in line if k != "time"
            }


def _begin(at: datetime, zone: str, step: str) -> datetime:
    local = at.to_pydatetime().astimezone(ZoneInfo(zone)) if hasattr(at, "to_pydatetime") else at
    if step == "day":
        return datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return local.astimezone(UTC) - timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )


def test_totals_of_channels_are_those_of_the_summary(asked: Store) -> None:
    start, end = time_of(START), time_of(START + LENGTH)
    given = {"site": "berlin.example", "zone": "Europe/Berlin", "start": start, "end": end, "rolled": "true"}
    [summary] = told(asked, "traffic_summary", **given)
    for dimension in ("channel", "source", "country", "device", "entry_page"):
        rows = told(asked, "traffic_breakdown", **given, dimension=dimension, limit=1000)
        for measure in ("sessions", "bounces", "orders", "revenue"):
            assert sum(row[measure] for row in rows) == pytest.approx(summary[measure]), dimension

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from footfall.zones import HOUR_MS, day_of, day_range, days_between, hour_starts
from tests.jobs.data import ms


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", "2026-03-29", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Asia/Kathmandu", "2026-03-29", 24),
        ("Australia/Lord_Howe", "2026-10-04", 24),  # half an hour is skipped: one hour is short
        ("Australia/Lord_Howe", "2026-04-05", 25),  # half an hour twice
        ("America/Sao_Paulo", "2018-11-04", 23),  # midnight itself is skipped
        ("America/Havana", "2026-11-01", 25),  # the hour after midnight comes twice
    ],
)
def test_hours_tile_the_day(zone: str, day: str, hours: int) -> None:
    start, end = day_range(date.fromisoformat(day), zone)
    starts = hour_starts(date.fromisoformat(day), zone)
    assert len(starts) == hours
    assert starts[0] == start
    lengths = [later - sooner for sooner, later in zip(starts, [*starts[1:], end], strict=True)]
    assert all(0 < length <= HOUR_MS for length in lengths)
    assert all(length == HOUR_MS for length in lengths) or "Lord_Howe" in zone


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/Sao_Paulo", "America/Havana", "Pacific/Apia"])
def test_days_tile_time(zone: str) -> None:
    end = None
    for day in days_between(ms("2011-12-28T00:00Z"), ms("2012-01-03T00:00Z"), zone):
        start, stop = day_range(day, zone)
        assert end is None or start == end
        end = stop
        if stop > start:  # Apia had no 30 December 2011
            assert day_of(start, zone) == day == day_of(stop - 1, zone)


def test_kathmandu() -> None:
    start, _ = day_range(date(2026, 1, 2), "Asia/Kathmandu")
    assert datetime.fromtimestamp(start / 1000, UTC).isoformat() == "2026-01-01T18:15:00+00:00"

"""Which day a line's visitor id is made of."""

from __future__ import annotations

from cli.importer.visits import DAY_MS, MAX_REMEMBERED, VisitDays

MINUTE = 60_000
MIDNIGHT = 20_000 * DAY_MS


def days(*minutes_after_midnight: int) -> list[int]:
    """The days of one visitor's lines, counted from the day before midnight."""
    keeper = VisitDays(30 * MINUTE)
    return [keeper.day("192.0.2.1", "UA", MIDNIGHT + m * MINUTE) - 19_999 for m in minutes_after_midnight]


def test_a_visit_across_midnight_keeps_its_first_day() -> None:
    assert days(-10, 10, 35, 60) == [0, 0, 0, 0]


def test_a_pause_above_the_window_begins_the_new_day() -> None:
    assert days(-10, 20, 51, 60) == [0, 0, 1, 1]
    assert days(-10, 21) == [0, 1]


def test_nobody_is_followed_for_a_second_midnight() -> None:
    every_20_minutes = list(range(-20, 2 * 1440 + 1, 20))
    found = days(*every_20_minutes)
    assert found[0] == 0
    assert found[every_20_minutes.index(1420)] == 0
    assert found[every_20_minutes.index(1440)] == 2


def test_memory_is_bounded() -> None:
    keeper = VisitDays(30 * MINUTE)
    for number in range(MAX_REMEMBERED + 10):
        keeper.day(str(number), "UA", MIDNIGHT)
    assert len(keeper._last) <= MAX_REMEMBERED

"""What a restarted flow is told of stored positions."""

from __future__ import annotations

import pytest

from sinks import positions
from sinks.positions import StoredPositions


def test_missing() -> None:
    stored = {10: 0b101, 12: 0b11}
    known = StoredPositions(10, 12, lambda low, high: {o: b for o, b in stored.items() if low <= o <= high})
    assert known.missing(10, range(4)) == [1, 3]
    assert known.missing(11, range(4)) is None
    assert known.missing(12, [1, 5]) == [1]
    assert known.missing(13, range(4)) is None


def test_nothing_stored_costs_nothing() -> None:
    def read(_low: int, _high: int) -> dict[int, int]:
        raise AssertionError("nothing to read")

    assert StoredPositions(5, -1, read).missing(5, range(3)) is None


def test_long_gaps_are_read_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "WINDOW", 10)
    asked: list[tuple[int, int]] = []

    def read(low: int, high: int) -> dict[int, int]:
        asked.append((low, high))
        return dict.fromkeys(range(low, high + 1), 0b1)

    known = StoredPositions(0, 25, read)
    assert [known.missing(offset, [0]) for offset in (0, 9, 10, 24, 25, 26)] == [[], [], [], [], [], None]
    assert asked == [(0, 9), (10, 19), (24, 25)]

"""What a restarted flow is told of stored positions."""

from __future__ import annotations

import pytest

from sinks import positions
from sinks.positions import LogReplaced, Stored, StoredPositions


def test_missing() -> None:
    stored = {10: 0b101, 12: 0b11}
    known = StoredPositions(
        10, Stored(12, 10, 7), lambda low, high: {o: b for o, b in stored.items() if low <= o <= high}
    )
    assert known.missing(10, range(4), 7) == [1, 3]
    assert known.missing(11, range(4), 8) is None
    assert known.missing(12, [1, 5], 8) == [1]
    assert known.missing(13, range(4), 9) is None


def test_nothing_stored_costs_nothing() -> None:
    def read(_low: int, _high: int) -> dict[int, int]:
        raise AssertionError("nothing to read")

    assert StoredPositions(5, Stored(), read).missing(5, range(3), 7) is None


def test_long_gaps_are_read_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "WINDOW", 10)
    asked: list[tuple[int, int]] = []

    def read(low: int, high: int) -> dict[int, int]:
        asked.append((low, high))
        return dict.fromkeys(range(low, high + 1), 0b1)

    known = StoredPositions(0, Stored(25, 0, 7), read)
    assert [known.missing(offset, [0], 7) for offset in (0, 9, 10, 24, 25, 26)] == [[], [], [], [], [], None]
    assert asked == [(0, 9), (10, 19), (24, 25)]


def test_another_log_at_the_same_positions_is_refused() -> None:
    known = StoredPositions(0, Stored(12, 3, 7), lambda _low, _high: {})
    assert known.missing(2, [0], 5) is None
    with pytest.raises(LogReplaced, match="offset 3"):
        known.missing(3, [0], 8)

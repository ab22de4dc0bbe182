"""The check of the archive notices what is wrong with it."""

from __future__ import annotations

from footfall.archive import Entry
from footfall.record import LogEvent, Record, encode
from tests.drill.archived import problems_of

A, B, C = (bytes([number]) * 16 for number in range(3))


def entry(offset: int, *event_ids: bytes, left_out: tuple[int, ...] = ()) -> tuple[int, Entry]:
    record = Record(events=[LogEvent("page_view", event_id) for event_id in event_ids])
    return offset, Entry(offset, 0, encode(record), 1, "", "", "", "", list(left_out))


def test_each_event_once_is_right_though_objects_overlap() -> None:
    entries = {0: [entry(1, A), entry(2, A, B, left_out=(0,)), entry(1, A)], 1: [entry(1, C)]}
    assert problems_of(entries, {A, B, C}) == []


def test_it_says_what_is_wrong() -> None:
    assert problems_of({0: [entry(1, A)]}, {A, B}) == ["1 of 2 acknowledged events are not archived"]
    assert problems_of({0: [entry(1, A, B)]}, {A}) == ["1 archived events were never acknowledged"]
    assert problems_of({0: [entry(1, A)], 1: [entry(1, A)]}, {A}) == [
        "1 events are archived at more than one position"
    ]
    assert problems_of({0: [entry(1, A), entry(1, A, left_out=(0,))]}, {A}) == [
        "1 positions are archived twice and not alike"
    ]

"""The log's record format: whatever stands in the log is a record or a `DecodeError`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import record
from footfall.event import Element, Item, Order
from footfall.record import DecodeError, LogEvent, Record

TEXT = st.text(max_size=30)
WHOLE = st.integers(0, 2**31 - 1)
IDS = st.binary(min_size=16, max_size=16)
PROPS = st.dictionaries(TEXT, TEXT | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(), max_size=4)
EVENTS = st.builds(
    LogEvent,
    name=TEXT,
    event_id=IDS,
    occurred_at=st.integers(0, 253_402_300_799_999),
    url=TEXT,
    element=st.none() | st.builds(Element, tag=TEXT, x=WHOLE),
    items=st.none() | st.lists(st.builds(Item, item_id=TEXT, quantity=WHOLE), max_size=3),
    order=st.none() | st.builds(Order, order_id=TEXT, revenue=st.floats(-1e12, 1e12)),
    props=PROPS,
)
RECORDS = st.builds(
    Record,
    kind=st.sampled_from(["batch", "heartbeat", "quarantine"]),
    site_id=TEXT,
    batch_id=IDS,
    visitor_id=st.integers(0, 2**64 - 1),
    received_at=st.integers(0, 2**53),
    user_agent=TEXT,
    rejected=st.dictionaries(TEXT, WHOLE, max_size=3),
    events=st.lists(EVENTS, max_size=3),
    payload=st.binary(max_size=50),
)


def decoded(data: bytes) -> Record | None:
    """None where it is refused; anything but a `DecodeError` fails the test."""
    try:
        return record.decode(data)
    except DecodeError:
        return None


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(written: Record) -> None:
    assert record.decode(record.encode(written)) == written


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_record_or_refused(data: bytes, versioned: bool) -> None:
    found = decoded(bytes([record.VERSION]) + data if versioned else data)
    assert found is None or isinstance(found, Record)


@given(RECORDS, st.data())
def test_a_damaged_record_is_refused_or_still_one(written: Record, data: st.DataObject) -> None:
    whole = record.encode(written)
    place = data.draw(st.integers(0, len(whole) - 1), label="place")
    flipped = bytes([whole[place] ^ (1 << data.draw(st.integers(0, 7), label="bit"))])
    found = decoded(whole[:place] + flipped + whole[place + 1 :])
    assert found is None or isinstance(found, Record)
    assert decoded(whole[:place]) is None  # cut off
    assert decoded(whole + b"\x00") is None  # something after its end


def test_what_is_nested_without_end_is_refused() -> None:
    deep = bytes([record.VERSION]) + b"\x81\xa5props" + b"\x91" * 100_000
    with pytest.raises(DecodeError):
        record.decode(deep)

"""Where an event is in the log: each record that holds it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from eventlog.protocol import OffsetLost, Reader
from footfall.record import DecodeError, Record, decode

CHUNK = 1_000
MAX_BYTES = 4 * 1024 * 1024


class Arrival(Struct, frozen=True):
    """One record that holds the event, and its place in it."""

    partition: int
    offset: int
    log_time: int  # ms
    record: Record
    place: int


class Searched(Struct):
    """What was looked at, and found."""

    arrivals: list[Arrival] = []
    records: int = 0
    oldest: int = 0  # ms: log time of the oldest record that is left; 0: none
    cut: bool = False  # there was more than `max_records`


def search(
    reader: Reader, partitions: list[int], event_id: bytes, first: int, last: int, max_records: int
) -> Searched:
    """Records with a log time in [first, last] (ms) that hold the event, by log time."""
    found = Searched()
    for partition in partitions:
        begin, end = reader.bounds(partition)
        offset = _offset_at(reader, partition, begin, end, first, found)
        left = max_records
        while offset < end:
            records = reader.read(partition, offset, min(CHUNK, max(1, left)), MAX_BYTES)
            if not records or records[0].log_time > last:
                break
            for record in records:
                if event_id in record.value and record.log_time <= last:
                    found.arrivals += _places(
                        record.partition, record.offset, record.log_time, record.value, event_id
                    )
            offset = records[-1].offset + 1
            left -= len(records)
            found.records += len(records)
            if left <= 0:
                found.cut = True
                break
    found.arrivals.sort(key=lambda one: (one.log_time, one.partition, one.offset))
    return found


def at(reader: Reader, partition: int, offset: int, event_id: bytes) -> list[Arrival]:
    """The record at a known position; [] where the log does not have it any more."""
    try:
        records = reader.read(partition, offset, 1, 1)
    except (OffsetLost, ValueError):
        return []
    if not records or records[0].offset != offset:
        return []
    return list(_places(partition, offset, records[0].log_time, records[0].value, event_id))


def _places(partition: int, offset: int, log_time: int, value: bytes, event_id: bytes) -> Iterator[Arrival]:
    try:
        record = decode(value)
    except DecodeError:
        return
    for place, event in enumerate(record.events):
        if event.event_id == event_id:
            yield Arrival(partition, offset, log_time, record, place)


def _offset_at(reader: Reader, partition: int, low: int, high: int, first: int, found: Searched) -> int:
    """The first offset whose log time is at or above `first`, by halving; `low` where retention is quicker."""
    time_of = _time_of(reader, partition, low)
    if time_of is not None:
        found.oldest = min(found.oldest or time_of, time_of)
    while high - low > CHUNK:
        middle = (low + high) // 2
        at_middle = _time_of(reader, partition, middle)
        if at_middle is None or at_middle >= first:
            high = middle
        else:
            low = middle + 1
    return low


def _time_of(reader: Reader, partition: int, offset: int) -> int | None:
    records = reader.read(partition, offset, 1, 1)
    return records[0].log_time if records else None

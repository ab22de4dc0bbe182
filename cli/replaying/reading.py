"""The archive of a site, day by day, each log position once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from footfall.archive import ArchiveDamaged, Entry, Place, day_prefix, place_of, read_entries
from footfall.record import DecodeError, Record, Replay, decode
from objects.protocol import ObjectMissing, ObjectStore


class Position(NamedTuple):
    """Where a replay is: positions compare in the order of reading."""

    day: str
    partition: int
    offset: int


BEGINNING = Position("", 0, -1)


class Found(NamedTuple):
    """An object of the archive."""

    key: str
    size: int
    place: Place


class UnreadableArchive(Exception):
    """An object cannot be read; the message says which, and what to do."""


def days_between(first: date, last: date) -> list[date]:
    """Both inclusive."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def find(store: ObjectStore, site_id: str, days: Sequence[date]) -> list[Found]:
    """The objects of these days, in the order of reading."""
    found = []
    for day in days:
        for listed in store.listing(day_prefix(site_id, day)):
            place = place_of(listed.key)
            if place is not None:
                found.append(Found(listed.key, listed.size, place))
    return sorted(found, key=lambda one: (one.place.date, one.place.partition, one.place.first, one.place.last))


def entries_after(
    store: ObjectStore,
    objects: Sequence[Found],
    after: Position = BEGINNING,
    done: Callable[[Found], None] = lambda _: None,
) -> Iterator[tuple[Position, Entry]]:
    """What `find` found, from a position on; `done` is called with each object that is read."""
    at = after
    for one in objects:
        place = one.place
        if Position(place.date, place.partition, place.last) > at:
            for entry in _entries(store, one):
                position = Position(place.date, place.partition, entry.offset)
                if position > at:
                    yield position, entry
                    at = position
        done(one)


def _entries(store: ObjectStore, one: Found) -> Iterator[Entry]:
    try:
        for frame in read_entries(store.get(one.key)):
            yield from frame
    except ObjectMissing as error:
        raise UnreadableArchive(
            f"{one.key} was deleted meanwhile, as the archive's objects are when their time is over. The same "
            "command goes on with what is left"
        ) from error
    except ArchiveDamaged as error:
        raise UnreadableArchive(
            f"{one.key} cannot be read: {error}. Restore it from a backup, or delete it to replay without it"
        ) from error


def record_of(site_id: str, partition: int, entry: Entry, number: int, redo: Sequence[str] = ()) -> Record:
    """The record as it goes into the log again, as part of the replay of that number.

    `redo` names what is not taken from the archive but worked out anew: geo, bot.
    """
    try:
        record = decode(entry.record)
    except DecodeError as error:
        raise UnreadableArchive(f"record {partition}-{entry.offset} cannot be read: {error}") from error
    if record.site_id != site_id:
        raise UnreadableArchive(f"record {partition}-{entry.offset} is of another site: {record.site_id!r}")
    replay = Replay(
        number,
        partition,
        entry.offset,
        None if "geo" in redo else (entry.country, entry.region, entry.city),
        None if "bot" in redo else entry.bot,
        entry.left_out,
    )
    return msgspec.structs.replace(
        record, visitor_id=entry.visitor_id, previous_visitor_id=0, rejected={}, replay=replay
    )

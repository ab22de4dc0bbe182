"""Which events are in the base table already: for those too old for the flow's memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date

from clickhouse_driver import Client

from footfall.enrich.batch import EnrichedBatch
from sinks.buffer import Replayed
from sinks.clickhouse import identifier
from sinks.event_block import EventBlock, Key, Position

IDS_A_QUERY = 5_000  # 160 kB of text, below the server's max_query_size


def older_places(batch: EnrichedBatch, places: Sequence[int], before: int) -> Sequence[int]:
    """Those of the places whose event occurred before this (ms), or whose id was made before it.

    A request that is repeated word for word after hours carries an old `sent_at`, so its events
    are taken for new ones by a client whose clock is slow: their ids tell better.
    """
    oldest = before.to_bytes(6, "big")  # as in a UUIDv7
    if min(batch.occurred) >= before and min(batch.ids) >= oldest:
        return ()
    occurred, ids = batch.occurred, batch.ids
    return [place for place in places if occurred[place] < before or ids[place] < oldest]


def duplicates(client: Client, database: str, block: EventBlock, look_up: Container[Position]) -> set[Position]:
    """The positions among `look_up` whose event is stored, or is in the block itself before.

    To be asked before any row of the block is sent.
    """
    first: dict[Key, Position] = {}
    found: set[Position] = set()
    elsewhere = {key for position, key in block.located_keys() if position not in look_up}
    for position, key in block.located_keys():
        if position in look_up:
            if key in first or key in elsewhere:
                found.add(position)
            else:
                first[key] = position
    found.update(first[key] for key in stored_keys(client, database, first))
    return found


def others_rows(
    client: Client, database: str, block: EventBlock, replayed: Mapping[Position, Replayed]
) -> set[Position]:
    """The positions among `replayed` that must not be stored: the event's row came out of another
    record (this one was a duplicate when it first came), or there is none that could be withdrawn.

    To be asked before any row of the block is sent.
    """
    mine = [(position, key) for position, key in block.located_keys() if position in replayed]
    origins = stored_origins(client, database, {key for _, key in mine})
    left_out = set()
    for position, key in mine:
        origin, withdrawn, _ = replayed[position]
        # Without a row yet (it was dropped then), the first record that counts makes it its own.
        known = origins.get(key, ()) if withdrawn else origins.setdefault(key, {origin})
        if origin not in known:
            left_out.add(position)
    return left_out


def stored_origins(client: Client, database: str, keys: Iterable[Key]) -> dict[Key, set[Position]]:
    """Where in the log the records of these events' rows were when they first came."""
    found: dict[Key, set[Position]] = defaultdict(set)
    columns = (
        "if(replay = 0, log_partition, archived_partition), if(replay = 0, log_offset, archived_offset), log_index"
    )
    for key, origin in _rows(client, database, keys, columns):
        found[key].add((origin[0], origin[1], origin[2]))
    return found


def stored_keys(client: Client, database: str, keys: Iterable[Key]) -> set[Key]:
    """Which of these events are in the base table."""
    return {key for key, _ in _rows(client, database, keys, "0")}


def _rows(client: Client, database: str, keys: Iterable[Key], columns: str) -> Iterator[tuple[Key, list[int]]]:
    """The rows of these events: their key, and the columns asked for (SQL of this module)."""
    wanted = sorted(set(keys))
    start = 0
    while start < len(wanted):
        site_id = wanted[start][0]
        end = start
        while end < len(wanted) and end - start < IDS_A_QUERY and wanted[end][0] == site_id:
            end += 1
        yield from _rows_of_site(client, database, wanted[start:end], columns)
        start = end


def _rows_of_site(
    client: Client, database: str, wanted: list[Key], columns: str
) -> Iterator[tuple[Key, list[int]]]:
    """`wanted` is sorted and of one site. The ids travel as one literal: parsing a list of them costs more."""
    rows = client.execute(
        f"SELECT toUInt16(event_day), name, hex(event_id), {columns} "  # noqa: S608 - literals and a checked name
        f"FROM {identifier(database)}.events "
        "WHERE site_id = %(site)s AND event_day BETWEEN %(first)s AND %(last)s AND name IN %(names)s "
        "AND event_id IN (SELECT toFixedString(unhex(substring(%(ids)s, 1 + 32 * number, 32)), 16) "
        "FROM numbers(%(count)s))",
        {
            "site": wanted[0][0],
            "first": _date(wanted[0][1]),
            "last": _date(wanted[-1][1]),
            "names": sorted({key[2] for key in wanted}),
            "ids": b"".join(key[3] for key in wanted).hex(),
            "count": len(wanted),
        },
    )
    asked = set(wanted)
    for day, name, event_id, *values in rows:
        key = (wanted[0][0], day, name, bytes.fromhex(event_id))
        if key in asked:
            yield key, values


def _date(day: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day)

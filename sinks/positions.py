"""Which log positions are stored: what makes writing events effectively once.

A position (partition, offset, index) is stored at most once: before an insert whose
outcome is unknown is tried again, and before a restarted flow writes anything, the
inserts that may still run are ended and the stored positions are read back from
`events` itself. Merges are not relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from clickhouse_driver import Client

from sinks.buffer import Progress
from sinks.clickhouse import identifier
from sinks.cluster import kill_queries
from sinks.event_block import EventBlock, Position

WINDOW = 50_000  # offsets read at a time, so that a long gap needs no more memory than a short one

Read = Callable[[int, int], dict[int, int]]  # first and last offset -> offset: bits of the stored indexes


def kill_insert(client: Client, query_id: str, cluster: str = "") -> None:
    """End the insert if it still runs; when this returns it is wholly stored or not at all."""
    kill_queries(client, cluster, "query_id = %(id)s", {"id": query_id})


def kill_inserts(client: Client, prefix: str, cluster: str = "") -> None:
    """The same for all inserts whose id begins with `prefix`, in which LIKE sees no wildcard."""
    kill_queries(client, cluster, "query_id LIKE %(pattern)s", {"pattern": f"{prefix}%"})


def stored_positions(client: Client, database: str, block: EventBlock) -> set[Position]:
    """Which positions of the block are in the store."""
    found: set[Position] = set()
    for partition, (first, last) in block.offsets().items():
        rows = client.execute(
            f"SELECT log_offset, log_index FROM {identifier(database)}.events "  # noqa: S608 - a checked name
            "WHERE log_partition = %(partition)s AND log_offset BETWEEN %(first)s AND %(last)s",
            {"partition": partition, "first": first, "last": last},
        )
        found.update((partition, offset, index) for offset, index in rows)
    return found


def progress_of(client: Client, database: str, partition: int) -> Progress:
    """How far a partition is stored; 0 where nothing is."""
    rows = client.execute(
        "SELECT max(log_offset), toUnixTimestamp64Milli(argMax(log_time, log_offset)), "  # noqa: S608 - a checked name
        "toUnixTimestamp64Milli(argMax(heartbeat_at, (log_offset, stored_at))) "
        f"FROM {identifier(database)}.progress WHERE log_partition = %(partition)s",
        {"partition": partition},
    )
    return Progress(*map(int, rows[0]))


def ledger_version(client: Client, database: str, partition: int) -> int:
    """The highest version of a partition's counts; 0 where there are none."""
    rows = client.execute(
        f"SELECT max(log_offset) FROM {identifier(database)}.ledger WHERE log_partition = %(partition)s",  # noqa: S608 - a checked name
        {"partition": partition},
    )
    return int(rows[0][0])


class LogReplaced(Exception):
    """The store's positions are of another log than the one that is read now."""


class Stored(NamedTuple):
    """The stored offsets of a partition from a position on; all -1 where there are none."""

    last: int = -1
    first: int = -1
    first_log_time: int = -1  # ms


def stored_range(client: Client, database: str, partition: int, position: int) -> Stored:
    """What is stored from `position` on."""
    rows = client.execute(
        "SELECT count(), max(log_offset), min(log_offset), "  # noqa: S608 - a checked name
        f"argMin(toUnixTimestamp64Milli(log_time), log_offset) FROM {identifier(database)}.events "
        "WHERE log_partition = %(partition)s AND log_offset >= %(position)s",
        {"partition": partition, "position": position},
    )
    count, *found = rows[0]
    return Stored(*map(int, found)) if count else Stored()


def read_window(client: Client, database: str, partition: int, first: int, last: int) -> dict[int, int]:
    """Offset -> bits of the stored indexes, of the offsets from first to last."""
    rows = client.execute(
        f"SELECT log_offset, groupUniqArray(log_index) FROM {identifier(database)}.events "  # noqa: S608 - a checked name
        "WHERE log_partition = %(partition)s AND log_offset BETWEEN %(first)s AND %(last)s GROUP BY log_offset",
        {"partition": partition, "first": first, "last": last},
    )
    return {offset: sum(1 << index for index in indexes) for offset, indexes in rows}


class StoredPositions:
    """What of a partition was stored when the flow started, from its recovered position on.

    Offsets are asked for in ascending order; past the last stored one nothing is kept and
    nothing costs anything.
    """

    def __init__(self, position: int, stored: Stored, read: Read) -> None:
        self._stored = stored
        self._last = stored.last
        self._read = read
        self._window: dict[int, int] = {}
        self._window_end = position - 1

    @property
    def last(self) -> int:
        """The highest stored offset, -1 where there is none."""
        return self._last

    def missing(self, offset: int, indexes: Sequence[int], log_time: int) -> list[int] | None:
        """The places in `indexes` (of the record's events) that are not stored; None: all of them.

        Raises `LogReplaced` where the first stored record has another log time in this log:
        to leave its events out would be to lose them.
        """
        if offset == self._stored.first and log_time != self._stored.first_log_time:
            raise LogReplaced(
                f"the store holds another record at offset {offset} than the log: the log was made anew or "
                "restored. Stop Footfall, move the data directory's log/ away, run `footfall worker reset`, and "
                "give the new log a stage or a store of its own, or restore the log that belongs to this store"
            )
        if offset > self._last:
            self._window = {}
            return None
        if offset > self._window_end:
            self._window_end = min(offset + WINDOW - 1, self._last)
            self._window = self._read(offset, self._window_end)
        stored = self._window.get(offset, 0)  # a replay asks twice: what it stores, what it withdraws
        if not stored:
            return None
        return [place for place, index in enumerate(indexes) if not stored >> index & 1]

"""Replay of quarantined input: back into the log, where it goes the way of all events.

Once each: an item is noted as replayed after the log has it. If that note is lost to a
crash and the item replayed again, its batch id and event id are the same, and the flow
counts it as a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from clickhouse_driver import Client

from eventlog.protocol import Appender
from footfall.names import QuarantineReason
from sinks.quarantine import Quarantined

APPEND_TIMEOUT_S = 30.0
AT_ONCE = 500

Appended = tuple[int, bytes]  # partition, record
Rebuild = Callable[[Quarantined], "list[Appended] | None"]  # None: as unreadable as before


def same_record(item: Quarantined) -> list[Appended]:
    """The payload is a record of one event: into the partition it came from, as it was."""
    return [(item.log_partition, item.payload)]


# How an item becomes records again. What is not listed (an import's lines, what could not
# be decoded) is made by the caller's own function, which knows the format or the log.
REBUILD: dict[str, Rebuild] = {
    QuarantineReason.UNKNOWN_SITE: same_record,
    QuarantineReason.STEP_FAILED: same_record,
}


def unreplayed(client: Client, items: Iterable[Quarantined]) -> list[Quarantined]:
    """Those that were not replayed yet."""
    wanted = list(items)
    if not wanted:
        return []
    sql = """
        SELECT log_partition, log_offset, log_index FROM quarantine_replays
        WHERE (log_partition, log_offset, log_index) IN %(places)s
    """
    done = set(client.execute(sql, {"places": [_place(item) for item in wanted]}))
    return [item for item in wanted if _place(item) not in done]


def replay(
    client: Client,
    appender: Appender,
    items: Iterable[Quarantined],
    rebuild: dict[str, Rebuild],
    writable: Callable[[int], int],
    tick: Callable[[int], None] = lambda _count: None,
) -> tuple[int, list[Quarantined]]:
    """Append the items that were not replayed; (how many, those that cannot be rebuilt).

    `writable` gives the partition that now takes the place of one that may be drained: events of
    such a one are late by now, so that it need not be their visitor's.

    Raises `LogFull` or a timeout where the log does not take them: what was appended is
    noted, the rest can be replayed again.
    """
    count, left = 0, []
    for part in _parts(items):
        ready: list[Quarantined] = []
        records: list[Appended] = []
        for item in unreplayed(client, part):
            rebuilt = rebuild[item.reason](item) if item.reason in rebuild else None
            if rebuilt is None:
                left.append(item)
                continue
            ready.append(item)
            records += [(writable(partition), value) for partition, value in rebuilt]
        if ready:
            appender.append(records).result(APPEND_TIMEOUT_S)
            columns = "log_partition, log_offset, log_index"
            client.execute(f"INSERT INTO quarantine_replays ({columns}) VALUES", [_place(i) for i in ready])
        count += len(ready)
        tick(len(part))
    return count, left


def _parts(items: Iterable[Quarantined]) -> Iterator[list[Quarantined]]:
    rest = iter(items)
    while part := list(islice(rest, AT_ONCE)):
        yield part


def _place(item: Quarantined) -> tuple[int, int, int]:
    return item.log_partition, item.log_offset, item.log_index

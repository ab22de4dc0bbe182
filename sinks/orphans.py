"""Sessions that no flow will end, because the log does not have their beginning any more.

They are closed as they stand, and their visitors put on the repair list: repair makes their sessions
anew from the stored events, together with what came after. A session that had just begun has no row yet:
its visitor is known by the events alone. Repeating it changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

from clickhouse_driver import Client

from sinks.clickhouse import identifier

# By when a session has a row for certain: the first is written 5 s (log time) after it began.
ROW_WITHIN_MS = 60_000
FAR = 4_000_000_000_000  # ms; after whatever there is


def close_orphans(client: Client, database: str, before: int, mark: int) -> int:
    """Of the open sessions that began before a time (ms); how many. `mark` (ms) tells lines of the
    repair list apart."""
    name = identifier(database)
    open_ones = (
        f"{name}.sessions AS s FINAL WHERE s.is_closed = 0 AND s.start_at < toDateTime64(%(before)s, 3, 'UTC')"
    )
    values = {"before": _time(before), "mark": mark}
    found = client.execute(f"SELECT count() FROM {open_ones}", values)[0][0]  # noqa: S608 - checked names
    if found:
        client.execute(
            f"INSERT INTO {name}.repair_list "  # noqa: S608 - checked names
            "(site_id, visitor_id, mark, first_at, last_at, events, version, is_deleted) "
            "SELECT s.site_id, s.visitor_id, %(mark)s, min(s.start_at), max(s.end_at), sum(s.events), 0, 0 "
            f"FROM {open_ones} GROUP BY s.site_id, s.visitor_id",
            values,
        )
        # See footfall.sessions.row.session_version: the second bit says closed.
        client.execute(
            f"INSERT INTO {name}.sessions SELECT * REPLACE (1 AS is_closed, bitOr(version, 2) AS version) "  # noqa: S608
            f"FROM (SELECT * FROM {open_ones})",
            values,
        )
    return int(found)


def mark_after(client: Client, database: str, partition: int, offset: int, mark: int) -> None:
    """Put the visitors of a partition's events at or beyond an offset on the repair list."""
    _mark(client, database, "log_offset >= %(offset)s", {"partition": partition, "offset": offset, "mark": mark})


def mark_newest(client: Client, database: str, partition: int, mark: int) -> None:
    """Put the visitors of a partition's newest events on the repair list: their session may have no row yet."""
    stored_until = f"SELECT max(log_time) FROM {identifier(database)}.progress WHERE log_partition = %(partition)s"  # noqa: S608
    newest = f"late = 0 AND log_time > ({stored_until}) - toIntervalMillisecond(%(within)s)"
    _mark(client, database, newest, {"partition": partition, "within": ROW_WITHIN_MS, "mark": mark})


def _mark(client: Client, database: str, events: str, values: dict[str, int]) -> None:
    client.execute(
        f"INSERT INTO {identifier(database)}.repair_list "  # noqa: S608 - checked names, conditions of this module
        "(site_id, visitor_id, mark, first_at, last_at, events, version, is_deleted) "
        "SELECT site_id, visitor_id, %(mark)s, min(occurred_at), max(occurred_at), count(), 0, 0 "
        f"FROM {identifier(database)}.events WHERE visitor_id != 0 AND log_partition = %(partition)s "
        f"AND {events} GROUP BY site_id, visitor_id",
        values,
    )


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(min(at_ms, FAR) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]

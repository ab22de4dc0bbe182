"""What the store knows of an event or a session."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from clickhouse_driver import Client

SHOWN = 50
Row = dict[str, Any]

EVENTS = """
    SELECT site_id, name, host, path, occurred_at, received_at, log_time, visitor_id, bot, late = 1 AS is_late,
        source, id_kind, log_partition, log_offset, log_index, replay, withdrawn,
        archived_partition, archived_offset
    FROM events
    WHERE {days} event_id = unhex(%(id)s) AND (%(site)s = '' OR site_id = %(site)s)
    ORDER BY replay, log_time LIMIT 50
"""
QUARANTINED = """
    SELECT site_id, quarantined_at, reason, detail, log_partition, log_offset, log_index FROM quarantine
    WHERE position(payload, unhex(%(id)s)) > 0 ORDER BY quarantined_at LIMIT 50
"""
VERSIONS = """
    SELECT * FROM sessions WHERE session_id = %(id)s AND (%(site)s = '' OR site_id = %(site)s)
    ORDER BY version, log_time LIMIT 200
"""
AROUND = """
    SELECT session_id, start_at, end_at, events, is_closed, generation FROM sessions FINAL
    WHERE site_id = %(site)s AND visitor_id = %(visitor)s
        AND start_at <= fromUnixTimestamp64Milli(toInt64(%(last)s))
        AND end_at >= fromUnixTimestamp64Milli(toInt64(%(first)s))
    ORDER BY start_at LIMIT 50
"""
EVENTS_OF = """
    SELECT lower(hex(event_id)) AS id, name, path, occurred_at, late = 1 AS is_late, log_partition, log_offset
    FROM events FINAL
    WHERE site_id = %(site)s AND visitor_id = %(visitor)s AND withdrawn = 0
        AND occurred_at >= fromUnixTimestamp64Milli(toInt64(%(first)s))
        AND occurred_at <= fromUnixTimestamp64Milli(toInt64(%(last)s))
        AND event_day BETWEEN %(first_day)s AND %(last_day)s
    ORDER BY occurred_at, event_id LIMIT 50
"""
WAITING = "SELECT count() FROM repair_list FINAL WHERE site_id = %(site)s AND visitor_id = %(visitor)s"
PROGRESS = "SELECT log_partition, max(log_offset) FROM progress GROUP BY log_partition"


def rows(client: Client, sql: str, **values: object) -> list[Row]:
    """As dictionaries."""
    found, columns = client.execute(sql, values, with_column_types=True, settings={"max_execution_time": 60})
    names = [name for name, _ in columns]
    return [dict(zip(names, row, strict=True)) for row in found]


def event_rows(client: Client, event_id: bytes, site: str) -> list[Row]:
    """The event's rows: by the day of its id, else (an id without a believable clock) everywhere."""
    day = _day(int.from_bytes(event_id[:6], "big"))
    values: dict[str, object] = {"id": event_id.hex(), "site": site}
    if day is not None:
        near = EVENTS.format(days="event_day BETWEEN %(first)s AND %(last)s AND")
        found = rows(client, near, **values, first=day - timedelta(days=1), last=day + timedelta(days=9))
        if found:
            return found
    return rows(client, EVENTS.format(days=""), **values)


def events_of(client: Client, session: Row) -> list[Row]:
    """A session's events."""
    return rows(
        client, EVENTS_OF, site=session["site_id"], visitor=session["visitor_id"], first=ms(session["start_at"]),
        last=ms(session["end_at"]), first_day=session["start_at"].date() - timedelta(days=1),
        last_day=session["end_at"].date() + timedelta(days=9),
    )  # fmt: skip


def sessions_around(client: Client, site: str, visitor: int, first: datetime, last: datetime) -> list[Row]:
    """The visitor's sessions that stand and overlap the time."""
    return rows(client, AROUND, site=site, visitor=visitor, first=ms(first), last=ms(last))


def ms(at: datetime) -> int:
    """UTC milliseconds."""
    return round(at.timestamp() * 1000)


def _day(at_ms: int) -> date | None:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).date()
    except (OverflowError, OSError, ValueError):
        return None

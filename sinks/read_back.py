"""Where a flow without recovery state goes on: from what the store itself knows of a partition.

All below `reached` is stored. To have its open sessions again a flow reads the log from further back,
and writes nothing of that a second time.
"""

from __future__ import annotations

from typing import NamedTuple

from clickhouse_driver import Client

from sinks.clickhouse import identifier

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
# An open row that should have been closed for so long is nobody's: it must not make a start read years.
STALE_MS = HOUR_MS
LONGEST_SESSION_MS = 8 * DAY_MS

LedgerKey = tuple[str, int, str, str]  # site, UTC day, outcome, reason


class ReadBack(NamedTuple):
    """What the store says of one partition; all 0 where nothing is stored."""

    reached: int = 0  # next offset: all below it is stored
    log_time: int = 0  # ms, of what is below
    offset: int = 0  # from where on the log is to be read
    since: int = 0  # log time (ms) that is so read whole


def read_back(client: Client, database: str, partition: int, quiet_ms: int) -> ReadBack:
    """`quiet_ms`: a session without an event for so long is closed (the longest window and the lateness)."""
    rows = client.execute(
        "SELECT max(log_offset), toInt64(toUnixTimestamp64Milli(argMax(log_time, log_offset))) "  # noqa: S608 - a checked name
        f"FROM {identifier(database)}.progress WHERE log_partition = %(partition)s",
        {"partition": partition},
    )
    reached, log_time = rows[0]
    if not reached:
        return ReadBack()
    # From the beginning of the day on, so that its counts come out whole.
    since = min(log_time - quiet_ms, log_time - log_time % DAY_MS)
    since = min(since, _first_open(client, database, log_time, quiet_ms) or since) - MINUTE_MS
    rows = client.execute(
        f"SELECT count(), max(log_offset) FROM {identifier(database)}.events "  # noqa: S608 - a checked name
        "WHERE log_partition = %(partition)s AND log_offset < %(reached)s "
        "AND log_time < fromUnixTimestamp64Milli(%(since)s, 'UTC')",
        {"partition": partition, "reached": reached, "since": max(0, since)},
    )
    count, last = rows[0]
    return ReadBack(reached, log_time, last + 1 if count else 0, since)


def _first_open(client: Client, database: str, log_time: int, quiet_ms: int) -> int:
    """When the oldest session began that was open at a log time; 0 where none was."""
    rows = client.execute(
        "SELECT count(), toInt64(toUnixTimestamp64Milli(min(s.start_at))) "  # noqa: S608 - a checked name
        f"FROM {identifier(database)}.sessions AS s FINAL WHERE s.is_closed = 0 "
        "AND s.start_at >= fromUnixTimestamp64Milli(%(oldest)s, 'UTC') "
        "AND s.end_at >= fromUnixTimestamp64Milli(%(alive)s, 'UTC')",
        {"oldest": max(0, log_time - LONGEST_SESSION_MS), "alive": max(0, log_time - quiet_ms - STALE_MS)},
    )
    count, first = rows[0]
    return int(first) if count else 0


def ledger_counts(client: Client, database: str, partition: int, since_day: int) -> dict[LedgerKey, int]:
    """The stored counts of a partition from a UTC day (days since 1970) on."""
    rows = client.execute(
        "SELECT site_id, toInt64(toUInt16(day)), outcome, reason, argMax(count, log_offset) "  # noqa: S608 - a checked name
        f"FROM {identifier(database)}.ledger WHERE log_partition = %(partition)s AND toUInt16(day) >= %(day)s "
        "GROUP BY site_id, day, outcome, reason",
        {"partition": partition, "day": since_day},
    )
    return {(site, day, outcome, reason): count for site, day, outcome, reason, count in rows}

"""Gives `events` the version that decides between two rows of an event: the number of the replay.

An engine cannot be changed in place, so a table with the new one takes the old one's place and then
its parts, which are moved and not copied. May die at any point and be run again. Rows that a flow
inserts meanwhile are kept; readers miss what is not moved yet, for as long as that takes (seconds).
"""

from __future__ import annotations

import re

from clickhouse_driver import Client

from sinks.clickhouse import identifier
from sinks.dialect import DialectError

_ENGINE = "ReplacingMergeTree(replay)"
_OLD = "events_unversioned"
_MAKES_EVENTS = re.compile(r"CREATE TABLE IF NOT EXISTS \w+\.events\n")
_FIRST_INDEX = "    INDEX by_log_time"
_COLUMN = (
    "    replay           UInt32 CODEC(ZSTD(1)) "
    "COMMENT 'Which replay of the raw archive the row comes from; 0: none. The highest counts',\n"
)


def version_events(client: Client, database: str) -> None:
    """Make `events` keep the row of the latest replay; does nothing where it does already."""
    name = identifier(database)
    if not _engine(client, name, "events").startswith(_ENGINE):
        client.execute(
            f"CREATE TABLE IF NOT EXISTS {name}.{_OLD} AS {name}.events ENGINE = {_ENGINE} "
            "PARTITION BY toYYYYMM(event_day) ORDER BY (site_id, event_day, name, event_id) "
            "SETTINGS min_bytes_for_wide_part = 67108864, fsync_after_insert = 1, fsync_part_directory = 1, "
            "materialize_ttl_recalculate_only = 1 COMMENT 'Events, as stored; read events_v1'"
        )
        # From here on rows go into the new table, and the old one has this name.
        client.execute(f"EXCHANGE TABLES {name}.events AND {name}.{_OLD}")
    if not _engine(client, name, _OLD):
        return
    while parts := _partitions(client, name):
        for partition in parts:
            client.execute(f"ALTER TABLE {name}.{_OLD} MOVE PARTITION {partition} TO TABLE {name}.events")
    client.execute(f"DROP TABLE {name}.{_OLD} SYNC")


def versioned(statement: str) -> str:
    """The statement that makes `events`, with its version from the start; any other as it is. On a cluster
    tables are new, and one that took another's place would bear the other's name in Keeper."""
    if not _MAKES_EVENTS.match(statement):
        return statement
    for before, after in (
        (_FIRST_INDEX, _COLUMN + _FIRST_INDEX),
        ("\nENGINE = ReplacingMergeTree\n", f"\nENGINE = {_ENGINE}\n"),
    ):
        if before not in statement:
            raise DialectError(f"no place for the version: {before.strip()} is not in the statement")
        statement = statement.replace(before, after, 1)
    return statement


def _engine(client: Client, database: str, table: str) -> str:
    rows = client.execute(
        "SELECT engine_full FROM system.tables WHERE database = %(database)s AND name = %(table)s",
        {"database": database, "table": table},
    )
    return str(rows[0][0]) if rows else ""


def _partitions(client: Client, database: str) -> list[int]:
    """Months (YYYYMM) the old table still has rows of."""
    rows = client.execute(
        "SELECT DISTINCT toUInt32(partition) FROM system.parts "
        "WHERE active AND rows > 0 AND database = %(database)s AND table = %(table)s ORDER BY 1",
        {"database": database, "table": _OLD},
    )
    return [month for (month,) in rows]

"""Gives `events` the version that decides between two rows of an event: the number of the replay.

An engine cannot be changed in place, so a table with the new one takes the old one's place and then
its parts, which are moved and not copied. May die at any point and be run again. Rows that a flow
inserts meanwhile are kept; readers miss what is not moved yet, for as long as that takes (seconds).
"""

from __future__ import annotations

from clickhouse_driver import Client

from sinks.clickhouse import identifier

_ENGINE = "ReplacingMergeTree(replay)"
_OLD = "events_unversioned"


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

"""How long each table keeps its rows: from the settings, counted from storing.

Counted from storing and not from the event, so that an import of old history is kept as
long as anything else.
"""

from __future__ import annotations

from clickhouse_driver import Client

from footfall.settings import Settings
from sinks.clickhouse import identifier
from sinks.dialect import for_server

HOUR_DAYS = 7


def _colder(moment: str, settings: Settings) -> str:
    return (
        f"{moment} + toIntervalDay({settings.hot_days}) RECOMPRESS CODEC(ZSTD(12)), "
        f"{moment} + toIntervalDay({settings.retention_days})"
    )


def wanted(settings: Settings) -> dict[str, str]:
    """Table -> its TTL, spelt as the server spells it, so that it can be compared."""
    gone = f"toIntervalDay({settings.retention_days})"
    return {
        "events": _colder("toDateTime(log_time)", settings),
        "sessions": _colder("toDateTime(log_time)", settings),
        "identities": f"stored_at + {gone}",
        "quarantine": f"toDateTime(quarantined_at) + toIntervalDay({settings.quarantine_days})",
        "ledger": f"day + {gone}",
        "rollup_hour": f"computed_at + toIntervalDay({HOUR_DAYS})",
        "rollup_day": f"computed_at + {gone}",
        "visitor_days": f"computed_at + {gone}",
        "rollup_state": f"toDateTime(computed_at) + {gone}",
    }


def apply(client: Client, settings: Settings, database: str) -> list[str]:
    """Give every table the TTL of the settings; the tables that were changed.

    Old parts learn the new TTL in the background (materialize_ttl_recalculate_only).
    """
    rows = client.execute(
        "SELECT name, engine_full FROM system.tables WHERE database = %(database)s", {"database": database}
    )
    engines = dict(rows)
    changed = []
    for table, ttl in wanted(settings).items():
        if f" TTL {ttl} SETTINGS" not in engines[table]:
            sql = f"ALTER TABLE {identifier(database)}.{identifier(table)} MODIFY TTL {ttl}"
            client.execute(for_server(sql, settings.clickhouse_cluster))
            changed.append(table)
    return changed

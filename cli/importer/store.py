"""What an import asks the store."""

from __future__ import annotations

import json
from collections import Counter

from embedded.probe import query_store
from footfall.names import QuarantineReason, database_name
from footfall.settings import Settings


def stored_positions(settings: Settings, stage: str = "") -> dict[int, int]:
    """Log partition -> next offset; all below it is stored. `stage`: another than the settings'."""
    query = "SELECT log_partition, max(log_offset) FROM {}.progress GROUP BY log_partition FORMAT TSV"
    rows = query_store(settings, query.format(database_name(stage or settings.stage)))
    return {int(partition): int(offset) for partition, offset in map(str.split, rows.splitlines())}


def known_bad_lines(settings: Settings, site_id: str) -> Counter[bytes]:
    """Quarantined lines of the site, redacted -> how many: what an import of the same file
    need not set aside again."""
    query = (
        f"SELECT payload, count() AS n FROM {database_name(settings.stage)}.quarantine_v1 "  # noqa: S608 - quoted
        f"WHERE site_id = {quoted(site_id)} AND reason = {quoted(QuarantineReason.BAD_LINE)} "
        "GROUP BY payload FORMAT JSONEachRow"
    )
    rows = query_rows(settings, query)
    return Counter({str(row["payload"]).encode(): int(str(row["n"])) for row in rows})


def query_rows(settings: Settings, query: str) -> list[dict[str, object]]:
    """The rows of a query that ends in FORMAT JSONEachRow."""
    return [json.loads(line) for line in query_store(settings, query, timeout_s=60.0).splitlines()]


def quoted(text: str) -> str:
    """A string in SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

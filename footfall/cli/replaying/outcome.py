"""What the store knows of replays."""

from __future__ import annotations

from embedded.probe import query_store
from footfall.cli.importer.store import query_rows, quoted
from footfall.names import Outcome, database_name
from footfall.settings import Settings


def highest_number(settings: Settings, stage: str) -> int:
    """The highest number that rows have; 0 where nothing was replayed."""
    query = f"SELECT max(replay) FROM {database_name(stage)}.events"  # noqa: S608 - a name of ours
    return int(query_store(settings, query, timeout_s=60.0).strip())


def replayed(settings: Settings, stage: str, site_id: str) -> dict[str, int]:
    """What became of all replayed events of a site, by reason."""
    query = (
        f"SELECT reason, sum(count) AS n FROM {database_name(stage)}.ledger_v1 "  # noqa: S608 - quoted
        f"WHERE site_id = {quoted(site_id)} AND outcome = {quoted(Outcome.REPLAYED)} "
        "GROUP BY reason FORMAT JSONEachRow"
    )
    return {str(row["reason"]): int(str(row["n"])) for row in query_rows(settings, query)}

"""What the store knows of replays."""

from __future__ import annotations

from msgspec import Struct

from cli.importer.store import query_rows, quoted
from embedded.probe import query_store
from footfall.names import database_name
from footfall.settings import Settings


class Became(Struct, frozen=True):
    """What a replay did, by events; each counts once, however often it was killed."""

    stored: int
    withdrawn: int


def highest_number(settings: Settings, stage: str) -> int:
    """The highest number that rows have; 0 where nothing was replayed."""
    query = f"SELECT max(replay) FROM {database_name(stage)}.events"  # noqa: S608 - a name of ours
    return int(query_store(settings, query, timeout_s=60.0).strip())


def became(settings: Settings, stage: str, site_id: str, number: int) -> Became:
    """Of the replay of that number, which must be stored."""
    event = "archived_partition, archived_offset, log_index"
    query = (
        f"SELECT uniqExactIf({event}, withdrawn = 0) AS kept, uniqExactIf({event}, withdrawn = 1) AS gone "  # noqa: S608 - quoted
        f"FROM {database_name(stage)}.events WHERE site_id = {quoted(site_id)} AND replay = {number} "
        "FORMAT JSONEachRow"
    )
    (row,) = query_rows(settings, query)
    return Became(int(str(row["kept"])), int(str(row["gone"])))

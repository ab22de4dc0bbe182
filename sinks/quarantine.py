"""Reads what was set aside: for `footfall quarantine list` and `show`, and as the base of a replay.

The payload of an item is a log record (footfall.record) with one event or, where the
input was no record, its bytes; it was redacted before it was stored.
"""

from __future__ import annotations

import re
from datetime import datetime

from clickhouse_driver import Client
from msgspec import Struct

from sinks.clickhouse import identifier

_ID = re.compile(r"(\d{1,5})-(\d{1,20})-(\d{1,5})")
_COLUMNS = "site_id, quarantined_at, reason, detail, hex(payload), log_partition, log_offset, log_index"


class Quarantined(Struct, frozen=True):
    """One item."""

    site_id: str  # empty where unknown
    quarantined_at: datetime  # UTC
    reason: str
    detail: str
    payload: bytes
    log_partition: int
    log_offset: int
    log_index: int

    @property
    def id(self) -> str:
        """What `show` takes: the log position, `0-1234-0`."""
        return f"{self.log_partition}-{self.log_offset}-{self.log_index}"


def list_quarantined(
    client: Client, database: str, site_id: str | None = None, limit: int = 50
) -> list[Quarantined]:
    """The newest items, of one site or (None) of all; `site_id` empty: those of no known site."""
    where = "" if site_id is None else "WHERE site_id = %(site)s "
    return _read(client, database, where, {"site": site_id, "limit": limit})


def show(client: Client, database: str, item_id: str) -> Quarantined | None:
    """The item with that id; None where there is none. `ValueError` for what is no id."""
    match = _ID.fullmatch(item_id)
    if match is None:
        raise ValueError(f"{item_id!r} is no id of a quarantined item: `footfall quarantine list` prints them")
    partition, offset, index = map(int, match.groups())
    where = "WHERE log_partition = %(partition)s AND log_offset = %(offset)s AND log_index = %(index)s "
    found = _read(client, database, where, {"partition": partition, "offset": offset, "index": index, "limit": 1})
    return found[0] if found else None


def _read(client: Client, database: str, where: str, parameters: dict[str, object]) -> list[Quarantined]:
    rows = client.execute(
        f"SELECT {_COLUMNS} FROM {identifier(database)}.quarantine_v1 {where}"  # noqa: S608 - literals and a checked name
        "ORDER BY quarantined_at DESC, log_partition, log_offset DESC, log_index LIMIT %(limit)s",
        parameters,
    )
    # In hex, as a payload may be any bytes and the driver takes strings for text.
    return [
        Quarantined(site_id, at, reason, detail, bytes.fromhex(payload), partition, offset, index)
        for site_id, at, reason, detail, payload, partition, offset, index in rows
    ]

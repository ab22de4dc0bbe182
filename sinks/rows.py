"""The small tables a flow writes besides events and sessions, and how their rows look.

All of them are replacing: the same row written twice is one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from clickhouse_driver import Client

from sinks.clickhouse import identifier

# site, visitor, user, since (ms)
IdentityRow = tuple[str, int, str, int]
# site, day (days since 1970), outcome, reason
CountKey = tuple[str, int, str, str]
_EPOCH = date(1970, 1, 1).toordinal()

COLUMNS = {
    "identities": ("site_id", "visitor_id", "user_id", "since"),
    "quarantine": (
        "site_id",
        "quarantined_at",
        "reason",
        "detail",
        "payload",
        "log_partition",
        "log_offset",
        "log_index",
    ),
    "ledger": ("site_id", "day", "log_partition", "outcome", "reason", "count", "log_offset"),
    "repair_list": ("site_id", "visitor_id", "mark", "first_at", "last_at", "events", "version", "is_deleted"),
    "progress": ("log_partition", "log_offset", "log_time", "heartbeat_at", "stored_at"),
}


class QuarantinedItem(Protocol):
    """Input that could not be processed, redacted."""

    @property
    def site_id(self) -> str:
        """Empty where unknown."""

    @property
    def reason(self) -> str:
        """Of `footfall.names.QuarantineReason`."""

    @property
    def detail(self) -> str:
        """What was wrong."""

    @property
    def payload(self) -> bytes:
        """The input."""

    @property
    def index(self) -> int:
        """Place in its record."""


def quarantine_row(partition: int, offset: int, log_time: int, item: QuarantinedItem) -> tuple[object, ...]:
    """A row of `quarantine`."""
    reason = str(item.reason)
    return item.site_id, log_time, reason, item.detail, item.payload, partition, offset, item.index


def ledger_rows(partition: int, version: int, counts: Iterable[tuple[CountKey, int]]) -> list[tuple[object, ...]]:
    """Rows of `ledger`. Its column `log_offset` holds the version: see 0008_ledger_version.sql."""
    return [
        (site_id, date.fromordinal(_EPOCH + day), partition, str(outcome), str(reason), number, version)
        for (site_id, day, outcome, reason), number in counts
    ]


def repair_rows(events: Iterable[tuple[str, int, int, int]]) -> list[tuple[object, ...]]:
    """Rows of `repair_list`, one a visitor, from (site, visitor, log time, when it occurred) of events
    that call for a repair. Nobody's events are in no session: there is nothing to repair."""
    found: dict[tuple[str, int], tuple[int, int, int, int]] = {}
    for site_id, visitor_id, log_time, at in events:
        if visitor_id:
            mark, first, last, count = found.get((site_id, visitor_id), (log_time, at, at, 0))
            found[site_id, visitor_id] = max(mark, log_time), min(first, at), max(last, at), count + 1
    return [(*who, mark, first, last, count, 0, 0) for who, (mark, first, last, count) in found.items()]


def insert_rows(
    client: Client, database: str, table: str, rows: Sequence[tuple[object, ...]], query_id: str
) -> None:
    """Insert rows of one of `COLUMNS`; times are milliseconds."""
    names = ", ".join(COLUMNS[table])
    client.execute(
        f"INSERT INTO {identifier(database)}.{identifier(table)} ({names}) VALUES", list(rows), query_id=query_id
    )

"""The mark in a stage's database: rows of the table `owner`, of which the first of the highest term counts."""

from __future__ import annotations

from clickhouse_driver import Client

from footfall.names import database_name
from footfall.settings import Settings
from sinks.clickhouse import (
    STORE_FAULTS,
    StoreUnreachableError,
    connect,
    identifier,
    in_one_line,
    is_retryable,
    retrying,
)


class StoreMark:
    """See `installations.mark.Mark`; `limit_s`: how long to wait for a store that does not answer."""

    setting = "FOOTFALL_CLICKHOUSE_HOST"

    def __init__(self, settings: Settings, stage: str, limit_s: float) -> None:
        self._settings = settings
        self._limit_s = limit_s
        self._database = identifier(database_name(stage))
        self.where = f"database {self._database}"

    def owner(self) -> str:
        """See `Mark.owner`. Raises `StoreUnreachableError`."""
        if self._limit_s:
            return retrying(lambda _attempt: self._owner(), limit_s=self._limit_s, what="looking for the owner")
        try:
            return self._owner()
        except STORE_FAULTS as error:
            if is_retryable(error):
                raise StoreUnreachableError(f"the store does not answer: {in_one_line(error)}") from error
            raise

    def leave(self, installation: str, *, take_over: bool) -> None:
        """See `Mark.leave`; `footfall migrate` has made the table."""
        client = connect(self._settings)
        try:
            table = f"{self._database}.owner"
            term = 1
            if take_over:
                term += client.execute(f"SELECT max(term) FROM {table}")[0][0]  # noqa: S608 - a checked name
            client.execute(f"INSERT INTO {table} (installation, term) VALUES", [(installation, term)])
        finally:
            client.disconnect()

    def _owner(self) -> str:
        client = connect(self._settings)
        try:
            return _first(client, self._database)
        finally:
            client.disconnect()


def _first(client: Client, database: str) -> str:
    there = client.execute(
        "SELECT count() FROM system.tables WHERE database = %(database)s AND name = 'owner'",
        {"database": database},
    )
    if not there[0][0]:
        return ""
    query = f"SELECT installation FROM {database}.owner ORDER BY term DESC, claimed_at, installation LIMIT 1"  # noqa: S608 - a checked name
    rows = client.execute(query)
    return str(rows[0][0]) if rows else ""

"""Asks measures of the store, over ClickHouse's HTTP interface.

There, and not over the native protocol, since there the embedded store and every server put parameters in by
themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlencode

import urllib3
from msgspec import Struct

from queries.measure import Measure

Value = str | int | float | datetime | list[str]
TIMEOUT = urllib3.Timeout(connect=3.0, read=30.0)
CONNECTIONS = 8
MAX_TOLD = 500  # characters of what the store says of a failure


class Answer(Struct, frozen=True):
    """Rows of values as JSON has them."""

    columns: tuple[str, ...]
    rows: list[list[Any]]


class StoreFailedError(Exception):
    """The store gave no answer; the text is for a log, `code` is ClickHouse's (0: none)."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Store:
    """One database of the store, for one user; threads may share it."""

    def __init__(self, address: str, user: str, password: str, database: str) -> None:
        """`address`: `http://host:port` of the HTTP interface."""
        headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password, "X-ClickHouse-Database": database}
        self._database = database
        self._pool = urllib3.connection_from_url(
            address, maxsize=CONNECTIONS, block=True, timeout=TIMEOUT, retries=False, headers=headers
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def ask(self, measure: Measure, values: Mapping[str, Value]) -> Answer:
        """What the measure comes to.

        Raises `StoreFailedError`, and `KeyError` for a parameter without a value.
        """
        given = {f"param_{name}": written(values[name]) for name in measure.parameters}
        query = urlencode({**given, "database": self._database, "default_format": "JSONCompact"})
        try:
            answer = self._pool.request("POST", f"/?{query}", body=measure.sql.encode())
        except urllib3.exceptions.HTTPError as error:
            raise StoreFailedError(f"the store does not answer: {type(error).__name__}") from error
        if answer.status != 200:
            code = int(answer.headers.get("X-ClickHouse-Exception-Code", "0"))
            raise StoreFailedError(answer.data.decode(errors="replace").strip()[:MAX_TOLD], code)
        body = json.loads(answer.data)
        return Answer(tuple(column["name"] for column in body["meta"]), body["data"])


_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"}
)
_QUOTED = str.maketrans({"\\": "\\\\\\\\", "'": "\\\\'"})  # once as text in the list, once as a parameter


def written(value: Value) -> str:
    """A value as ClickHouse reads that of a parameter."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, list):
        return "[" + ",".join(f"'{one.translate(_QUOTED)}'" for one in value) + "]"
    return value.translate(_ESCAPES) if isinstance(value, str) else str(value)

"""Puts one wrong value into a table, and takes it out again, to see whether the checker notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HIGHER = "version + 1000 AS version"


def wrong_session(client: Any, site_id: str, place: int, column: str) -> None:
    """The session at this place, of those the site has, says something else from now on."""
    kind = _type_of(client, "sessions", column)
    client.execute(
        f"INSERT INTO sessions SELECT * REPLACE ({_other(column, kind)} AS {column}, {HIGHER}) FROM "
        "(SELECT * FROM sessions FINAL WHERE site_id = %(site)s ORDER BY session_id LIMIT 1 OFFSET %(place)s)",
        {"site": site_id, "place": place},
    )


def _type_of(client: Any, table: str, column: str) -> str:
    sql = """
        SELECT type FROM system.columns
        WHERE database = currentDatabase() AND table = %(table)s AND name = %(column)s
    """
    return str(client.execute(sql, {"table": table, "column": column})[0][0])


def _other(column: str, kind: str) -> str:
    if kind.startswith("Array(DateTime64"):
        return f"arrayPushBack({column}, now64(3))"
    if kind.startswith("Array("):
        return f"arrayPushBack({column}, 'wrong')"
    if kind.startswith("DateTime64"):
        return f"addMilliseconds({column}, 1)"
    if "String" in kind:
        return f"concat({column}, 'wrong')"
    if column == "is_bounce":
        return "1 - is_bounce"
    return f"{column} + 1"


@contextmanager
def wrong_line(client: Any, table: str, site_id: str, condition: str, column: str) -> Iterator[None]:
    """Within it one line of `table` has another value in `column`."""
    kind = _type_of(client, table, column)
    special = {"visitors": "(SELECT uniqExactState(toUInt64(1)))", "is_deleted": "1"}
    new = special.get(column) or _other(column, kind)
    client.execute("DROP TABLE IF EXISTS kept")
    client.execute(f"CREATE TABLE kept AS {table} ENGINE = Memory")
    rows = f"SELECT * FROM {table} FINAL WHERE site_id = %(site)s AND {condition} LIMIT 1"
    client.execute(f"INSERT INTO kept {rows}", {"site": site_id})
    assert client.execute("SELECT count() FROM kept") == [(1,)], (table, condition)
    client.execute(f"INSERT INTO {table} SELECT * REPLACE ({new} AS {column}, {HIGHER}) FROM kept")
    yield
    client.execute(f"INSERT INTO {table} SELECT * REPLACE (version + 2000 AS version) FROM kept")
    client.execute("DROP TABLE kept")

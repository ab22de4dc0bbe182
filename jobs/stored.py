"""What jobs ask the store: how far it is, and a statement of `jobs/sql`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from clickhouse_driver import Client
from clickhouse_driver.errors import ErrorCodes, ServerException

from footfall.generations import Layout
from footfall.names import database_name
from sinks.clickhouse import identifier


@cache
def _sql(name: str) -> str:
    return resources.files("jobs").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def run(
    client: Client,
    name: str,
    stage: str,
    values: Mapping[str, object],
    *,
    table: str = "",
    columnar: bool = False,
    fragments: Mapping[str, str] = MappingProxyType({}),
) -> list[Any]:
    """Run `jobs/sql/<name>.sql` in the stage's database; its rows, or its columns.

    `fragments` are SQL of this package's own, put in for `{name}`.
    """
    database = identifier(database_name(stage))
    sql = _sql(name).replace("{database}", database)
    if table:
        sql = sql.replace("{table}", f"{database}.{identifier(table)}")
    for place, text in fragments.items():
        sql = sql.replace(f"{{{place}}}", text)
    answer: Any = client.execute(sql, dict(values), columnar=columnar)
    return answer if isinstance(answer, list) else []


def has_tables(client: Client) -> bool:
    """Whether the connection's database is there and migrated; a stage may never have been used."""
    sql = "SELECT count() FROM system.tables WHERE database = %(database)s AND name = 'repair_list'"
    try:
        return bool(client.execute(sql, {"database": client.connection.database})[0][0])
    except ServerException as error:
        if error.code == ErrorCodes.UNKNOWN_DATABASE:
            return False
        raise


def stored_by_partition(client: Client) -> dict[int, int]:
    """Partition -> log time (ms) up to which everything of it is stored."""
    sql = """
        SELECT log_partition, toInt64(toUnixTimestamp64Milli(max(log_time))) FROM progress GROUP BY log_partition
    """
    return dict(client.execute(sql))


def stored_offsets(client: Client) -> dict[int, int]:
    """Partition -> next offset; all below it is stored."""
    return dict(client.execute("SELECT log_partition, max(log_offset) FROM progress GROUP BY log_partition"))


def stored_until(client: Client, layout: Callable[[], Layout]) -> int:
    """Log time (ms) up to which everything of every served partition is stored; 0 where a
    partition has not been heard of yet.

    The layout is asked for after the store: a generation that was made in between was made after
    the time that is told, and holds nothing from before.
    """
    known = stored_by_partition(client)
    return min(known.get(number, 0) for number in layout().partitions)

"""The whole control plane as rows any back end reads, for a backup.

Left out is what lives shortly or belongs to this life of the installation: salts, which are not to be
anywhere for longer than 48 h, leases of jobs and their history.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, delete, insert, select

from control.database import Database
from control.errors import ControlError
from control.migrations import FIRST_VERSION, STEPS
from control.schema import cursor, flow_partition, metadata, salt

SCHEMA = FIRST_VERSION + len(STEPS)
# The last one says which worker's directory holds what.
LEFT_OUT = {"meta", "salt", "job_lease", "job_run", "flow_partition"}
# Made by themselves when an installation starts: they do not show that anybody uses it.
BY_THEMSELVES = {*LEFT_OUT, "secret", "cursor"}
UNFINISHED = "restore:unfinished"
BATCH = 500

Row = tuple[str, dict[str, Any]]  # table, JSON values by column: bytes as base64


def copied() -> list[Table]:
    """The tables of a backup, those first that others refer to."""
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def dump(plane: Database) -> Iterator[Row]:
    """All rows, as they are at one moment."""
    with plane.reading() as connection:
        for table in copied():
            binary = _binary(table)
            for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings():
                yield (
                    str(table.name),
                    {str(name): _text(row[name]) if name in binary else row[name] for name in row},
                )


def in_use(plane: Database) -> dict[str, int]:
    """Table -> rows, of what people have entered: empty where nobody has used it yet."""
    found = {}
    with plane.reading() as connection:
        for table in metadata.sorted_tables:
            if table.name not in BY_THEMSELVES:
                count = len(connection.execute(select(*table.primary_key.columns)).all())
                if count:
                    found[table.name] = count
    return found


def load(plane: Database, rows: Iterable[Row], backup: str) -> dict[str, int]:
    """Put these rows in place of all there are, in one transaction; how many by table.

    From then on until `finish`, `unfinished` says `backup`. Raises `ControlError` where the rows are of a
    newer Footfall.
    """
    counts: dict[str, int] = {}
    with plane.writing() as connection:
        for table in reversed(copied()):
            connection.execute(delete(table))
        connection.execute(delete(salt))  # of visitors of another life
        connection.execute(delete(flow_partition))  # and of workers
        for table, batch in _batches(rows):
            connection.execute(insert(table), batch)
            counts[str(table.name)] = counts.get(table.name, 0) + len(batch)
        _mark(connection, backup)
    return counts


def begin(plane: Database, backup: str) -> None:
    """From now on a restore is under way."""
    with plane.writing(announce=False) as connection:
        _mark(connection, backup)


def finish(plane: Database) -> None:
    """The restore is done."""
    with plane.writing() as connection:
        connection.execute(delete(cursor).where(cursor.c.name == UNFINISHED))


def unfinished(plane: Database) -> str:
    """What is being restored, or was when it broke off; empty: nothing."""
    with plane.reading() as connection:
        return connection.execute(select(cursor.c.value).where(cursor.c.name == UNFINISHED)).scalar() or ""


def require_restored(plane: Database) -> None:
    """`ControlError` while a restore is under way, or if one broke off."""
    source = unfinished(plane)
    if source:
        raise ControlError(f"a restore is not finished: run `footfall restore {source}` (again), then start")


def _mark(connection: Connection, backup: str) -> None:
    connection.execute(delete(cursor).where(cursor.c.name == UNFINISHED))
    connection.execute(insert(cursor).values(name=UNFINISHED, value=backup))


def _batches(rows: Iterable[Row]) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """Rows of one table together, in the order of the backup."""
    known = {table.name: table for table in copied()}
    batch: list[dict[str, Any]] = []
    current = ""
    for name, row in rows:
        if name not in known or row.keys() - set(known[name].columns.keys()):
            raise ControlError(f"the backup has rows of {name} that this Footfall does not know: upgrade it")
        if batch and (name != current or len(batch) >= BATCH):
            yield known[current], batch
            batch = []
        current = name
        if (name, row.get("name")) != (cursor.name, UNFINISHED):
            batch.append(_values(known[name], row))
    if batch:
        yield known[current], batch


def _values(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    binary = _binary(table)
    return {name: base64.b64decode(value) if name in binary else value for name, value in row.items()}


def _binary(table: Table) -> set[str]:
    return {column.name for column in table.columns if isinstance(column.type, LargeBinary)}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()

"""From whatever version of the schema a database has to this program's.

A new database is made from `schema.metadata` whole. An older one is taken through
`STEPS`: to change a table, change schema.py and append one step with the statements
that do the same to an existing database (plain SQL both back ends know).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, inspect, select, text, update

from control.schema import meta, metadata

FIRST_VERSION = 1
# STEPS[i] goes from version i + 1 to i + 2.
STEPS: tuple[tuple[str, ...], ...] = (
    ("ALTER TABLE server_key ADD COLUMN rotated_to VARCHAR(32) DEFAULT '' NOT NULL",),
)


class SchemaTooNewError(RuntimeError):
    """A newer program has upgraded this database."""


def upgrade(connection: Connection, steps: Sequence[Sequence[str]] = STEPS) -> int:
    """Bring the schema to the newest version inside the caller's transaction; returns it."""
    newest = FIRST_VERSION + len(steps)
    if not inspect(connection).has_table(meta.name):
        return _create(connection, newest)
    current = connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar_one()
    if current > newest:
        raise SchemaTooNewError(
            f"the control plane has schema version {current}, this program knows {newest}: "
            "upgrade Footfall, or restore the backup made before the upgrade"
        )
    for step in steps[current - FIRST_VERSION :]:
        for statement in step:
            connection.execute(text(statement))
    if current != newest:  # a full disk must not keep a program from starting
        connection.execute(update(meta).where(meta.c.name == "schema").values(value=newest))
    return newest


def _create(connection: Connection, version: int) -> int:
    metadata.create_all(connection)
    rows = [{"name": "schema", "value": version}, {"name": "revision", "value": 1}]
    connection.execute(meta.insert(), rows)
    return version

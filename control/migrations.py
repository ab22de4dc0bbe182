"""From whatever version of the schema a database has to this program's.

A new database is made from `schema.metadata` whole. An older one is taken through
`STEPS`: to change a table, change schema.py and append one step with the statements
that do the same to an existing database (plain SQL both back ends know).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, inspect, select, text, update

from control import postgres_schema
from control.errors import ControlError
from control.schema import meta, metadata

FIRST_VERSION = 1
# STEPS[i] goes from version i + 1 to i + 2.
STEPS: tuple[tuple[str, ...], ...] = (
    ("ALTER TABLE server_key ADD COLUMN rotated_to VARCHAR(32) DEFAULT '' NOT NULL",),
    (
        "CREATE TABLE log_generation (stage VARCHAR(16) NOT NULL, number INTEGER NOT NULL, "
        "first_partition INTEGER NOT NULL, partitions INTEGER NOT NULL, created_at BIGINT NOT NULL, "
        "opened_at BIGINT NOT NULL, drained_at BIGINT NOT NULL, PRIMARY KEY (stage, number))",
    ),
    (
        "CREATE TABLE flow_partition (partition VARCHAR(64) NOT NULL PRIMARY KEY, holder VARCHAR(160) NOT NULL, "
        "place VARCHAR(1024) NOT NULL, worker VARCHAR(160) NOT NULL, seen_at BIGINT NOT NULL)",
    ),
    ("ALTER TABLE log_generation ADD COLUMN left_at BIGINT DEFAULT 0 NOT NULL",),
    (
        "ALTER TABLE site ADD COLUMN script_name VARCHAR(64)",
        "ALTER TABLE site ADD COLUMN endpoint_path VARCHAR(128)",
        "CREATE UNIQUE INDEX site_script_name ON site (script_name)",
        "CREATE UNIQUE INDEX site_endpoint_path ON site (endpoint_path)",
    ),
)
# PostgreSQL's advisory locks are numbers; they are of one database.
UPGRADE_LOCK = 0x666F6F7466616C6C  # "footfall"


class SchemaTooNewError(ControlError):
    """A newer program has upgraded this database."""


def upgrade(connection: Connection, steps: Sequence[Sequence[str]] = STEPS) -> int:
    """Bring the schema to the newest version inside the caller's transaction; returns it.

    One at a time: with SQLite the caller's transaction is a writing one.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
    newest = FIRST_VERSION + len(steps)
    current = _version(connection, newest)
    if current is None:
        return _create(connection, newest)
    for step in steps[current - FIRST_VERSION :]:
        for statement in step:
            connection.execute(text(statement))
    if current != newest:  # a full disk must not keep a program from starting
        connection.execute(update(meta).where(meta.c.name == "schema").values(value=newest))
    return newest


def pending(connection: Connection, steps: Sequence[Sequence[str]] = STEPS) -> list[str]:
    """What `upgrade` would do, in words."""
    newest = FIRST_VERSION + len(steps)
    current = _version(connection, newest)
    if current is None:
        return [*postgres_schema.missing(connection), f"make the tables (version {newest})"]
    return [f"bring the tables from version {current} to {newest}"] if current != newest else []


def _version(connection: Connection, newest: int) -> int | None:
    """Of the tables that are there; None if there are none."""
    postgres_schema.check_path(connection)
    if not inspect(connection).has_table(meta.name):
        return None
    current = connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar()
    if current is None:
        raise ControlError("the database holds tables that are not Footfall's: give it one of its own")
    if current > newest:
        raise SchemaTooNewError(
            f"the control plane has schema version {current}, this program knows {newest}: "
            "upgrade Footfall, or restore the backup made before the upgrade"
        )
    return int(current)


def _create(connection: Connection, version: int) -> int:
    postgres_schema.make(connection)
    metadata.create_all(connection)
    rows = [{"name": "schema", "value": version}, {"name": "revision", "value": 1}]
    connection.execute(meta.insert(), rows)
    return version

"""Brings a database to the newest version of its tables: numbered files in `sinks/ddl`.

Each file is applied once, in order, and never edited afterwards (its checksum is kept).
Every statement may be repeated: a migration that died half-way is simply run again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from importlib import resources
from typing import NamedTuple

from clickhouse_driver import Client

from footfall.settings import Settings
from sinks import ttl
from sinks.clickhouse import identifier
from sinks.cluster import check_cluster, sync
from sinks.dialect import clause, for_server
from sinks.event_versions import version_events, versioned

# What SQL alone cannot do, after the file of that number. May be repeated too.
AFTER: dict[int, Callable[[Client, str], None]] = {9: version_events}
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
# Whatever may hold a semicolon that ends no statement, then the semicolon itself.
_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(;)", re.DOTALL)
_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS \{database\}\.(\w+)", re.MULTILINE)
_COMMENT = re.compile(r"\s*(--[^\n]*|/\*.*?\*/)\s*", re.DOTALL)


_MIGRATIONS = """CREATE TABLE IF NOT EXISTS {database}.schema_migrations
(number UInt32, name String, checksum String, applied_at DateTime('UTC') DEFAULT now())
ENGINE = ReplacingMergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"""


OWNER_TABLE = "owner"


class MigrationError(Exception):
    """The database and this program do not fit together."""


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Of the text, whatever its line ends."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()


def load() -> list[Migration]:
    """All migrations, by number."""
    found = sorted(
        Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8"))
        for entry in resources.files("sinks").joinpath("ddl").iterdir()
        if (match := _FILE.fullmatch(entry.name))
    )
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations must be numbered 1, 2, 3 ...: found {numbers}")
    return found


def table_names() -> list[str]:
    """The tables the migrations make, views apart, in the order in which they are made; without the one
    that says whose the database is, which is no content of it."""
    found = [name for migration in load() for name in _TABLE.findall(migration.sql)]
    return [name for name in dict.fromkeys(found) if name != OWNER_TABLE]


def statements(sql: str, database: str) -> list[str]:
    """The statements of a file, with `{database}` filled in; comments before them left out."""
    parts, start = [], 0
    for match in _TOKEN.finditer(sql):
        if match[1]:
            parts.append(sql[start : match.start()])
            start = match.end()
    parts.append(sql[start:])
    stripped = (_without_comments(part) for part in parts)
    return [part.replace("{database}", identifier(database)) for part in stripped if part]


def _without_comments(statement: str) -> str:
    while match := _COMMENT.match(statement):
        statement = statement[match.end() :]
    return statement.strip()


def applied(client: Client, database: str) -> dict[int, tuple[str, str]]:
    """Number -> (name, checksum) of what the database has; {} where there is none."""
    there = client.execute(
        "SELECT count() FROM system.tables WHERE database = %(database)s AND name = 'schema_migrations'",
        {"database": database},
    )
    if not there[0][0]:
        return {}
    table = f"{identifier(database)}.schema_migrations"
    rows = client.execute(f"SELECT number, name, checksum FROM {table} FINAL")  # noqa: S608 - a checked name
    return {number: (name, checksum) for number, name, checksum in rows}


def pending(client: Client, database: str) -> list[Migration]:
    """What is still to be applied. `MigrationError` if the database is newer or differs."""
    known, have = load(), applied(client, database)
    if have and max(have) > len(known):
        raise MigrationError(
            f"database {database} has version {max(have)}, this program knows {len(known)}: upgrade Footfall"
        )
    for migration in known:
        if migration.number in have and have[migration.number][1] != migration.checksum:
            raise MigrationError(
                f"{migration.number:04d}_{migration.name}.sql was changed after it was applied to {database}: "
                "restore the file and put the change into a new migration"
            )
    return [migration for migration in known if migration.number not in have]


def migrate(client: Client, settings: Settings, database: str, *, again: bool = False) -> list[str]:
    """Create or upgrade `database`; the names of what was applied, then of tables with a new TTL.

    With `again` everything is run once more, which changes nothing where it is there: a replica that
    was added to the cluster gets its tables so.

    Raises `MigrationError` where the database is newer than this program, `UnsupportedClusterError` where
    the cluster cannot be used.
    """
    name, cluster = identifier(database), settings.clickhouse_cluster
    if cluster:
        check_cluster(client, cluster)
    client.execute(f"CREATE DATABASE IF NOT EXISTS {name} {clause(cluster)}")
    client.execute(for_server(_MIGRATIONS.replace("{database}", name), cluster))
    sync(client, cluster, name, "schema_migrations")
    done = []
    for migration in load() if again else pending(client, name):
        for statement in statements(migration.sql, name):
            spelt = versioned(statement) if cluster else statement
            client.execute(for_server(spelt, cluster))
        if migration.number in AFTER and not cluster:
            AFTER[migration.number](client, name)
        client.execute(
            f"INSERT INTO {name}.schema_migrations (number, name, checksum) VALUES",
            [(migration.number, migration.name, migration.checksum)],
        )
        done.append(f"{migration.number:04d}_{migration.name}")
    return done + [f"ttl {table}" for table in ttl.apply(client, settings, name)]

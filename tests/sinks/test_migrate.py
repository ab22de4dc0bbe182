"""The tables: made once, made again without harm, kept as the settings say, described in full."""

from __future__ import annotations

import re

import pytest
from clickhouse_driver import Client

from footfall.sessions.row import SessionRow
from footfall.settings import Settings
from sinks import migrate as migrations
from sinks.dialect import for_server
from sinks.migrate import Migration, MigrationError, load, migrate, statements
from sinks.schema import SESSIONS
from sinks.ttl import wanted

VIEWS = {
    "events_v1", "sessions_v1", "identities_v1", "quarantine_v1", "ledger_v1", "rollup_hour_v1", "rollup_day_v1",
    "visitor_days_v1",
}  # fmt: skip


def test_migrating_twice_changes_nothing(client: Client, fresh_database: str) -> None:
    done = migrate(client, Settings(), fresh_database)
    assert [name for name in done if not name.startswith("ttl ")] == [f"{m.number:04d}_{m.name}" for m in load()]
    assert migrate(client, Settings(), fresh_database) == []


def test_a_migration_that_died_half_way_is_run_again(
    client: Client, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = load()
    with monkeypatch.context() as patch:
        patch.setattr("sinks.ttl.apply", lambda *_: [])  # which wants all tables
        for number, migration in enumerate(everything, start=1):
            client.execute(for_server(statements(migration.sql, fresh_database)[0]))
            patch.setattr(migrations, "load", lambda upto=number: everything[:upto])
            assert migrate(client, Settings(), fresh_database) == [f"{number:04d}_{migration.name}"]
    migrate(client, Settings(), fresh_database)
    assert migrate(client, Settings(), fresh_database) == []


def test_ttls_follow_the_settings(client: Client, fresh_database: str) -> None:
    migrate(client, Settings(), fresh_database)
    changed = migrate(client, Settings(retention_days=100, quarantine_days=3), fresh_database)
    assert set(changed) == {f"ttl {table}" for table in wanted(Settings())} - {"ttl rollup_hour"}
    (engine,) = client.execute(
        "SELECT engine_full FROM system.tables WHERE database = %(d)s AND name = 'events'", {"d": fresh_database}
    )[0]
    assert "toIntervalDay(90) RECOMPRESS CODEC(ZSTD(12)), toDateTime(log_time) + toIntervalDay(100)" in engine


def test_a_newer_database_is_refused(client: Client, fresh_database: str) -> None:
    migrate(client, Settings(), fresh_database)
    client.execute(
        f"INSERT INTO {fresh_database}.schema_migrations (number, name, checksum) VALUES", [(999, "later", "x")]
    )
    with pytest.raises(MigrationError, match="upgrade Footfall"):
        migrate(client, Settings(), fresh_database)


def test_an_edited_file_is_refused(client: Client, fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(client, Settings(), fresh_database)
    edited = [Migration(m.number, m.name, m.sql + ("-- edited" if m.number == 2 else "")) for m in load()]
    monkeypatch.setattr(migrations, "load", lambda: edited)
    with pytest.raises(MigrationError, match=r"0002_sessions\.sql was changed"):
        migrate(client, Settings(), fresh_database)


def test_a_database_name_that_is_no_identifier_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="no identifier"):
        migrate(client, Settings(), "x; DROP DATABASE default")


def test_statements_are_split_outside_of_texts_and_comments() -> None:
    sql = "-- a; b\nCREATE TABLE {database}.t (a String COMMENT 'x; \\'y; ''z');\n/* c; */ SELECT `a;b`; -- end;\n"
    assert statements(sql, "d") == ["CREATE TABLE d.t (a String COMMENT 'x; \\'y; ''z')", "SELECT `a;b`"]


def test_every_statement_can_be_repeated() -> None:
    repeatable = re.compile(
        r"CREATE (TABLE|VIEW) IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE .*IF (NOT )?EXISTS"
    )
    for migration in load():
        for statement in statements(migration.sql, "d"):
            assert repeatable.match(statement), statement.splitlines()[0]


def test_every_column_has_a_comment(client: Client, database: str) -> None:
    rows = client.execute(
        "SELECT table, name, comment FROM system.columns WHERE database = %(d)s AND table != 'schema_migrations'",
        {"d": database},
    )
    assert {table for table, _, _ in rows} >= VIEWS
    assert [(table, name) for table, name, comment in rows if not comment] == []


def test_the_sessions_table_has_the_fields_of_the_row() -> None:
    assert tuple(name for name, _ in SESSIONS) == SessionRow.__struct_fields__

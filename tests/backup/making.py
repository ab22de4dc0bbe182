"""Installations for tests of backup and restore: a stage of a store, filled with rows of every kind."""

from __future__ import annotations

import secrets
from pathlib import Path

from clickhouse_driver import Client

import control
from backup.store_http import select
from control import Control
from footfall.names import database_name
from footfall.settings import Settings
from footfall.sites import Goal
from sinks.clickhouse import connect
from sinks.migrate import migrate, table_names
from tests.fixtures.store import StoreServer

ROWS = 400
# Partitions and TTLs hang on these: a few months, none of them past its time.
_MADE = {
    "event_day": "today() - number % 60",
    "start_at": "now64(3, 'UTC') - toIntervalDay(number % 60)",
    "quarantined_at": "now64(3, 'UTC') - toIntervalHour(number % 100)",
    "day": "today() - number % 60",
    "log_time": "now64(3, 'UTC')",
    "computed_at": "now()",
    "stored_at": "now()",
    "marked_at": "now()",
    "replayed_at": "now()",
    "visitors": "initializeAggregation('uniqExactState', toUInt64(rand()))",
    "is_deleted": "toUInt8(number % 2)",
    "is_closed": "1",  # of open sessions, new events and rows beyond what is certain, a restore makes something
    "log_partition": "number % 4",
    "log_offset": "number",
}
# Tabs, ends of lines, zeros, bytes that are no text: whatever a visitor can send.
_BYTES = ("path", "payload", "value", "user_id", "entry_page", "title")


def settings_of(store: StoreServer, data_dir: Path, stage: str, **more: object) -> Settings:
    """Settings with a server as store."""
    return Settings.model_validate(
        {
            "data_dir": data_dir,
            "stage": stage,
            "dev_stage": "",
            "clickhouse_host": store.host,
            "clickhouse_port": store.port,
            "clickhouse_http_port": store.http_port,
            "clickhouse_user": store.user,
            "clickhouse_password": store.password,
            **more,
        }
    )


def new_stage() -> str:
    return f"b{secrets.token_hex(5)}"


def fill_store(settings: Settings) -> None:
    """Rows in every table."""
    database = database_name(settings.stage)
    client = connect(settings)
    migrate(client, settings, database)
    client.disconnect()
    client = connect(settings, database=database)
    for table in table_names():
        _fill(client, table)
    client.disconnect()


def _fill(client: Client, table: str) -> None:
    columns = {name: kind for name, kind, *_ in client.execute(f"DESCRIBE TABLE {table}")}
    made = _MADE | dict.fromkeys(_BYTES, "randomString(20)")
    if table == "progress":
        made["log_offset"] = "number + 1000"
        made["log_time"] = "now64(3, 'UTC') + 120"  # sessions of the newest events have rows by then
    random = {name: kind for name, kind in columns.items() if name not in made}
    structure = ", ".join(f"{name} {kind}" for name, kind in random.items()).replace("'", "\\'")
    chosen = [f"{made[name]} AS {name}" if name in made else name for name in columns]
    client.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(chosen)} FROM "
        f"(SELECT *, rowNumberInAllBlocks() AS number FROM generateRandom('{structure}', 1, 30, 4) LIMIT {ROWS})",
    )


def contents(settings: Settings) -> dict[str, list[bytes]]:
    """All rows of all tables, as text, in some order that is always the same."""
    found = {}
    for table in table_names():
        text = b"".join(
            select(settings, f"SELECT * FROM {database_name(settings.stage)}.{table} FORMAT TabSeparated")
        )
        found[table] = sorted(text.split(b"\n")[:-1])
    return found


def fill_control(plane: Control, stage: str) -> None:
    """Something in each of its tables."""
    for number in range(3):
        site_id = f"shop{number}.example.com"
        plane.add_site(site_id, now=number)
        plane.set_goal(site_id, Goal(name="buy", event="purchase", props=(("plan", "größe\n\t'\""),)))
        plane.create_key(site_id, now=5)
    plane.stage_secret(stage)
    plane.salts(1_700_000_000_000)
    plane.set_setting("user:ada:timezone", "Europe/Berlin")
    plane.set_cursor(f"repair:{stage}", "{}")


def open_filled(settings: Settings) -> Control:
    plane = control.open(settings.control_plane_url())
    fill_control(plane, settings.stage)
    return plane

"""This release goes on from what the previous one left behind when it was killed.

The fixture was made by that release's code (tests/compat/make.py), and so was what is expected: what its own
flow had in the store once it had read the same log to the end. The archive of events is younger than 0.1.0.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import control
from control.migrations import pending as control_pending
from eventlog.local import LocalLog
from footfall.record import decode
from footfall.settings import Settings
from footfall.sites import Goal
from sinks.migrate import load, migrate, statements
from tests.fixtures.store import StoreServer, make_store

FIXTURES = Path(__file__).parent / "0.1.0"
PREVIOUS = json.loads((FIXTURES / "formats.json").read_text())
STAGE = "compat"
DATABASES = ("footfall_compat", "footfall_dev")
VIEWS = ("events_v1", "sessions_v1", "identities_v1", "quarantine_v1", "ledger_v1", "rollup_hour_v1")
# Numbers that only grow, and say nothing of what was counted.
ASIDE = {"ledger_v1": {"log_offset"}, "sessions_v1": {"version", "log_time"}}
LONG = {"retention_days": 10_000, "quarantine_days": 10_000}  # the fixture's days do not grow old
WAIT_S = 60.0


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The previous release's data directory, and what its store held."""
    with tarfile.open(FIXTURES / "state.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    server = make_store(tmp_path_factory.mktemp("compat"))
    yield server
    server.stop()


def ask(store: StoreServer, sql: str, body: bytes = b"") -> bytes:
    address = f"http://{store.host}:{store.http_port}/?database={DATABASES[0]}"
    request = urllib.request.Request(address, sql.encode() + body)
    request.add_header("X-ClickHouse-User", store.user)
    request.add_header("X-ClickHouse-Key", store.password)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: bytes = answer.read()
        return found


def fill(store: StoreServer, tables: Path) -> None:
    """The store as the previous release had it: its tables, its rows."""
    client = store.client()
    try:
        for database in DATABASES:
            client.execute(f"DROP DATABASE IF EXISTS {database} SYNC")
            client.execute(f"CREATE DATABASE {database}")
            client.execute(
                f"CREATE TABLE {database}.schema_migrations (number UInt32, name String, checksum String, "
                "applied_at DateTime('UTC') DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY number"
            )
            for one in load()[: len(PREVIOUS["ddl"])]:  # unchanged since then, see test_formats
                for statement in statements(one.sql, database):
                    client.execute(statement)
                row = (one.number, one.name, one.checksum)
                client.execute(f"INSERT INTO {database}.schema_migrations (number, name, checksum) VALUES", [row])
    finally:
        client.disconnect()
    for path in tables.glob("*.native"):
        ask(store, f"INSERT INTO {path.stem} FORMAT Native\n", path.read_bytes())


def upgrade(store: StoreServer) -> None:
    client = store.client()
    try:
        for database in DATABASES:
            migrate(client, Settings.model_validate(LONG), database)
    finally:
        client.disconnect()


def parsed(data: bytes) -> list[dict[str, Any]]:
    """States of aggregates are no text."""
    return [json.loads(line) for line in data.decode("utf-8", "surrogateescape").split("\n") if line]


def lines(data: bytes, view: str, columns: set[str] | None = None) -> list[dict[str, Any]]:
    """Rows in one order; without columns that came later, and those that say nothing."""
    rows = parsed(data)
    aside = ASIDE.get(view, set())
    kept = [{k: v for k, v in row.items() if k not in aside and (columns is None or k in columns)} for row in rows]
    return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True))


def assert_same(store: StoreServer, expected: Path) -> None:
    for view in VIEWS:
        then = (expected / f"{view}.jsonl").read_bytes()
        columns = set(parsed(then)[0])
        now = ask(store, f"SELECT * FROM {view} FORMAT JSONEachRow")
        assert lines(now, view, columns) == lines(then, view), view


def run_flow(store: StoreServer, data: Path, log: Path, ends: dict[int, int]) -> None:
    """Until it has stored the log to its end, then stop it in order."""
    environment = os.environ | {
        "FOOTFALL_DATA_DIR": str(data), "FOOTFALL_STAGE": STAGE, "FOOTFALL_PARTITIONS": "2",
        "FOOTFALL_CLICKHOUSE_PORT": str(store.port), "FOOTFALL_CLICKHOUSE_PASSWORD": store.password,
        "FOOTFALL_FLUSH_SECONDS": "0.1", "FOOTFALL_FLOW_METRICS_PORT": "0",
    }  # fmt: skip
    client = store.client(database=DATABASES[0])
    sql = "SELECT log_partition, max(log_offset) FROM progress GROUP BY log_partition"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "flows"], env=environment, stderr=output)
    try:
        deadline = time.monotonic() + WAIT_S
        while dict(client.execute(sql)) != ends:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        client.disconnect()


def log_of(data: Path) -> LocalLog:
    return LocalLog(data / "log" / f"{STAGE}.raw", 2)


def ends_of(data: Path) -> dict[int, int]:
    reader = log_of(data).reader()
    try:
        return {partition: reader.bounds(partition)[1] for partition in range(2)}
    finally:
        reader.close()


def test_the_store_is_upgraded_and_its_rows_are_read(left: Path, own_store: StoreServer) -> None:
    fill(own_store, left / "tables")
    assert_same(own_store, left / "before")
    upgrade(own_store)
    assert_same(own_store, left / "before")
    upgrade(own_store)  # again: nothing is left to do


def test_the_flow_goes_on_with_open_sessions(left: Path, own_store: StoreServer) -> None:
    fill(own_store, left / "tables")
    upgrade(own_store)
    ends = ends_of(left / "data")
    run_flow(own_store, left / "data", left / "flow.log", ends)
    assert_same(own_store, left / "after")


def test_without_the_state_the_sessions_are_others(left: Path) -> None:
    """What the test above would see: sessions that went on are not those of before."""
    before, after = (
        lines((left / name / "sessions_v1.jsonl").read_bytes(), "sessions_v1") for name in ("before", "after")
    )
    was = {row["session_id"]: row["events"] for row in before if not row["is_closed"]}
    now = {row["session_id"]: row["events"] for row in after}
    grown = [one for one, events in was.items() if now[one] > events]
    assert len(grown) >= 3


def test_the_log_is_read(left: Path) -> None:
    reader = log_of(left / "data").reader()
    try:
        found = [one for partition in range(2) for one in reader.read(partition, 0, 1000, 10**7)]
    finally:
        reader.close()
    readable = [decode(one.value) for one in found if one.value[:1] == b"\x01"]
    assert len(readable) == len(found) - 1  # one that no release can read
    assert {one.kind for one in readable} == {"batch", "heartbeat"}
    assert sum(len(one.events) for one in readable) == 29


def test_the_control_plane_is_upgraded(left: Path) -> None:
    url = f"sqlite:///{left / 'data' / 'control.db'}"
    plane = control.open(url)
    try:
        shop, blog = plane.site("www.shop.example"), plane.site("blog.example")
        assert (shop.site_id, shop.timezone, shop.currency) == ("shop.example", "Europe/Berlin", "EUR")
        assert shop.goals == (Goal(name="buy", event="purchase"),)
        assert (blog.excluded_paths, blog.strict_privacy, blog.window_ms(0)) == (("/intern",), True, 600_000)
        (key,) = plane.list_keys()
        assert (key.site_id, key.label, key.rate, key.networks) == (
            "shop.example",
            "shop server",
            50.0,
            ("10.0.0.0/8",),
        )
        assert plane.setting("user:ada:timezone") == "Europe/Berlin"
        assert plane.cursor("a position") == "17"
        assert plane.log_layout(STAGE, 2).writable(1) == 1
        with plane.reading() as connection:
            assert control_pending(connection) == []
    finally:
        plane.close()

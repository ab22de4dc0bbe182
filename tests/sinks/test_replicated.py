"""Replicated tables, made for real in a ZooKeeper. The engine here serves no other replicas, so it never lets
anything in: inserts are not tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.settings import Settings
from sinks.dialect import for_server
from sinks.event_versions import versioned
from sinks.migrate import load, statements
from sinks.ttl import wanted
from tests.fixtures.engines import INSTALLED, OLDEST, EngineMissing, engine_package
from tests.fixtures.store import make_store
from tests.fixtures.zookeeper import zookeeper
from tests.sinks.replicas import CONFIG

KEEPER = "<zookeeper><node><host>127.0.0.1</host><port>{port}</port></node></zookeeper>"


@pytest.mark.drill
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", [OLDEST, INSTALLED])
def test_every_table_can_be_made(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        package = engine_package(version)
    except EngineMissing as missing:
        pytest.skip(str(missing))
    with zookeeper(tmp_path) as port:
        config = tmp_path / "config.xml"
        config.write_text(CONFIG.format(more=KEEPER.format(port=port)))
        monkeypatch.setenv("FOOTFALL_TEST_ENGINE_CONFIG", str(config))
        server = make_store(tmp_path, ("tests.fixtures.other_engine", str(package)))
        try:
            client = server.client()
            client.execute("CREATE DATABASE spread")
            for migration in load():
                for statement in statements(migration.sql, "spread"):
                    if statement.startswith("CREATE TABLE"):
                        client.execute(for_server(versioned(statement), "main").replace(" ON CLUSTER 'main'", ""))
            made = client.execute("SELECT name, engine FROM system.tables WHERE database = 'spread'")
            assert {name for name, _ in made} >= wanted_tables()
            assert {engine for _, engine in made} == {"ReplicatedReplacingMergeTree", "ReplicatedMergeTree"}
            paths = client.execute("SELECT table, zookeeper_path, replica_name FROM system.replicas")
            assert sorted(paths) == sorted((n, f"/clickhouse/tables/01/spread/{n}", "one") for n, _ in made)
        finally:
            server.kill()


def wanted_tables() -> set[str]:
    """Those that have a TTL, at least."""

    return set(wanted(Settings()))

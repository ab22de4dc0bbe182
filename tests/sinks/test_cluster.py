"""What a cluster of replicas is sent. It is parsed here, and run as far as one engine can (see replicas.py)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import cast

import pytest
from clickhouse_driver import Client

from footfall.settings import Settings
from sinks import cluster, positions
from sinks.cluster import UnsupportedClusterError, check_cluster
from sinks.dialect import DialectError, on_cluster
from sinks.migrate import load, migrate, statements
from tests.fixtures.engines import INSTALLED, engine_package
from tests.fixtures.store import StoreServer, make_store
from tests.sinks.replicas import CONFIG, ClusterClient

SETTINGS = Settings(clickhouse_cluster="main")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    folder = tmp_path_factory.mktemp("cluster")
    config = folder / "config.xml"
    config.write_text(CONFIG.format(more=""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOOTFALL_TEST_ENGINE_CONFIG", str(config))
        server = make_store(folder, ("tests.fixtures.other_engine", str(engine_package(INSTALLED))))
    yield server
    server.kill()


@pytest.fixture
def client(server: StoreServer) -> Iterator[Client]:
    client = server.client()
    yield client
    client.disconnect()


def test_tables_are_made_everywhere(client: Client) -> None:
    asked = ClusterClient(client)
    done = migrate(cast(Client, asked), SETTINGS, "spread")
    assert [name for name in done if not name.startswith("ttl ")] == [f"{m.number:04d}_{m.name}" for m in load()]
    assert migrate(cast(Client, asked), SETTINGS, "spread") == []  # TTLs are told apart in a replicated table too
    made = [sql for sql in asked.sent if sql.startswith("CREATE TABLE")]
    for sql in made:
        (name,) = re.findall(r"CREATE TABLE IF NOT EXISTS spread\.(\w+) ON CLUSTER 'main'", sql)
        place = re.escape(f"('/clickhouse/tables/{{shard}}/spread/{name}', '{{replica}}'")
        assert re.search(rf"ENGINE = Replicated(Replacing)?MergeTree{place}", sql), sql
        assert "fsync_after_insert = 1" in sql
        assert ("'{replica}', replay)" in sql) == (name == "events")
    changes = re.compile(r"(CREATE|ALTER|DROP|RENAME|TRUNCATE|OPTIMIZE|KILL) ")
    assert [sql for sql in asked.sent if changes.match(sql) and "ON CLUSTER 'main'" not in sql] == []
    assert "SYSTEM SYNC REPLICA spread.schema_migrations LIGHTWEIGHT" in asked.sent


def test_a_replica_that_was_added_gets_everything_again(client: Client) -> None:
    asked = ClusterClient(client)
    migrate(cast(Client, asked), SETTINGS, "again")
    asked.sent.clear()
    assert len(migrate(cast(Client, asked), SETTINGS, "again", again=True)) == len(load())
    wanted = {
        s.splitlines()[0] for m in load() for s in statements(m.sql, "again") if s.startswith("CREATE TABLE")
    }
    sent = {sql.splitlines()[0].replace(" ON CLUSTER 'main'", "") for sql in asked.sent}
    assert wanted <= sent


def test_inserts_are_ended_on_every_replica(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    asked = ClusterClient(client)
    with caplog.at_level(logging.WARNING):
        positions.kill_inserts(cast(Client, asked), "prod-flow:", "main")
    assert [sql.split(" WHERE")[0] for sql in asked.sent] == ["KILL QUERY ON CLUSTER 'main'"]
    assert "without replicas that do not answer: 127.0.0.2" in caplog.text


def test_without_a_cluster_nothing_is_waited_for(client: Client) -> None:
    asked = ClusterClient(client)
    cluster.sync(cast(Client, asked), "", "spread", "events")
    assert asked.sent == []
    cluster.sync(cast(Client, asked), "main", "spread", "events", "sessions")
    assert [sql.split()[3] for sql in asked.sent] == ["spread.events", "spread.sessions"]


def test_a_cluster_that_cannot_be_used_is_refused(client: Client, store: StoreServer) -> None:
    check_cluster(client, "main")
    check_cluster(client, "{cluster}")
    with pytest.raises(UnsupportedClusterError, match="'wide' has 2 shards"):
        check_cluster(client, "wide")
    with pytest.raises(UnsupportedClusterError, match=r"knows no cluster 'other'.* main, wide"):
        check_cluster(client, "other")
    without = store.client()
    with pytest.raises(UnsupportedClusterError, match="no macro replica nor shard"):
        check_cluster(without, "main")
    without.disconnect()


@pytest.mark.parametrize("sql", ["DROP TABLE d.t", "CREATE TABLE IF NOT EXISTS d.t (a Int8) ENGINE = Memory"])
def test_what_cannot_be_spread_is_refused(sql: str) -> None:
    with pytest.raises(DialectError):
        on_cluster(sql, "main")


def test_the_names_of_clusters_are_checked() -> None:
    for name in ("", "main", "eu-1.main", "{cluster}"):
        assert Settings(clickhouse_cluster=name).clickhouse_cluster == name
    for name in ("a'b", "a b", "{shard}", "x" * 65):
        with pytest.raises(ValueError, match="clickhouse_cluster"):
            Settings(clickhouse_cluster=name)


def test_queries_of_a_cluster_name_the_table_of_each_statement() -> None:
    table = "CREATE TABLE IF NOT EXISTS d.t\n(a Int8)\nENGINE = ReplacingMergeTree\nORDER BY a"
    sql = f"{table}\nSETTINGS fsync_after_insert = 1"
    assert on_cluster(sql, "{cluster}") == (
        "CREATE TABLE IF NOT EXISTS d.t ON CLUSTER '{cluster}'\n(a Int8)\n"
        "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/t', '{replica}')\nORDER BY a\n"
        "SETTINGS min_compressed_bytes_to_fsync_after_fetch = 1, fsync_after_insert = 1"
    )

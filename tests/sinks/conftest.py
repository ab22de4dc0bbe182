"""A migrated database of the real store for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from clickhouse_driver import Client

from footfall.settings import Settings
from sinks.migrate import migrate
from sinks.writer import StoreWriter
from tests.fixtures.store import StoreServer
from tests.sinks.writing import Connect, Make


@pytest.fixture
def client(store: StoreServer) -> Iterator[Client]:
    connection = store.client(compression="lz4")
    yield connection
    connection.disconnect()


@pytest.fixture
def database(client: Client, fresh_database: str) -> str:
    """The name of a database with all tables, in which nothing is merged."""
    migrate(client, Settings(), fresh_database)
    client.execute(f"SYSTEM STOP MERGES {fresh_database}.events")
    return fresh_database


@pytest.fixture
def connect(store: StoreServer) -> Callable[[], Client]:
    return lambda: store.client(compression="lz4", settings={"max_partitions_per_insert_block": 0})


@pytest.fixture
def writer_of(connect: Connect, database: str) -> Iterator[Make]:
    made: list[StoreWriter] = []

    def make(**options: object) -> StoreWriter:
        arguments = {
            "database": database,
            "flush_seconds": 0.1,
            "query_prefix": "test-flow",
            "retry_limit_s": 20.0,
        }
        writer = StoreWriter(connect, **(arguments | options))  # type: ignore[arg-type] # tests override any of them
        made.append(writer)
        return writer

    yield make
    for writer in made:
        if writer.is_alive():
            writer.close()

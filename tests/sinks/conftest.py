"""A migrated database of the real store for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from clickhouse_driver import Client

from footfall.names import database_name
from sinks.writer import StoreWriter
from tests.fixtures.spare import give_back, spare_stage
from tests.fixtures.store import StoreServer
from tests.sinks.writing import Connect, Make


@pytest.fixture
def client(store: StoreServer) -> Iterator[Client]:
    connection = store.client(compression="lz4")
    yield connection
    connection.disconnect()


@pytest.fixture
def database(store: StoreServer, client: Client) -> Iterator[str]:
    """The name of a database with all tables, in which nothing is merged."""
    stage = spare_stage(store, client)
    name = database_name(stage)
    client.execute(f"SYSTEM STOP MERGES {name}.events")
    yield name
    give_back(store, client, stage)


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

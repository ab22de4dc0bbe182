"""A migrated database of the real store for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from clickhouse_driver import Client

from footfall.settings import Settings
from sinks.migrate import migrate
from tests.fixtures.store import StoreServer


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

"""What a table that remembers blocks, as replicated ones do, makes of equal ones.

Replicated tables cannot run here; with `non_replicated_deduplication_window` plain ones remember in the same way.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clickhouse_driver import Client

from footfall.settings import Settings
from sinks.clickhouse import connect as connect_store
from sinks.event_block import EventBlock
from sinks.flusher import Flusher
from tests.fixtures.store import StoreServer
from tests.sinks.making import NOW, batch_of

Connect = Callable[[], Client]


@pytest.fixture
def connect(store: StoreServer, client: Client, database: str) -> Connect:
    """As Footfall connects; all tables of the database remember blocks."""
    for table in ("events", "identities"):
        client.execute(f"ALTER TABLE {database}.{table} MODIFY SETTING non_replicated_deduplication_window = 100")
    settings = Settings(
        clickhouse_host=store.host,
        clickhouse_port=store.port,
        clickhouse_user=store.user,
        clickhouse_password=store.password,
    )
    return lambda: connect_store(settings)


def flusher_of(connect: Connect, database: str, cluster: str) -> Flusher:
    return Flusher(connect, database, "test", "test-flow", 10.0, lambda: None, cluster)


def block() -> EventBlock:
    events = EventBlock()
    events.add(batch_of(3), 7, None, None, 0, 0, NOW)
    return events


def rows(client: Client, table: str) -> int:
    return int(client.execute(f"SELECT count() FROM {table}")[0][0])


def test_a_block_is_taken_once_for_a_token(connect: Connect, client: Client, database: str) -> None:
    flusher = flusher_of(connect, database, "main")
    with_token = connect()
    for attempt in ("a", "b"):  # the second one was sent to another replica, say
        flusher.send(with_token, block(), f"test:{attempt}", lambda: None, "one")
    assert rows(client, f"{database}.events") == 3
    flusher.send(with_token, block(), "test:c", lambda: None, "two")
    assert rows(client, f"{database}.events") == 6


def test_equal_blocks_without_one_are_all_taken(connect: Connect, client: Client, database: str) -> None:
    client.execute(f"SYSTEM STOP MERGES {database}.identities")
    flusher = flusher_of(connect, database, "")
    for _ in range(2):
        flusher.send(connect(), block(), "", lambda: None, "one")
        flusher.store_rows("identities", [("shop.example", 7, "ann", NOW)])
    assert rows(client, f"{database}.events") == 6
    assert rows(client, f"{database}.identities") == 2
    flusher.close()

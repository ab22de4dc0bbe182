"""Whoever dies in the middle of a flush, store or flow: every position is stored exactly once.

Nothing is merged in these tables, so that the engine cannot hide what was written twice.
Each check is tried on a writer that does not look: there it must fail.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import NetworkError

from footfall.settings import Settings
from sinks.event_block import EventBlock
from sinks.flusher import Flusher
from sinks.migrate import migrate
from sinks.writer import StoreWriter
from tests.fixtures.store import StoreServer, make_store
from tests.sinks.flow_process import EVENTS, RECORDS
from tests.sinks.making import NOW, batch_of

ROUNDS = 5
DATABASE = "footfall_test"


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    server = make_store(tmp_path_factory.mktemp("killed"))
    yield server
    assert server.process is not None
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def client_of(own_store: StoreServer) -> Callable[[], Client]:
    """Clients of a store with empty tables that never merge."""
    admin = own_store.client()
    admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
    migrate(admin, Settings(), DATABASE)
    never = "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"
    admin.execute(f"ALTER TABLE {DATABASE}.events MODIFY SETTING {never}")
    admin.disconnect()
    return lambda: own_store.client(compression="lz4")


def repeats(client: Client) -> tuple[int, int]:
    """(positions, rows) of `events`."""
    rows = client.execute(
        f"SELECT uniqExact(log_partition, log_offset, log_index), count() FROM {DATABASE}.events"
    )
    return rows[0][0], rows[0][1]


def writer_to(connect: Callable[[], Client]) -> StoreWriter:
    return StoreWriter(
        connect,
        database=DATABASE,
        flush_seconds=0.01,
        query_prefix="test-kill",
        buffer_rows=400,
        retry_limit_s=60.0,
    )


def add(writer: StoreWriter, offset: int, count: int = EVENTS) -> None:
    writer.add_events(batch_of(count, offset=offset, at=NOW + offset * 1000), 7, None, None, 0, offset, NOW)


class Forgetful(Client):  # type: ignore[misc] # the driver is not typed
    """Loses the connection after the store has taken an insert, now and then."""

    chance = random.Random(1)

    def receive_end_of_insert_query(self) -> None:
        super().receive_end_of_insert_query()
        if self.chance.random() < 0.5:
            raise NetworkError("connection lost")


OFFSETS = 25


def write_forgetfully(server: StoreServer, offsets: int = OFFSETS) -> None:
    def connect() -> Client:
        return Forgetful(server.host, port=server.port, user=server.user, password=server.password)

    writer = writer_to(connect)
    for offset in range(offsets):
        add(writer, offset)
        if offset % 5 == 0:
            writer.flush()
    writer.close()


def unsure_is_not_stored(_self: Flusher, _client: Client, block: EventBlock, _query_id: str) -> EventBlock:
    return block


def test_an_insert_whose_answer_was_lost_is_not_repeated(
    own_store: StoreServer, client_of: Callable[[], Client]
) -> None:
    write_forgetfully(own_store)
    assert repeats(client_of()) == (OFFSETS * EVENTS, OFFSETS * EVENTS)


def test_without_the_check_it_is_repeated(
    own_store: StoreServer, client_of: Callable[[], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Flusher, "not_stored", unsure_is_not_stored)
    write_forgetfully(own_store)
    stored, rows = repeats(client_of())
    assert stored == OFFSETS * EVENTS
    assert rows > stored


def test_the_store_is_killed_while_rows_are_written(
    own_store: StoreServer, client_of: Callable[[], Client]
) -> None:
    writer = writer_to(client_of)
    chance = random.Random(3)
    stop, added = threading.Event(), 0

    def fill() -> None:
        nonlocal added
        while not stop.is_set():
            add(writer, added)
            added += 1
            writer.progress(0, added, NOW, 0)

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        for _ in range(ROUNDS):
            before = added
            deadline = time.monotonic() + 30
            while added < before + 30 and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.1))
            own_store.kill()
            own_store.start()
    finally:
        stop.set()
        thread.join(60)
    writer.close()
    assert repeats(client_of()) == (added * EVENTS, added * EVENTS)
    assert sum(stored for _, stored, _ in writer.take_results(0)) == added * EVENTS


def run_flow(server: StoreServer, state: Path, skip: str) -> subprocess.Popen[bytes]:
    arguments = [str(server.port), server.password, DATABASE, str(state), skip]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.sinks.flow_process", *arguments], cwd=Path(__file__).parents[2]
    )


def rows_of(client: Client) -> int:
    return int(client.execute(f"SELECT count() FROM {DATABASE}.events")[0][0])


def kill_flow(server: StoreServer, client: Client, state: Path, skip: str, rounds: int) -> None:
    """Kill the flow each time more rows than before are stored, then let it end."""
    chance = random.Random(5)
    for _ in range(rounds):
        process = run_flow(server, state, skip)
        before, deadline = rows_of(client), time.monotonic() + 30
        while rows_of(client) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.wait(30)
    assert run_flow(server, state, skip).wait(60) == 0


def test_the_flow_is_killed_while_rows_are_written(
    own_store: StoreServer, client_of: Callable[[], Client], tmp_path: Path
) -> None:
    client = client_of()
    kill_flow(own_store, client, tmp_path / "state", "yes", ROUNDS)
    assert repeats(client) == (RECORDS * EVENTS, RECORDS * EVENTS)
    assert json.loads((tmp_path / "state").read_text()) == [RECORDS, RECORDS * EVENTS]


def test_without_the_skip_on_restart_rows_are_repeated(
    own_store: StoreServer, client_of: Callable[[], Client], tmp_path: Path
) -> None:
    client = client_of()
    kill_flow(own_store, client, tmp_path / "state", "no", 2)
    stored, rows = repeats(client)
    assert stored == RECORDS * EVENTS
    assert rows > stored

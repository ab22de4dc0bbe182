"""The native protocol with clickhouse-driver: queries, settings, cancel, kill, concurrency, disconnects."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from clickhouse_driver import Client, errors

from embedded.store.packets import BLOCK_INFO
from embedded.store.wire import pack_string, pack_varint
from tests.fixtures.store import StoreServer
from tests.store.wire_client import WireClient


def wait_for(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def code_of(client: Client, sql: str, **options: object) -> int:
    with pytest.raises(errors.ServerException) as caught:
        client.execute(sql, **options)
    return int(caught.value.code)


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_insert_and_select(store: StoreServer, fresh_database: str, compression: object) -> None:
    client = store.client(database=fresh_database, compression=compression)
    client.execute("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    assert client.execute("INSERT INTO t VALUES", [(1, "x"), (2, "é" * 200)]) == 2
    rows, columns = client.execute("SELECT * FROM t ORDER BY a", with_column_types=True)
    assert rows == [(1, "x"), (2, "é" * 200)]
    assert columns == [("a", "UInt64"), ("s", "String")]
    assert client.execute("SELECT * FROM t WHERE 0", with_column_types=True) == ([], columns)
    assert client.execute("SHOW TABLES LIKE 'nothing'", with_column_types=True) == ([], [("name", "String")])


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_large_results(store: StoreServer, compression: object) -> None:
    client = store.client(compression=compression)
    columns = client.execute("SELECT number, toString(number) FROM numbers(300000)", columnar=True)
    assert list(columns[0]) == list(range(300_000))
    assert list(columns[1]) == [str(n) for n in range(300_000)]


def test_insert_in_several_blocks(store: StoreServer, fresh_database: str) -> None:
    client = store.client(database=fresh_database, settings={"insert_block_size": 1000})
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    assert client.execute("INSERT INTO t VALUES", [(n,) for n in range(10_500)]) == 10_500
    assert client.execute("SELECT count(), sum(a) FROM t") == [(10_500, sum(range(10_500)))]


def test_exceptions_carry_the_engines_codes(store: StoreServer) -> None:
    client = store.client()
    assert code_of(client, "SELECT * FROM nope") == 60
    assert code_of(client, "SELEC 1") == 62
    assert code_of(client, "SELECT throwIf(number = 90000) FROM numbers(100000)") == 395
    with pytest.raises(errors.ServerException) as caught:
        client.execute("INSERT INTO nope VALUES", [(1,)])
    assert caught.value.code == 60
    assert client.execute("SELECT 1") == [(1,)]


def test_an_insert_that_the_engine_refuses_leaves_the_connection_usable(
    store: StoreServer, fresh_database: str
) -> None:
    client = store.client(database=fresh_database)
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree PARTITION BY a ORDER BY a")
    with pytest.raises(errors.ServerException) as caught:
        client.execute("INSERT INTO t VALUES", [(n,) for n in range(200)])
    assert caught.value.code == 252
    assert client.execute("SELECT count() FROM t") == [(0,)]
    assert client.execute("INSERT INTO t VALUES", [(1,)]) == 1


def test_materialized_views_see_inserts(store: StoreServer, fresh_database: str) -> None:
    client = store.client(database=fresh_database)
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    client.execute("CREATE MATERIALIZED VIEW v ENGINE = MergeTree ORDER BY s AS SELECT sum(a) AS s FROM t")
    client.execute("INSERT INTO t VALUES", [(n,) for n in range(10)])
    assert client.execute("SELECT sum(s) FROM v") == [(45,)]


def test_wrong_users_and_passwords_are_refused(store: StoreServer) -> None:
    assert code_of(store.client(password="wrong"), "SELECT 1") == 516
    assert code_of(store.client("nobody", "x"), "SELECT 1") == 516
    assert code_of(store.client(database="nowhere"), "SELECT 1") == 81


def test_settings_hold_for_one_query(store: StoreServer) -> None:
    client = store.client()
    before = client.execute("SELECT getSetting('max_block_size')")
    assert client.execute("SELECT getSetting('max_block_size')", settings={"max_block_size": 77}) == [(77,)]
    assert client.execute("SELECT getSetting('max_block_size')") == before
    assert client.execute("SELECT timezone(), getSetting('async_insert')") == [("UTC", False)]
    assert code_of(client, "SELECT sleep(3)", settings={"max_execution_time": 1}) in (159, 160)
    client.execute("SELECT 1", settings={"no_such_setting": 1})  # ignored, as it is no one's concern


def test_fsync_is_on(store: StoreServer) -> None:
    names = "'fsync_after_insert', 'fsync_part_directory'"
    sql = f"SELECT name, value FROM system.merge_tree_settings WHERE name IN ({names})"
    assert dict(store.client().execute(sql)) == {"fsync_after_insert": "1", "fsync_part_directory": "1"}


def test_eight_clients_at_once(store: StoreServer, fresh_database: str) -> None:
    store.client(database=fresh_database).execute(
        "CREATE TABLE t (w UInt8, n UInt64) ENGINE = MergeTree ORDER BY n"
    )

    def work(worker: int) -> int:
        client = store.client(database=fresh_database, compression="lz4" if worker % 2 else False)
        for turn in range(5):
            client.execute("INSERT INTO t VALUES", [(worker, turn * 1000 + n) for n in range(1000)])
            assert client.execute("SELECT count() FROM t WHERE w = %(w)s", {"w": worker}) == [((turn + 1) * 1000,)]
        client.disconnect()
        return worker

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))
    assert store.client(database=fresh_database).execute("SELECT count(), uniqExact(w, n) FROM t") == [
        (40_000, 40_000)
    ]


def test_kill_ends_a_running_select(store: StoreServer) -> None:
    ended: list[int] = []

    def slow() -> None:
        sql = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"
        ended.append(code_of(store.client(), sql, query_id="slow-1"))

    thread = threading.Thread(target=slow)
    thread.start()
    client = store.client()
    running = "SELECT count() FROM system.processes WHERE query_id = 'slow-1'"
    wait_for(lambda: client.execute(running) == [(1,)])
    killed = client.execute("KILL QUERY WHERE query_id LIKE 'slow-%' SYNC")
    assert [row[:3] for row in killed] == [("finished", "slow-1", "footfall")]
    thread.join(10)
    assert ended == [394]
    assert client.execute(running) == [(0,)]
    assert client.execute("KILL QUERY WHERE query_id = 'slow-1' SYNC") == []


def test_a_query_id_can_run_only_once_at_a_time(store: StoreServer, fresh_database: str) -> None:
    admin = store.client(database=fresh_database)
    admin.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    with WireClient(store) as wire:
        wire.begin_insert(f"INSERT INTO {fresh_database}.t VALUES", "twice")
        assert code_of(admin, "SELECT 1", query_id="twice") == 216


def test_kill_leaves_an_unfinished_insert_wholly_out(store: StoreServer, fresh_database: str) -> None:
    admin = store.client(database=fresh_database)
    admin.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    with WireClient(store) as wire:
        wire.begin_insert(f"INSERT INTO {fresh_database}.t VALUES", "flow-0-17")
        wire.send_uint64_block("a", [1, 2, 3])
        killed = admin.execute("KILL QUERY WHERE query_id LIKE 'flow-0-%' SYNC")
        assert [row[:2] for row in killed] == [("finished", "flow-0-17")]
        assert wire.receive_exception() == 394
    assert admin.execute("SELECT count() FROM t") == [(0,)]


def test_a_client_that_goes_in_the_middle_of_an_insert_leaves_nothing(
    store: StoreServer, fresh_database: str
) -> None:
    admin = store.client(database=fresh_database)
    admin.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    for cut in (0, 5, 20):
        with WireClient(store) as wire:
            wire.begin_insert(f"INSERT INTO {fresh_database}.t VALUES", f"cut-{cut}")
            wire.send_uint64_block("a", [1, 2, 3])
            wire.send(_data_packet([4, 5, 6])[:cut])
    running = "SELECT count() FROM system.processes WHERE query_id LIKE 'cut-%'"
    wait_for(lambda: admin.execute(running) == [(0,)])
    assert admin.execute("SELECT count() FROM t") == [(0,)]


def _data_packet(values: list[int]) -> bytes:
    block = b"\x01" + pack_varint(len(values)) + pack_string("a") + pack_string("UInt64")
    return b"\x02\x00" + BLOCK_INFO + block + b"".join(value.to_bytes(8, "little") for value in values)


def test_a_client_that_goes_ends_its_query(store: StoreServer) -> None:
    with WireClient(store) as wire:
        wire.query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)", "gone-1")
    client = store.client()
    wait_for(lambda: client.execute("SELECT count() FROM system.processes WHERE query_id = 'gone-1'") == [(0,)])


def test_cancel_ends_the_stream_and_keeps_the_connection(store: StoreServer) -> None:
    client = store.client()
    progress = client.execute_iter("SELECT number FROM numbers(1000000000)", settings={"max_block_size": 1000})
    assert next(progress) == (0,)
    client.cancel()
    client.disconnect()
    with WireClient(store) as wire:
        wire.query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)", "cancelled-1")
        wire.send(b"\x03")
        wire.expect_end_of_stream()
        wire.send(b"\x04")
        assert wire.packet() == 4

"""The store as a process: start, refusals, restart, SIGTERM, kill -9 under load."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_driver import errors

from tests.fixtures.store import REPOSITORY, StoreServer, free_port, make_store

DDL = "CREATE TABLE d.t (w UInt8, turn UInt32, n UInt32, s String) ENGINE = MergeTree ORDER BY (w, turn)"
ROWS = 500


@pytest.fixture
def own(tmp_path: Path) -> Iterator[StoreServer]:
    server = make_store(tmp_path)
    yield server
    assert server.process is not None
    if server.process.poll() is None:
        server.kill()


def run_store(data_dir: Path, port: int = 0, http_port: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a store that is expected to refuse."""
    arguments = ["--data-dir", str(data_dir), "--port", str(port), "--http-port", str(http_port)]
    command = [sys.executable, "-m", "embedded.store", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_start_takes_less_than_five_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    server = make_store(tmp_path)
    try:
        assert time.monotonic() - began < 5
        assert server.client().execute("SELECT 1") == [(1,)]
    finally:
        assert server.stop() == 0


def test_passwords_are_private_and_stay(own: StoreServer) -> None:
    assert own.data_dir is not None
    files = [own.data_dir / "secrets" / name for name in ("clickhouse_footfall", "clickhouse_reader")]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    before = [file.read_text() for file in files]
    assert len(set(before)) == 2
    own.restart()
    assert [file.read_text() for file in files] == before


def test_a_second_store_on_the_directory_is_refused(own: StoreServer) -> None:
    assert own.data_dir is not None
    assert own.process is not None
    assert_refused(run_store(own.data_dir), "in use", str(own.process.pid), "--data-dir")


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        assert_refused(run_store(tmp_path / "a", port=port), str(port), "--port")
        assert_refused(run_store(tmp_path / "b", http_port=port, port=free_port()), str(port), "--http-port")


@pytest.mark.parametrize("damage", [b"", b"short\n", b"\xff\xfe\x00 not a password"])
def test_a_damaged_password_file_is_refused(tmp_path: Path, damage: bytes) -> None:
    secret = tmp_path / "secrets" / "clickhouse_footfall"
    secret.parent.mkdir()
    secret.write_bytes(damage)
    assert_refused(run_store(tmp_path), str(secret), "delete the file")
    assert secret.read_bytes() == damage


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert_refused(run_store(tmp_path / "file" / "data"), "cannot write", "--data-dir")
    assert (tmp_path / "file").read_text() == "mine"


def test_data_and_the_engine_survive_a_restart(own: StoreServer) -> None:
    client = own.client()
    client.execute("CREATE DATABASE d")
    client.execute(DDL)
    client.execute("INSERT INTO d.t VALUES", [(0, 0, n, "x") for n in range(ROWS)])
    own.restart()
    assert own.client().execute("SELECT count() FROM d.t") == [(ROWS,)]


class Load:
    """Inserts from several clients until the store goes; remembers what was acknowledged and what was begun."""

    def __init__(self, store: StoreServer, first_turn: int, workers: int = 3):
        self.acknowledged: set[tuple[int, int]] = set()
        self.begun: set[tuple[int, int]] = set()
        self._store = store
        self._threads = [threading.Thread(target=self._work, args=(w, first_turn)) for w in range(workers)]
        for thread in self._threads:
            thread.start()

    def _work(self, worker: int, turn: int) -> None:
        client = self._store.client(settings={"insert_block_size": 200})
        while True:
            self.begun.add((worker, turn))
            try:
                client.execute("INSERT INTO d.t VALUES", [(worker, turn, n, "x" * 50) for n in range(ROWS)])
            except (errors.Error, OSError, EOFError):
                return
            self.acknowledged.add((worker, turn))
            turn += 1

    def wait(self, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


def stored(store: StoreServer) -> dict[tuple[int, int], int]:
    return {(w, t): n for w, t, n in store.client().execute("SELECT w, turn, count() FROM d.t GROUP BY w, turn")}


def test_kill_9_loses_no_acknowledged_insert_and_leaves_none_partial(own: StoreServer) -> None:
    client = own.client()
    client.execute("CREATE DATABASE d")
    client.execute(DDL)
    client.disconnect()
    acknowledged: set[tuple[int, int]] = set()
    begun: set[tuple[int, int]] = set()
    for round_number in range(5):
        load = Load(own, first_turn=round_number * 1_000_000)
        load.wait(10 + 7 * round_number)
        own.kill()
        load.join()
        acknowledged |= load.acknowledged
        begun |= load.begun
        own.start()
        rows = stored(own)
        assert acknowledged <= rows.keys() <= begun
        assert set(rows.values()) == {ROWS}


def test_sigterm_finishes_running_inserts(own: StoreServer) -> None:
    client = own.client()
    client.execute("CREATE DATABASE d")
    client.execute(DDL)
    client.disconnect()
    load = Load(own, first_turn=0)
    load.wait(10)
    assert own.stop() == 0
    load.join()
    own.start()
    rows = stored(own)
    assert load.acknowledged <= rows.keys() <= load.begun
    assert set(rows.values()) == {ROWS}

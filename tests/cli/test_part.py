"""Parts alone (`footfall run PART`), and `footfall up` beside servers that are somebody else's."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.checks import parts as checks
from cli.part import PARTS
from cli.running import read_status, started
from embedded import stack
from embedded.paths import resolve
from embedded.prepare import prepare
from embedded.probe import StoreError, query_store, tcp_open, valkey_ok
from footfall.settings import Settings
from sinks.clickhouse import StoreUnreachableError
from tests.cli.conftest import Installation
from tests.fixtures.store import StoreServer
from tests.fixtures.valkey import ValkeyProcess


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)


def heartbeats(installation: Installation) -> int:
    """Partitions of which a heartbeat is stored."""
    try:
        return int(installation.query("SELECT uniqExact(log_partition) FROM {db}.progress")[0][0])
    except StoreError:
        return 0


def test_the_parts_are_those_of_up() -> None:
    settings = resolve(Settings())
    assert {part.name for part in stack.parts(settings) if not part.once} == set(PARTS)


def test_each_part_runs_alone_and_ends_well(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    running: dict[str, subprocess.Popen[str]] = {}

    def run(part: str) -> None:
        running[part] = installation.popen("run", part)

    try:
        run("store")
        run("valkey")
        wait_for(lambda: valkey_ok(tmp_path / "data" / "run" / "valkey.sock"))
        wait_for(lambda: tcp_open("127.0.0.1", installation.settings.clickhouse_port))
        installation.ok("migrate")
        for part in ("gateway", "flow", "jobs"):
            run(part)
        wait_for(lambda: heartbeats(installation) == 4)
        second = installation.run("run", "flow")
        assert second.returncode == 1
        assert "works in" in second.stderr
        for part in ("gateway", "flow", "jobs", "valkey", "store"):
            running[part].send_signal(signal.SIGTERM)
            out, err = running[part].communicate(timeout=30)
            assert running[part].returncode == 0, (part, out, err)
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
                process.wait(10)


@pytest.mark.timeout(120)
def test_up_leaves_out_what_the_settings_name_a_server_for(
    tmp_path: Path, store: StoreServer, valkey: ValkeyProcess
) -> None:
    installation = Installation(
        tmp_path / "data",
        stage="theirs",  # the store is shared with other tests
        dev_stage="",
        clickhouse_host=store.host,
        clickhouse_port=store.port,
        clickhouse_http_port=store.http_port,
        clickhouse_user=store.user,
        clickhouse_password=store.password,
        redis_url=valkey.url,
    )
    with started(installation.settings):
        status = read_status(installation.settings)
        assert status is not None
        assert set(status["parts"]) == {"prepare", "gateway", "flow", "jobs"}
        assert [one.state for one in checks.store(installation.settings)] == ["ok"]
        assert [one.found for one in checks.valkey(installation.settings)] == ["Redis answers"]
        done = installation.run("run", "store")
        assert done.returncode == 1
        assert "of your own" in done.stderr
    assert query_store(installation.settings, "SELECT 1").strip() == "1"  # still there
    assert not (tmp_path / "data" / "secrets").exists()
    assert store.password not in (tmp_path / "data" / "logs" / "up.log").read_text()


def test_a_store_that_is_not_ours_to_start_is_hinted_at(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data", clickhouse_host="192.0.2.1")  # of documentation
    done = installation.run("up")
    assert done.returncode == 1
    assert "FOOTFALL_CLICKHOUSE_PASSWORD" in done.stderr


def test_a_wrong_password_is_told_at_once(tmp_path: Path, store: StoreServer) -> None:
    settings = Settings(data_dir=tmp_path, clickhouse_port=store.port, clickhouse_password="wrong-and-secret")
    began = time.monotonic()
    with pytest.raises(StoreUnreachableError, match="the store does not answer") as told:
        prepare(settings)
    assert time.monotonic() - began < 10
    assert "wrong-and-secret" not in str(told.value)

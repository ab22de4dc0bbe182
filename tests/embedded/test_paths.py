"""Where things are kept, what is passed on, and the checks before a start."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from embedded import probe, stack
from embedded.paths import MAX_SOCKET_PATH, environment, make_dirs, resolve, socket_path
from footfall.settings import Settings


def test_the_socket_is_in_the_data_directory_or_somewhere_short(tmp_path: Path) -> None:
    assert socket_path(Path("/srv/footfall")) == Path("/srv/footfall/run/valkey.sock")
    deep = tmp_path / ("d" * 100) / "data"
    make_dirs(deep)
    short = socket_path(deep)
    assert len(str(short)) <= MAX_SOCKET_PATH
    assert short == socket_path(deep)
    assert stat.S_IMODE(short.parent.stat().st_mode) == 0o700
    short.parent.chmod(0o755)
    with pytest.raises(PermissionError, match="shorter FOOTFALL_DATA_DIR"):
        make_dirs(deep)
    short.parent.rmdir()


def test_the_data_directory_is_closed_to_others(tmp_path: Path) -> None:
    make_dirs(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_another_process_reads_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = resolve(
        Settings.model_validate({"data_dir": tmp_path, "gateway_port": 18080, "clickhouse_password": "p w'd"})
    )
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings.model_validate({}) == settings


def test_a_taken_port_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert probe.tcp_open("127.0.0.1", port)
        settings = Settings.model_validate({"data_dir": tmp_path, "gateway_port": port})
        with pytest.raises(stack.PortTakenError, match=f"{port}.*FOOTFALL_GATEWAY_PORT"):
            stack.check_ports(settings)


@pytest.mark.parametrize(
    ("secrets", "own"),
    [
        ({"clickhouse_password": "hush", "redis_url": "redis://:hush@h/0"}, set()),  # servers of others
        ({"kafka_password": "hush", "objects_secret_key": "hush"}, {"store", "valkey"}),
    ],
)
def test_no_secret_is_on_a_command_line(tmp_path: Path, secrets: dict[str, str], own: set[str]) -> None:
    settings = resolve(Settings.model_validate({"data_dir": tmp_path, **secrets}))
    parts = stack.parts(settings)
    assert {part.name for part in parts} >= {"gateway", "flow", "jobs", *own}
    assert not [word for part in parts for word in part.argv if "hush" in word]


def test_nobody_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not probe.http_ok("127.0.0.1", port, "/readyz")
    assert not probe.tcp_open("127.0.0.1", port)
    assert not probe.valkey_ok(tmp_path / "no.sock")
    settings = Settings.model_validate({"data_dir": tmp_path, "clickhouse_http_port": port})
    with pytest.raises(probe.StoreError, match="no password"):
        probe.query_store(settings, "SELECT 1")
    known = settings.model_copy(update={"clickhouse_password": "x"})
    with pytest.raises(probe.StoreError, match="no answer from the store"):
        probe.query_store(known, "SELECT 1")

"""`up`, `status` and `doctor` against the real parts, with parts dying and hanging."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.demo import demo_settings
from cli.running import started
from embedded.paths import status_file
from tests.cli.conftest import Installation

pytestmark = pytest.mark.timeout(240)


def wait_for(condition: Callable[[], bool], seconds: float = 45.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.1)


def parts(installation: Installation) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(status_file(installation.settings.data_dir).read_text())["parts"]
    return found


def status(installation: Installation) -> tuple[int, dict[str, Any]]:
    done = installation.run("status", "--json")
    return done.returncode, json.loads(done.stdout)


def test_status_and_doctor_find_nothing_wrong(running: Installation) -> None:
    code, found = status(running)
    assert code == 0, found
    assert found["heartbeat_age_s"] < 5
    assert {part["name"] for part in found["parts"]} == {"store", "valkey", "gateway", "flow", "jobs"}
    assert "OK" in running.ok("status").splitlines()[0]
    findings = json.loads(running.ok("doctor", "--json"))
    assert {one["what"] for one in findings} >= {"disk", "secrets", "store", "live", "gateway", "data", "clock"}
    assert not [one for one in findings if one["state"] == "bad"]


def test_a_second_up_says_who_runs(running: Installation) -> None:
    done = running.run("up")
    assert done.returncode == 1
    holder = json.loads(status_file(running.settings.data_dir).read_text())["pid"]
    assert f"already runs on {running.settings.data_dir} (process {holder})" in done.stderr


@pytest.mark.parametrize("name", ["valkey", "jobs", "gateway", "flow", "store"])
def test_a_part_that_is_killed_comes_back(running: Installation, name: str) -> None:
    before = parts(running)[name]
    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        now = parts(running)[name]
        return bool(
            now["state"] == "ready" and now["pid"] != before["pid"] and now["restarts"] > before["restarts"]
        )

    wait_for(is_back)
    wait_for(lambda: status(running)[0] == 0)


def test_green_but_stuck_is_red(running: Installation) -> None:
    flow = parts(running)["flow"]["pid"]
    os.kill(flow, signal.SIGSTOP)
    try:
        # For a moment it may be stage dev alone whose heartbeats are too old.
        wait_for(lambda: "nothing gets through" in status(running)[1]["verdict"])
        code, found = status(running)
        assert code == 1
        assert all(part["state"] == "ready" for part in found["parts"])
        doctor = running.run("doctor")
        assert doctor.returncode == 1
        assert "flow.log" in doctor.stdout
    finally:
        os.kill(flow, signal.SIGCONT)
    wait_for(lambda: status(running)[0] == 0)


def test_after_a_kill_the_next_up_works_at_once(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    with started(installation.settings) as process:
        pids = {name: part["pid"] for name, part in parts(installation).items()}
        process.kill()
        process.wait()
    began = time.monotonic()
    with started(installation.settings):
        assert time.monotonic() - began < 30
        assert status(installation)[0] == 0
        now = {name: part["pid"] for name, part in parts(installation).items()}
        assert all(now[name] != pid for name, pid in pids.items() if pid)
    for name, pid in now.items():
        assert not pid or not Path(f"/proc/{pid}").exists(), name
    code, found = status(installation)
    assert code == 1
    assert "does not run" in found["verdict"]


def test_a_taken_port_names_the_setting(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    with socket.create_server(("127.0.0.1", installation.settings.clickhouse_port)):
        done = installation.run("up")
        assert done.returncode == 1
        assert "FOOTFALL_CLICKHOUSE_PORT" in done.stderr
        assert "FOOTFALL_CLICKHOUSE_PORT" in installation.run("doctor").stdout


@pytest.mark.drill  # CI runs `make demo` as well
def test_the_demo_ends_by_itself_with_everything_promised(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    began = time.monotonic()
    output = installation.run("demo", "--seconds", "3", "--rate", "30", timeout_s=150)
    assert output.returncode == 0, output.stdout + output.stderr
    assert "accepted -> row in events after" in output.stdout
    assert "of that event closed after" in output.stdout
    assert "  closed: " in output.stdout
    assert "clickhouse_reader" in output.stdout
    assert time.monotonic() - began < 120
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def test_the_demo_takes_free_ports(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data")
    with socket.create_server(("127.0.0.1", installation.settings.gateway_port)):
        settings = demo_settings(installation.settings)
    ports = {settings.gateway_port, settings.clickhouse_port, settings.clickhouse_http_port}
    assert installation.settings.gateway_port not in ports
    assert installation.settings.clickhouse_port in ports
    assert settings.data_dir == installation.settings.data_dir / "demo"

"""Commands that ask the store, while it is away: one plain message, and nothing of the driver's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import control
from sinks.clickhouse import password_file
from tests.cli.conftest import free_ports


@pytest.fixture
def stopped(tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that has run once, and does not now."""
    control.open(f"sqlite:///{tmp_path / 'control.db'}").close()
    secret = password_file(tmp_path, "footfall")
    secret.parent.mkdir()
    secret.write_text("the-secret-word\n")
    native, http = free_ports(2)
    ports = {"FOOTFALL_CLICKHOUSE_PORT": str(native), "FOOTFALL_CLICKHOUSE_HTTP_PORT": str(http)}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    return plain | ports | {"FOOTFALL_DATA_DIR": str(tmp_path)}


@pytest.mark.parametrize(
    "line", ["quarantine list", "quarantine show 0-0-0", "explain 00000000-0000-7000-8000-000000000000"]
)
def test_it_is_said_plainly(stopped: dict[str, str], line: str) -> None:
    command = [sys.executable, "-m", "cli", *line.split()]
    done = subprocess.run(command, env=stopped, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    message, todo = done.stderr.splitlines()  # no line more: the driver would log a traceback of each try
    assert message.startswith("Error: ")
    assert f"(127.0.0.1:{stopped['FOOTFALL_CLICKHOUSE_PORT']})" in message
    assert "Start it with `footfall up`" in todo
    assert "the-secret-word" not in done.stderr

"""A whole Footfall, started as a person would, on free ports and in a directory of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.running import started
from embedded.paths import environment, resolve
from embedded.probe import query_store
from footfall.settings import Settings


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in servers]
    for server in servers:
        server.close()
    return ports


class Installation:
    """Settings of one installation, and the command line run with them."""

    def __init__(self, data_dir: Path, **changes: object) -> None:
        gateway, native, http, flow, jobs = free_ports(5)
        values = {
            "data_dir": data_dir,
            "gateway_port": gateway,
            "clickhouse_port": native,
            "clickhouse_http_port": http,
            "flow_metrics_port": flow,
            "jobs_metrics_port": jobs,
            "heartbeat_seconds": 1.0,
        }
        self.settings = resolve(Settings.model_validate({**values, **changes}))
        self.env = {**os.environ, **environment(self.settings)}

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """`footfall ARGUMENTS`, not waited for."""
        command = [sys.executable, "-m", "cli", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=self.env, text=True, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL
        )

    def run(self, *arguments: str, timeout_s: float = 90.0) -> subprocess.CompletedProcess[str]:
        """`footfall ARGUMENTS`, to its end."""
        with self.popen(*arguments) as process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def ok(self, *arguments: str) -> str:
        """What `footfall ARGUMENTS` prints; it must end well."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def query(self, sql: str) -> list[list[str]]:
        """Rows of the stage's database."""
        text = query_store(self.settings, sql.replace("{db}", f"footfall_{self.settings.stage}") + " FORMAT TSV")
        return [line.split("\t") for line in text.splitlines()]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that runs."""
    installation = Installation(tmp_path_factory.mktemp("footfall") / "data")
    with started(installation.settings):
        yield installation

"""A real gateway process over a real log, and what tests want to do with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import control
from eventlog.local import LocalLog
from footfall import record
from footfall.names import RAW_TOPIC, topic_name
from footfall.record import Record

PARTITIONS = 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], timeout_s: float = 10.0, what: str = "condition") -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {timeout_s} s")


class GatewayProcess:
    """`python -m ingest_gateway` on a free port."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.control = control.open(f"sqlite:///{data_dir / 'control.db'}")
        self.output = data_dir / "gateway.log"
        defaults = {"data_dir": data_dir, "gateway_port": self.port, "partitions": PARTITIONS}
        chosen = {f"FOOTFALL_{name.upper()}": str(value) for name, value in {**defaults, **settings}.items()}
        self._env = {
            name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")
        } | chosen
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, timeout=30)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def start(self, *launcher: str) -> None:
        with self.output.open("ab") as output:
            command = [*launcher, sys.executable, "-m", "ingest_gateway"]
            self._process = subprocess.Popen(command, env=self._env, stdout=output, stderr=output)
        wait_for(self._ready, 20, f"a ready gateway ({self.output.read_text()[-2000:]})")

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        self.client.close()
        self.control.close()

    def records(self, stage: str = "prod") -> list[Record]:
        """All records but heartbeats, as the log holds them now."""
        return [found for found in map(record.decode, self.raw(stage)) if found.kind == "batch"]

    def raw(self, stage: str = "prod") -> list[bytes]:
        """All values of all partitions."""
        return [value for values in self.by_partition(stage) for value in values]

    def by_partition(self, stage: str) -> list[list[bytes]]:
        partitions = 1 if stage == "dev" else PARTITIONS
        log = LocalLog(self.data_dir / "log" / topic_name(stage, RAW_TOPIC), partitions)
        reader = log.reader()
        values: list[list[bytes]] = [[] for _ in range(partitions)]
        for partition in range(partitions):
            offset = reader.bounds(partition)[0]
            while found := reader.read(partition, offset, 1000, 10_000_000):
                values[partition] += [item.value for item in found]
                offset = found[-1].offset + 1
        reader.close()
        return values

    def metric(self, name: str) -> float:
        """The sum of a metric's samples, 0 where it has none."""
        lines = self.client.get("/metrics").text.splitlines()
        found = [line for line in lines if line.startswith((name + " ", name + "{"))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

"""Store, gateway and any number of workers of the flow, each a process of its own, as a person
runs them who does without `footfall up`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from clickhouse_driver import Client
from sqlalchemy import update

import control
from control.schema import site_window
from embedded.prepare import prepare
from footfall.generations import one_generation
from footfall.names import database_name
from footfall.settings import Settings
from jobs.stored import stored_until
from tests.drill.stack import HOST, LATENESS_S, QUICK, WINDOW_S, ZONE, wait_for
from tests.drill.visitors import CURRENCY, GOALS
from tests.fixtures.store import StoreServer, make_store
from tests.gateway.harness import GatewayProcess

HASTY = "tests.drill.hasty"  # renews its claims more often, so that nobody waits for long


class Pieces:
    """Workers are named by their number and the data directory they work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.data_dir.mkdir()
        self.store: StoreServer = make_store(folder)
        quick = {name.removeprefix("FOOTFALL_").lower(): value for name, value in QUICK.items()}
        named: dict[str, Any] = {
            **quick, "data_dir": self.data_dir, "partitions": 4, "flow_metrics_port": 0,
            "control_url": self._control_url,
            "clickhouse_port": self.store.port, "clickhouse_http_port": self.store.http_port,
            "clickhouse_password": self.store.password,
        }  # fmt: skip
        self.settings = Settings.model_validate(named)
        self._named = named
        self.gateway = GatewayProcess(**named)
        self.workers: dict[tuple[int, str], subprocess.Popen[bytes]] = {}
        self.public_id = ""

    @property
    def _control_url(self) -> str:
        return f"sqlite:///{self.data_dir / 'control.db'}"

    def __enter__(self) -> Pieces:
        try:
            prepare(self.settings)
            plane = control.open(self._control_url)
            self.public_id = plane.add_site(HOST, now=0).public_id
            plane.update_site(HOST, timezone=ZONE, currency=CURRENCY)
            for goal in GOALS:
                plane.set_goal(HOST, goal)
            with plane.writing() as connection:
                connection.execute(update(site_window).values(window_ms=WINDOW_S * 1000))
            plane.close()
            client = self.client()
            client.execute("ALTER TABLE events MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1")
            client.disconnect()
            self.gateway.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, _kind: object, _error: object, _trace: TracebackType | None) -> None:
        for process in self.workers.values():
            process.kill()
            process.wait(10)
        self.gateway.close()
        self.store.kill()

    def client(self) -> Client:
        return self.store.client(database=database_name("prod"))

    def env(self, workers: int, data_dir: Path) -> dict[str, str]:
        named = {**self._named, "data_dir": data_dir, "workers": workers}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        return kept | {f"FOOTFALL_{name.upper()}": str(value) for name, value in named.items()}

    def start(
        self,
        worker: int,
        workers: int,
        data_dir: Path | None = None,
        module: str = HASTY,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Start a worker; `wait_for_work` tells when it stores something."""
        where = data_dir or self.data_dir
        log = (self.folder / f"{where.name}-{worker}.log").open("ab")
        self.workers[worker, where.name] = subprocess.Popen(
            [sys.executable, "-m", module],
            env=self.env(workers, where) | {"FOOTFALL_WORKER": str(worker)} | dict(extra or {}),
            stdout=log,
            stderr=log,
        )
        log.close()

    def log_of(self, worker: int, data_dir: str = "data") -> str:
        return (self.folder / f"{data_dir}-{worker}.log").read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End all workers."""
        for process in self.workers.values():
            process.send_signal(number)
        for (worker, where), process in self.workers.items():
            code = process.wait(60)
            assert number == signal.SIGKILL or code == 0, self.log_of(worker, where)[-3000:]
        self.workers.clear()

    def stored_until(self) -> int:
        """Log time (ms) up to which everything is stored."""
        client = self.client()
        try:
            return stored_until(client, lambda: one_generation(4))
        finally:
            client.disconnect()

    def positions(self) -> dict[int, int]:
        """How far each partition is stored."""
        client = self.client()
        try:
            return dict(client.execute("SELECT log_partition, max(log_offset) FROM events GROUP BY log_partition"))
        finally:
            client.disconnect()

    def wait_for_work(self, partitions: Collection[int] = range(4), timeout_s: float = 60) -> None:
        """Until each of these partitions is stored further than now."""
        before = self.positions()

        def further() -> bool:
            for (worker, where), process in self.workers.items():
                assert process.poll() is None, self.log_of(worker, where)[-3000:]
            now = self.positions()
            return all(now.get(number, 0) > before.get(number, 0) for number in partitions)

        wait_for(f"partitions {list(partitions)} to go on", further, timeout_s)

    def run(self, *command: str, data_dir: Path | None = None, workers: int = 1) -> tuple[int, str]:
        """A footfall command; its exit code and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", HASTY, *command],
            env=self.env(workers, data_dir or self.data_dir),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


__all__ = ["LATENESS_S", "WINDOW_S", "Pieces"]

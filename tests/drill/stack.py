"""Footfall whole, as `footfall up` runs it, on free ports and in a directory of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

from clickhouse_driver import Client
from sqlalchemy import update

import control
from control.schema import site_window
from footfall.generations import Layout
from footfall.names import database_name
from footfall.settings import Settings
from jobs.stored import stored_until
from tests.drill.visitors import CURRENCY, GOALS

HOST = "drill.example.com"
ZONE = "Asia/Kathmandu"  # whose hours and days are nobody else's
WINDOW_S = 4
LATENESS_S = 2

QUICK = {
    "FOOTFALL_LATENESS_MINUTES": str(LATENESS_S / 60),
    "FOOTFALL_HEARTBEAT_SECONDS": "1",
    "FOOTFALL_EPOCH_SECONDS": "1.5",
    "FOOTFALL_FLUSH_SECONDS": "0.3",
    "FOOTFALL_TRUSTED_PROXIES": "127.0.0.1/32",  # the load is the proxy
}


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_for(what: str, ready: Callable[[], bool], timeout_s: float) -> None:
    """Until `ready()`; an assertion error that names `what` after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.05)  # between two looks at the condition


class Stack:
    """Starts on entry, has one site, stops everything on exit.

    `quick` scales windows and intervals down, so that sessions close within seconds.
    """

    def __init__(
        self,
        data_dir: Path,
        fault: str = "",
        *,
        host: str = HOST,
        quick: bool = True,
        window_s: float = WINDOW_S,
        env: Mapping[str, str] | None = None,
    ) -> None:
        gateway, native, http, flow, jobs = free_ports(5)
        self.env = {
            **os.environ,
            "FOOTFALL_DATA_DIR": str(data_dir),
            "FOOTFALL_GATEWAY_PORT": str(gateway),
            "FOOTFALL_CLICKHOUSE_PORT": str(native),
            "FOOTFALL_CLICKHOUSE_HTTP_PORT": str(http),
            "FOOTFALL_FLOW_METRICS_PORT": str(flow),
            "FOOTFALL_JOBS_METRICS_PORT": str(jobs),
            "FOOTFALL_TEST_FAULT": fault,
            **(QUICK if quick else {}),
            **(env or {}),
        }
        self.host = host
        self._quick = quick
        self._window_ms = int(window_s * 1000)
        self.data_dir = data_dir
        own = {name: self.env.get(f"FOOTFALL_{name.upper()}") for name in Settings.model_fields}
        self.settings = Settings.model_validate({name: value for name, value in own.items() if value})
        self._fault = fault
        self._process: subprocess.Popen[bytes] | None = None
        self.public_id = ""

    def __enter__(self) -> Self:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.public_id = self.add_site(self.host)
        module = ["tests.drill.faulty", "up"] if self._fault else ["cli", "up"]
        log = (self.data_dir.parent / f"{self.data_dir.name}.log").open("ab")
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *module],
            env=self.env,
            stdout=log,
            stderr=log,
            cwd=root,
            stdin=subprocess.DEVNULL,
        )
        log.close()
        try:
            wait_for("footfall up", self._is_ready, 60)
            if self._quick:
                self._keep_every_row()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"footfall up ended: {self.log_tail()}"
        return self.status().get("state") == "ready"

    def log_tail(self) -> str:
        return (self.data_dir.parent / f"{self.data_dir.name}.log").read_text()[-2000:]

    def part_log(self, part: str) -> str:
        """All that a part has logged."""
        return (self.data_dir / "logs" / f"{part}.log").read_text()

    def status(self) -> dict[str, Any]:
        """What the supervisor says of its parts."""
        try:
            text = (self.data_dir / "run" / "up.json").read_text()
        except FileNotFoundError:
            return {}
        loaded: dict[str, Any] = json.loads(text)
        return loaded

    def pid(self, part: str) -> int:
        """Process id of a part; 0 while it has none."""
        return int(self.status()["parts"][part]["pid"])

    def add_site(self, host: str) -> str:
        """A site with this stack's window, and with goals; its public id."""
        plane = control.open(self.settings.control_plane_url())
        public_id = plane.add_site(host, now=0).public_id
        if self._quick:
            plane.update_site(host, timezone=ZONE, currency=CURRENCY)
            for goal in GOALS:
                plane.set_goal(host, goal)
            with plane.writing() as connection:  # shorter than a site may have it
                connection.execute(update(site_window).values(window_ms=self._window_ms))
        plane.close()
        return public_id

    def _keep_every_row(self) -> None:
        """No merges on `events`: what is there twice must stay visible."""
        client = self.client()
        client.execute("ALTER TABLE events MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1")
        client.disconnect()

    def client(self) -> Client:
        """A client of the stage's database."""
        password = (self.data_dir / "secrets" / "clickhouse_footfall").read_text().strip()
        return Client(
            "127.0.0.1",
            port=self.settings.clickhouse_port,
            user="footfall",
            password=password,
            database=database_name(self.settings.stage),
            connect_timeout=5,
            send_receive_timeout=30,
        )

    def wait_for_unsaved_rows(self) -> None:
        """Until rows are stored that came after the flow's newest recovery point: a flow
        killed now begins there, and has something to skip when it starts again."""
        before = self.recovery_epoch()
        wait_for("a recovery point", lambda: self.recovery_epoch() > before, 30)
        rows = self.stored_rows()
        wait_for("rows after it", lambda: self.stored_rows() > rows, 30)

    def recovery_epoch(self) -> int:
        """The epoch a flow killed now would begin at again; up to 1: nothing is recovered.

        Asked of Bytewax's own table, because its files change whenever a flow starts, whether
        it has come as far as a recovery point or not.
        """
        return self._ask_recovery("SELECT coalesce(max(worker_frontier), 0) FROM fronts")[0]

    def flow_beginnings(self) -> list[int]:
        """The epoch at which each life of the flow began; 1: nothing was recovered."""
        return self._ask_recovery("SELECT resume_epoch FROM exs ORDER BY ex_num")

    def _ask_recovery(self, sql: str) -> list[int]:
        file = f"file:{self.data_dir / 'flow' / 'part-0.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=10)) as recovery:
            return [number for (number,) in recovery.execute(sql)]

    def stored_rows(self) -> int:
        """Rows in `events` now."""
        client = self.client()
        try:
            return int(client.execute("SELECT count() FROM events")[0][0])
        finally:
            client.disconnect()

    def layout(self) -> Layout:
        """The generations of the stage's log now."""
        plane = control.open(self.settings.control_plane_url())
        try:
            return plane.log_layout(self.settings.stage, self.settings.partitions)
        finally:
            plane.close()

    def stored_until(self) -> int:
        """Log time (ms) up to which everything is stored."""
        client = self.client()
        try:
            return stored_until(client, self.layout)
        finally:
            client.disconnect()

    def kill(self, part: str) -> None:
        """`kill -9`, then wait until the supervisor has a new, ready one."""
        self._end(part, signal.SIGKILL)

    def restart(self, part: str) -> None:
        """End it in order, then wait until the supervisor has a new, ready one."""
        self._end(part, signal.SIGTERM)

    def _end(self, part: str, number: signal.Signals) -> None:
        before = self.pid(part)
        os.kill(before, number)

        def back() -> bool:
            state = self.status()["parts"][part]
            return state["pid"] not in (0, before) and state["state"] == "ready"

        wait_for(f"{part} to be back", back, 60)

    @contextmanager
    def frozen(self, *parts: str) -> Iterator[None]:
        """Within it the parts are there and do nothing (SIGSTOP): connections stay open, answers never come."""
        pids = [self.pid(part) for part in parts]
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def run(self, *command: str) -> str:
        """A footfall command, against this stack."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *command],
            env=self.env, capture_output=True, text=True, timeout=180, check=False, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert done.returncode == 0, f"footfall {' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

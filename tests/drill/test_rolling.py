"""A rolling restart of everything under load, one part after the other: nothing is lost, and clients that try
again hardly notice; with two gateways not even the gateway's own."""

from __future__ import annotations

import logging
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from embedded.probe import http_ok
from tests.drill.load import Load
from tests.drill.production import SERVERS, Production, Servers, own_servers
from tests.drill.settle import settle
from tests.drill.stack import HOST, free_ports, wait_for

logger = logging.getLogger(__name__)
SECOND = "second gateway"
ORDER = (*SERVERS, "store", "gateway", "flow", "jobs")
REFUSES_S = 15.0  # a gateway has to drain, to end and to begin; about 2 s where the machine has nothing else to do
WAITS_S = 5.0  # for all others: a broker hands its partitions over


class Seen(NamedTuple):
    """What clients saw while a part was restarted."""

    part: str
    took_s: float
    longest_s: float  # in which nothing was acknowledged
    refused: int  # attempts answered 503
    failed: int  # attempts that were not answered


class WithTwo(Production):
    """A second gateway is behind the load balancer, of this log, control plane and Redis, and of its own port."""

    def __init__(self, data_dir: Path, servers: Servers, seed: int) -> None:
        super().__init__(data_dir, servers, seed)
        [self.second_port] = free_ports(1)
        self._second: subprocess.Popen[bytes] | None = None

    @contextmanager
    def second(self) -> Iterator[None]:
        """It runs within."""
        self._start_second()
        try:
            yield
        finally:
            self._stop_second()

    def restart(self, part: str) -> None:
        if part == SECOND:
            self._stop_second()
            self._start_second()
        else:
            super().restart(part)

    def _start_second(self) -> None:
        with (self.data_dir / "logs" / "second.log").open("ab") as log:
            command = [sys.executable, "-m", "cli", "run", "gateway"]
            env = self.env | {"FOOTFALL_GATEWAY_PORT": str(self.second_port)}
            self._second = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        wait_for("the second gateway", lambda: http_ok("127.0.0.1", self.second_port, "/readyz"), 60)

    def _stop_second(self) -> None:
        assert self._second is not None
        self._second.send_signal(signal.SIGTERM)
        self._second.wait(30)


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_a_rolling_restart_of_everything(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    with own_servers(tmp_path) as servers, Production(tmp_path / "data", servers, seed) as stack:
        seen = rolled(stack, ORDER, seed, [stack.settings.gateway_port])
    for one in seen:
        assert one.longest_s < (REFUSES_S if one.part == "gateway" else WAITS_S), one
        if one.part not in ("gateway", "broker"):
            assert (one.refused, one.failed) == (0, 0), one


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_with_two_gateways_one_always_answers(tmp_path: Path) -> None:
    """Whoever met the one that began anew tried again, as a load balancer would, and was answered at once."""
    seed = random.randrange(2**31)
    with own_servers(tmp_path) as servers, WithTwo(tmp_path / "data", servers, seed) as stack, stack.second():
        ports = [stack.settings.gateway_port, stack.second_port]
        seen = rolled(stack, (*ORDER, SECOND), seed, ports)
    for one in seen:
        assert one.longest_s < WAITS_S, one
        if one.part not in ("gateway", SECOND, "broker"):
            assert (one.refused, one.failed) == (0, 0), one


def rolled(stack: Production, order: Sequence[str], seed: int, ports: list[int]) -> list[Seen]:
    """Restart one part after the other under load; what clients saw. Nothing is wrong afterwards."""
    load = Load(ports[0], stack.public_id, HOST, seed=seed, pause_s=0.02)
    load.ports = ports
    load.start()
    traffic(load)
    seen = [restarted(stack, part, load) for part in order]
    sent = load.stop()
    for one in seen:
        logger.info("%s", one)
    assert settle(stack, sent.told, 120) == [], f"seed {seed}"
    return seen


def restarted(stack: Production, part: str, load: Load) -> Seen:
    """Restart it, and see some traffic after that."""
    sent = load.sent
    refused, failed, began = sent.refused, sent.failed, time.monotonic()
    stack.restart(part)
    took = time.monotonic() - began
    traffic(load)
    longest = sent.longest_gap(began)
    return Seen(part, round(took, 2), round(longest, 2), sent.refused - refused, sent.failed - failed)


def traffic(load: Load) -> None:
    before = load.sent.batches
    wait_for("traffic", lambda: load.sent.batches > before + 60, 60)

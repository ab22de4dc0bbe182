"""Each part of the production shape, and each server it relies on, stands still (SIGSTOP) for longer than
every timeout that waits for it, and goes on (SIGCONT): nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import logging
import random
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.drill.load import Load
from tests.drill.production import BROKER, POSTGRES, REDIS, S3, Production, own_servers
from tests.drill.settle import settle
from tests.drill.stack import HOST, wait_for

logger = logging.getLogger(__name__)
pytestmark = [pytest.mark.drill, pytest.mark.timeout(1500)]


class Stop(NamedTuple):
    """How long a part stands still, what the longest wait for it is, and what gateway or flow say of it."""

    part: str
    seconds: float
    longest: str
    told: str


GAP_S = (
    20.0  # Kafka without the leader of a partition: until another one leads, and what was sent to it has failed
)
STOPS = (
    Stop("gateway", 35, "PostgreSQL's for a transaction that is not gone on with, 30 s; clients wait 15 s", ""),
    Stop("flow", 70, "the store's for the rest of a packet, 60 s; PostgreSQL's for a transaction, 30 s", ""),
    Stop(BROKER, 40, "the other brokers' for a replica that lags, 30 s; gateway and flow wait 10 s", ""),
    Stop(REDIS, 10, "the flow's, 2 s, and 5 s until the next try", "Redis does not take them"),
    Stop(
        S3, 100, "a call's: 60 s, and one more attempt of 5 s and 30 s", "the archive waits for the object store"
    ),
    Stop(POSTGRES, 70, "a job's lease, 60 s; an answer is waited for 8 s", "control plane unreachable"),
    Stop("store", 70, "an answer's to flow and jobs, 60 s", "the store does not take it"),
    Stop("store", 630, "of all tries of the flow, which then ends: 600 s", "the store did not take it for 600 s"),
)


@pytest.mark.parametrize("stop", STOPS, ids=[f"{stop.part}-{stop.seconds:.0f}s" for stop in STOPS])
def test_a_part_that_stood_still(tmp_path: Path, stop: Stop) -> None:
    seed = random.randrange(2**31)
    with own_servers(tmp_path) as servers, Production(tmp_path / "data", servers, seed) as stack:
        pause_s = stop.seconds / 2000  # about as much traffic, however long it takes
        load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed, pause_s=pause_s)
        load.start()
        traffic(load)
        if stop.part == "flow":
            stack.wait_for_unsaved_rows()
        before, began = load.sent.batches, time.monotonic()
        with stack.frozen(stop.part):
            wait_for("it to have stood still", lambda: time.monotonic() > began + stop.seconds, stop.seconds + 30)
        meanwhile = load.sent.batches - before
        traffic(load)
        gap_s = load.sent.longest_gap(began)
        sent = load.stop()
        assert settle(stack, sent.told, 180) == [], f"seed {seed}"
        assert stop.told in stack.part_log("gateway") + stack.part_log("flow")
    logger.info("%s: nothing was acknowledged for %.2f s", stop.part, gap_s)
    if stop.part == "gateway":
        assert gap_s >= stop.seconds
    else:
        assert meanwhile > 100, "the gateway goes on without it"
        assert gap_s < GAP_S


def traffic(load: Load) -> None:
    before = load.sent.batches
    wait_for("traffic", lambda: load.sent.batches > before + 200, 60)  # of every kind

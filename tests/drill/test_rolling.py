"""A rolling restart of everything under load, one part after the other: nothing is lost, and clients that try
again hardly notice."""

from __future__ import annotations

import logging
import random
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.drill.load import Load
from tests.drill.production import SERVERS, Production, own_servers
from tests.drill.settle import settle
from tests.drill.stack import HOST, wait_for

logger = logging.getLogger(__name__)
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


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_a_rolling_restart_of_everything(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    with own_servers(tmp_path) as servers, Production(tmp_path / "data", servers, seed) as stack:
        load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed, pause_s=0.02)
        load.start()
        traffic(load)
        seen = [restarted(stack, part, load) for part in ORDER]
        sent = load.stop()
        for one in seen:
            logger.info("%s", one)
        assert settle(stack, sent.told, 120) == [], f"seed {seed}"
    for one in seen:
        assert one.longest_s < (REFUSES_S if one.part == "gateway" else WAITS_S), one
        if one.part not in ("gateway", "broker"):
            assert (one.refused, one.failed) == (0, 0), one


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

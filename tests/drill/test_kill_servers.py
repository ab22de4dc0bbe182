"""The same in the production shape: `kill -9` of each part and of each server it relies on. Of Kafka's
three brokers one at a time; each record is on all of them and acknowledged by two."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drill.production import BROKER, POSTGRES, REDIS, S3, SERVERS, Production, Servers, own_servers
from tests.drill.settle import settle
from tests.drill.test_kill import drill, some_order

PARTS = ("gateway", "flow", *SERVERS)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with own_servers(tmp_path) as made:
        yield made


def run(directory: Path, servers: Servers, order: list[str], seed: int) -> list[str]:
    """What is wrong after the kills."""
    with Production(directory / "data", servers, seed) as stack:
        return settle(stack, drill(stack, order, seed).told)


@pytest.mark.timeout(300)
def test_three_rounds_lose_nothing_and_double_nothing(tmp_path: Path, servers: Servers) -> None:
    """Two at once, so that each has its turn."""
    seed = random.randrange(2**31)
    own, others = some_order(("gateway", "flow", REDIS), 3, seed), some_order((BROKER, POSTGRES, S3), 3, seed + 1)
    order = [f"{first}+{second}" for first, second in zip(own, others, strict=True)]
    assert run(tmp_path, servers, order, seed) == [], f"seed {seed}: {order}"


@pytest.mark.drill
@pytest.mark.timeout(2400)
def test_twenty_kills(tmp_path: Path, servers: Servers) -> None:
    seed = random.randrange(2**31)
    assert run(tmp_path, servers, some_order(PARTS, 20, seed), seed) == [], f"seed {seed}"

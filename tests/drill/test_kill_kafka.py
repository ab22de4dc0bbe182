"""The same on Kafka: three brokers, each record on all of them and acknowledged by two."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drill.settle import settle
from tests.drill.stack import Stack
from tests.drill.test_kill import PARTS, drill, some_order
from tests.fixtures.kafka import KafkaCluster, make_cluster

BROKER = "broker"


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[KafkaCluster]:
    with make_cluster(tmp_path / "kafka", 3) as cluster:
        yield cluster


def run(directory: Path, brokers: KafkaCluster, order: list[str], seed: int) -> list[str]:
    """What is wrong after the kills."""
    chance = random.Random(seed)

    def kill(part: str) -> None:
        if part == BROKER:
            broker = chance.choice(brokers.brokers)
            broker.kill()
            broker.start()
        else:
            stack.kill(part)

    with Stack(directory / "data", env={"FOOTFALL_KAFKA_BOOTSTRAP": brokers.bootstrap}) as stack:
        return settle(stack, drill(stack, order, seed, kill).told)


@pytest.mark.timeout(300)
def test_three_kills_lose_nothing_and_double_nothing(tmp_path: Path, brokers: KafkaCluster) -> None:
    seed = random.randrange(2**31)
    assert run(tmp_path, brokers, ["flow", BROKER, "gateway"], seed) == [], f"seed {seed}"


@pytest.mark.drill
@pytest.mark.timeout(2400)
def test_twenty_kills(tmp_path: Path, brokers: KafkaCluster) -> None:
    seed = random.randrange(2**31)
    assert run(tmp_path, brokers, some_order((*PARTS, BROKER), 20, seed), seed) == [], f"seed {seed}"

"""Footfall whole behind a Kafka that takes connections and answers nothing, or whose answers to appends get
lost: for longer than every timeout, under load."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.drill.load import Load
from tests.drill.settle import settle
from tests.drill.stack import HOST, Stack, wait_for
from tests.fixtures.kafka_relay import KafkaRelay, relayed

SILENT_S = 25.0  # the longest wait is of 10 s
PARTS = ("gateway", "flow", "jobs")
RSS_LIMIT = 500 * 1024 * 1024  # of each part


@contextmanager
def loaded(directory: Path, seed: int) -> Iterator[tuple[Stack, Load, KafkaRelay]]:
    """Everything runs, and batches are acknowledged."""
    with relayed(directory / "kafka") as (cluster, relay):
        env = {"FOOTFALL_KAFKA_BOOTSTRAP": cluster.bootstrap, "FOOTFALL_KAFKA_REPLICATION": "1"}
        with Stack(directory / "data", env=env) as stack:
            load = Load(stack.settings.gateway_port, stack.public_id, HOST, threads=2, seed=seed, pause_s=0.02)
            load.start()
            wait_for_traffic(load)
            yield stack, load, relay


def wait_for_traffic(load: Load) -> None:
    before = load.sent.batches
    wait_for("batches to be acknowledged", lambda: load.sent.batches > before + 20, 40)


def lives(stack: Stack) -> dict[str, tuple[int, int]]:
    """Part -> process id and how often it was started again."""
    parts = stack.status()["parts"]
    return {name: (parts[name]["pid"], parts[name]["restarts"]) for name in PARTS}


def said(stack: Stack, command: str) -> str:
    """What a command says that has to end soon and find something wrong."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cli", command],
        env=stack.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert time.monotonic() - started < 25, command
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def seed() -> int:
    return random.randrange(2**31)


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_a_broker_that_never_answers(tmp_path: Path, seed: int) -> None:
    with loaded(tmp_path, seed) as (stack, load, relay):
        before = lives(stack)
        relay.silence()
        began = time.monotonic()
        wait_for("503", lambda: load.sent.refused > 0, 20)
        for command in ("status", "doctor", "migrate"):
            assert "Kafka does not answer" in said(stack, command)
        assert "bad  gateway    runs, but its log takes no records" in said(stack, "doctor")
        wait_for("the silence to be long", lambda: time.monotonic() > began + SILENT_S, SILENT_S + 5)
        for pid, _ in lives(stack).values():
            assert psutil.Process(pid).memory_info().rss < RSS_LIMIT
        relay.speak()
        wait_for_traffic(load)
        sent = load.stop()
        assert lives(stack) == before, "a part ended"
        assert settle(stack, sent.told) == [], f"seed {seed}"
        assert stack.run("status")


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_answers_that_are_lost_after_the_append(tmp_path: Path, seed: int) -> None:
    """For a moment, then for longer than the gateway waits for one, so that clients repeat their batches."""
    with loaded(tmp_path, seed) as (stack, load, relay):
        before = lives(stack)
        for lost_s in (1.0, 12.0, 3.0):
            answers = relay.answers_lost
            relay.lose_answers()
            until = time.monotonic() + lost_s
            wait_for("time to pass", lambda until=until: time.monotonic() > until, lost_s + 5)  # type: ignore[misc]
            assert relay.answers_lost > answers
            relay.cut()
            wait_for_traffic(load)
        assert load.sent.refused > 0
        sent = load.stop()
        assert lives(stack) == before, "a part ended"
        assert settle(stack, sent.told) == [], f"seed {seed}"

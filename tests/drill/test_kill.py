"""kill -9 of any part under load: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.drill.checker import check
from tests.drill.load import Load
from tests.drill.stack import HOST, LATENESS_S, WINDOW_S, Stack, wait_for

PARTS = ("gateway", "flow", "store", "valkey", "jobs")


JOBS = ("repair", "rollup_hours", "rollup_days")


def settle(stack: Stack, acknowledged: set[bytes], timeout_s: float = 90, site_id: str = "%") -> list[str]:
    """What is still wrong once everything had time to settle; [] as soon as nothing is."""
    deadline = time.monotonic() + timeout_s
    while True:
        for job in JOBS:
            stack.run("job", "run", job)
        client = stack.client()
        closed_before = int(time.time() * 1000) - (WINDOW_S + LATENESS_S) * 1000 - 600_000
        problems = check(client, acknowledged, WINDOW_S * 1000, closed_before, site_id)
        client.disconnect()
        if not problems or time.monotonic() > deadline:
            return problems


def drill(stack: Stack, rounds: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed)
    load.start()
    order = [part for _ in range(-(-rounds // len(PARTS))) for part in chance.sample(PARTS, len(PARTS))]
    for part in order[:rounds]:
        before = load.sent.batches
        wait_for("traffic", lambda b=before: load.sent.batches > b + chance.randint(5, 60), 60)  # type: ignore[misc]
        if part == "flow":
            stack.wait_for_unsaved_rows()
        stack.kill(part)
    sent = load.stop()
    assert sent.repeats > 0
    return settle(stack, sent.event_ids)


@pytest.mark.timeout(400)
def test_five_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    with Stack(tmp_path / "data") as stack:
        assert drill(stack, rounds=5, seed=seed) == [], f"seed {seed}"


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_twenty_kills(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    with Stack(tmp_path / "data") as stack:
        assert drill(stack, rounds=20, seed=seed) == [], f"seed {seed}"

"""Several workers of the flow: a partition's open sessions go wherever the partition goes, once."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.drill.hasty import FRESH_MS
from tests.drill.load import Load
from tests.drill.pieces import Pieces
from tests.drill.settle import settle
from tests.drill.stack import HOST, wait_for


@pytest.fixture
def pieces(tmp_path: Path) -> Iterator[Pieces]:
    with Pieces(tmp_path) as made:
        yield made


@pytest.fixture
def seed() -> int:
    return random.randrange(2**31)


def load_of(pieces: Pieces, seed: int) -> Load:
    load = Load(pieces.gateway.port, pieces.public_id, HOST, threads=2, seed=seed, pause_s=0.02)
    load.start()
    return load


def start(pieces: Pieces, number: int) -> None:
    for worker in range(number):
        pieces.start(worker, number)
    pieces.wait_for_work()


def freeze(pid: int, database: Path) -> None:
    """SIGSTOP, but not within a change of the control plane: on SQLite nobody else could write then."""

    def frozen() -> bool:
        os.kill(pid, signal.SIGSTOP)
        with closing(sqlite3.connect(database, timeout=0.5, isolation_level=None)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                return False
        return True

    wait_for("a moment between two changes", frozen, 30)


def resize(pieces: Pieces, numbers: Sequence[int], seed: int, ends: Sequence[signal.Signals]) -> list[str]:
    """Go from one number of workers to the next under load; what is wrong in the end."""
    load = load_of(pieces, seed)
    for number, end in zip(numbers, ends, strict=True):
        pieces.stop(end)
        start(pieces, number)
    sent = load.stop()
    return settle(pieces, sent.told)


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_resizing_under_load_keeps_every_open_session(pieces: Pieces, seed: int) -> None:
    """There and back, once in order and once by kill -9."""
    ends = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)
    assert resize(pieces, (1, 2, 1), seed, ends) == [], f"seed {seed}"
    assert list((pieces.data_dir / "objects").rglob("manifest")) == []  # all that was moved was taken


@pytest.mark.drill
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_one_two_four_two_one(pieces: Pieces, seed: int, end: signal.Signals) -> None:
    numbers = (1, 2, 4, 2, 1) * 3
    assert resize(pieces, numbers, seed, [end] * len(numbers)) == [], f"seed {seed}"


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_a_worker_that_hung_while_its_partitions_were_given_away(pieces: Pieces, seed: int) -> None:
    """It was stopped for longer than its claims hold, somebody reset its partitions and began with
    them on another machine; now it wakes."""
    load = load_of(pieces, seed)
    start(pieces, 2)
    mine = ("prod-0001", "prod-0003")
    code, said = pieces.run("worker", "reset", "--yes", *mine, workers=2)
    assert (code, "belongs to worker 1 of 2" in said) == (1, True), said  # it is at work
    hung = pieces.workers.pop((1, "data"))
    freeze(hung.pid, pieces.data_dir / "control.db")
    stopped = time.monotonic()
    elsewhere = pieces.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "log").symlink_to(pieces.data_dir / "log")
    wait_for("the claims to run out", lambda: time.monotonic() > stopped + FRESH_MS / 1000 + 0.5, 30)
    code, said = pieces.run("worker", "list")
    assert (code, said.count("silent")) == (0, 2), said
    code, said = pieces.run("worker", "reset", "--yes", *mine, workers=2)
    assert code == 0, said
    pieces.start(1, 2, elsewhere)
    pieces.wait_for_work([1, 3])
    os.kill(hung.pid, signal.SIGCONT)
    assert hung.wait(30) == 1
    assert "were given to another one" in pieces.log_of(1)
    pieces.wait_for_work()
    sent = load.stop()
    assert settle(pieces, sent.told) == [], f"seed {seed}"
    pieces.start(1, 2)  # as its machine would when it is back
    wait_for("it to be refused", lambda: "belongs to worker 1 of 2" in pieces.log_of(1), 60)
    pieces.workers.pop((1, "data")).wait(30)

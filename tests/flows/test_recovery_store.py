"""A key's snapshots go from one of Bytewax's recovery stores to another, and the dataflow goes on there."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig
from bytewax.testing import TestingSink, cluster_main

from flows.recovery_store import RecoveryStore, UnknownRecoveryStore

Item = tuple[str, int]


class Part(StatefulSourcePartition[Item, int]):
    """Counts on from its snapshot, `items` of them."""

    def __init__(self, key: str, position: int, items: int, broken: bool) -> None:
        self.key, self.position, self.end, self.broken = key, position, position + items, broken

    def next_batch(self) -> Iterable[Item]:
        if self.position == self.end:
            if self.broken:
                raise RuntimeError("as if it was killed")
            raise StopIteration
        self.position += 1
        return [(self.key, self.position)]

    def snapshot(self) -> int:
        return self.position


class Source(FixedPartitionedSource[Item, int]):
    def __init__(self, keys: list[str], items: int, broken: bool) -> None:
        self.keys, self.items, self.broken = keys, items, broken

    def list_parts(self) -> list[str]:
        return self.keys

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Part:
        return Part(for_part, resume_state or 0, self.items, self.broken)


def run(directory: Path, keys: list[str], items: int = 3, broken: bool = False) -> dict[str, int]:
    """Add up each key's numbers; the last sum of each."""
    out: list[Item] = []
    flow = Dataflow("adding")
    numbers = op.input("numbers", flow, Source(keys, items, broken))
    sums = op.stateful_map("sum", numbers, lambda state, value: ((state or 0) + value,) * 2)
    op.output("out", sums, TestingSink(out))
    try:
        # Each batch is an epoch: so there is much to choose from.
        recovery = RecoveryConfig(directory, timedelta(0))
        cluster_main(flow, [], 0, epoch_interval=timedelta(0), recovery_config=recovery)
    except RuntimeError:
        assert broken
    return dict(out)


def new(directory: Path) -> RecoveryStore:
    directory.mkdir()
    store = RecoveryStore(directory)
    store.make()
    return store


def ask(directory: Path, sql: str) -> list[tuple[int, ...]]:
    with closing(sqlite3.connect(directory / "part-0.sqlite3")) as store:
        return store.execute(sql).fetchall()


def move(key: str, here: RecoveryStore, there: RecoveryStore) -> None:
    there.put(key, here.snapshots(key))
    here.remove([key])


@pytest.mark.parametrize("broken", [False, True])
def test_a_key_goes_on_in_a_store_that_was_never_used(tmp_path: Path, broken: bool) -> None:
    here, there = new(tmp_path / "here"), new(tmp_path / "there")
    assert run(tmp_path / "here", ["a", "b"], broken=broken) == {"a": 6, "b": 6}
    resumed = dict(here.snapshots("b"))
    position = pickle.loads(resumed["adding.numbers"]) + 3
    assert len(resumed) == 2
    move("b", here, there)
    assert (here.keys(), there.keys()) == ({"a"}, {"b"})
    went_on = run(tmp_path / "there", ["b"])
    assert went_on == {"b": position * (position + 1) // 2}
    assert broken or position == 6
    assert run(tmp_path / "here", ["a"])["a"] in (15, 21)


def test_a_key_goes_into_a_store_in_use_and_back(tmp_path: Path) -> None:
    here, there = new(tmp_path / "here"), new(tmp_path / "there")
    run(tmp_path / "here", ["a", "b"])
    for _ in range(3):  # far ahead of the other's epochs
        run(tmp_path / "there", ["c"])
    move("b", here, there)
    assert run(tmp_path / "there", ["b", "c"]) == {"b": 21, "c": 78}
    move("b", there, here)
    assert run(tmp_path / "here", ["a", "b"]) == {"a": 21, "b": 45}
    assert run(tmp_path / "there", ["c"]) == {"c": 120}


def test_a_store_whose_first_execution_came_to_nothing(tmp_path: Path) -> None:
    here, there = new(tmp_path / "here"), new(tmp_path / "there")
    run(tmp_path / "here", ["a"])
    with closing(sqlite3.connect(tmp_path / "there" / "part-0.sqlite3")) as store, store:
        store.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 1)")
        store.execute(
            "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES ('adding.sum', 'x', 1, x'00')"
        )
    move("a", here, there)
    assert there.keys() == {"a"}  # what was never committed is gone: it would count now
    assert run(tmp_path / "there", ["a"]) == {"a": 21}


def test_the_resume_epoch_is_bytewaxs(tmp_path: Path) -> None:
    """Bytewax writes down at which epoch it resumed: it must be the one that was worked out before."""
    store = new(tmp_path / "flow")
    for number, broken in enumerate((False, True, True, False, True)):
        with closing(sqlite3.connect(tmp_path / "flow" / "part-0.sqlite3")) as opened:
            from flows.recovery_store import _resume_epoch

            expected = _resume_epoch(opened, tmp_path)
        run(tmp_path / "flow", ["a", "b"], items=number + 1, broken=broken)
        ((resumed,),) = ask(tmp_path / "flow", f"SELECT resume_epoch FROM exs WHERE ex_num = {number}")
        assert resumed == expected
    assert store.keys() == {"a", "b"}


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    store = new(tmp_path / "flow")
    with closing(sqlite3.connect(tmp_path / "flow" / "part-0.sqlite3")) as opened:
        opened.execute("PRAGMA user_version = 6")
    with pytest.raises(UnknownRecoveryStore, match="version 6"):
        store.keys()


def test_a_damaged_store_is_refused_with_what_to_do(tmp_path: Path) -> None:
    store = new(tmp_path / "flow")
    (tmp_path / "flow" / "part-0.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(UnknownRecoveryStore, match="footfall worker reset"):
        store.keys()


MAKING = """
import sys
from pathlib import Path
from flows.recovery_store import RecoveryStore
RecoveryStore(Path(sys.argv[1])).make()
"""


@pytest.mark.parametrize("wait_s", [0.0, 0.001, 0.003])
def test_a_store_is_made_whole_or_not_at_all(tmp_path: Path, wait_s: float) -> None:
    """`kill -9` as soon as there is anything to see of it: the worker starts again."""
    process = subprocess.Popen([sys.executable, "-c", MAKING, str(tmp_path)])
    deadline = time.monotonic() + 30
    while process.poll() is None and not any(tmp_path.iterdir()):
        assert time.monotonic() < deadline
    time.sleep(wait_s)  # to be killed at another place, not to wait for something
    process.kill()
    process.wait(10)

    store = RecoveryStore(tmp_path)
    assert store.keys() == set()
    store.make()
    assert run(tmp_path, ["a"]) == {"a": 6}

"""Starting workers and checking what they wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from eventlog.local import LocalLog
from tests.eventlog.contract import read_all, wait_for
from tests.eventlog.worker import PARTITIONS, Work, value_of

__all__ = ["acked", "check", "finish", "start", "wait_for"]
ROOT = Path(__file__).parents[2]
WAIT_S = 60.0


def start(work: Work, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A worker in its own process."""
    command = [sys.executable, "-m", "tests.eventlog.worker", json.dumps(work)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(env or {})}, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a worker that should succeed."""
    _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, errors.decode()


def acked(path: Path) -> set[int]:
    """What a worker's acks file says; a last line without its end does not count."""
    if not path.exists():
        return set()
    return {int(line) for line in path.read_bytes().split(b"\n")[:-1] if line}


def check(log: LocalLog, name: str, acknowledged: Iterable[int]) -> int:
    """Each partition holds an unbroken beginning of what `name` sent, in order and whole,
    and everything acknowledged; returns how many records that is."""
    want = set(acknowledged)
    prefix = f"{name} ".encode()
    reader = log.reader()
    got: set[int] = set()
    for partition in range(PARTITIONS):
        values = [record.value for record in read_all(reader, partition) if record.value.startswith(prefix)]
        numbers = [int(value.split(b" ", 2)[1]) for value in values]
        assert numbers == list(range(partition, partition + PARTITIONS * len(numbers), PARTITIONS))
        assert values == [value_of(name, n) for n in numbers]
        got.update(numbers)
    reader.close()
    lost = want - got
    assert not lost, f"{len(lost)} of {len(want)} acknowledged records of {name} are lost, first {min(lost)}"
    return len(got)

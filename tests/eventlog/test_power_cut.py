"""Power cuts: what was acknowledged before one is there after it.

The writer's real system calls are recorded and the disk is rebuilt as of random moments.
That the test can fail is shown by two writers that acknowledge too early.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventlog.local import LocalLog
from tests.eventlog.helpers import check, finish, start
from tests.eventlog.power import Call, Disk, read_trace

CUTS = 40
OPTIONS: dict[str, Any] = {"segment_bytes": 400_000, "min_free_bytes": 0}


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled recorder."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("the power-cut test needs a C compiler named cc (Debian: apt install gcc libc6-dev)")
    library = tmp_path_factory.mktemp("recorder") / "record.so"
    source = Path(__file__).with_name("record.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, timeout=60)
    return library


class Recorded:
    """One writer's run, and the power cuts made from it."""

    def __init__(self, recorder: Path, root: Path, **work: Any) -> None:
        self.root = root
        self.directory, self.acks = root / "log", root / "acks"
        options = {**OPTIONS, **work.pop("options", {})}
        # The directory itself is not what is tested: its parent's names are not simulated.
        LocalLog(self.directory, 4, **OPTIONS)
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        trace = root / "trace"
        env = {"LD_PRELOAD": str(recorder), "TRACE_ROOT": str(root), "TRACE_FILE": str(trace)}
        worker = start(
            {
                "directory": str(self.directory),
                "acks": str(self.acks),
                "name": "w",
                "count": 1500,
                "options": options,
                **work,  # type: ignore[typeddict-item] # checked by the worker's own type
            },
            env,
        )
        finish(worker)
        self.calls: list[Call] = read_trace(trace)

    def cut(self, seed: int, rebuild: Callable[[Disk, Path], None]) -> list[int]:
        """Power cuts at random moments, half of them just after an acknowledgement;
        how many acknowledged records each had to show."""
        chance = random.Random(seed)
        acked = [index for index, call in enumerate(self.calls) if call.kind == "W" and b"x" not in call.data[:8]]
        moments = set(chance.sample(range(len(self.calls)), CUTS // 2) + chance.sample(acked, CUTS // 2))
        disk = Disk(self.directory, self.acks)
        counts = []
        for index in disk.run(self.calls):
            if index in moments:
                target = self.root / f"cut-{index}"
                rebuild(disk, target)
                acknowledged = [int(line) for line in bytes(disk.acks).split()]
                counts.append(len(acknowledged))
                self.check(target, acknowledged)
                shutil.rmtree(target)
        return counts

    def check(self, target: Path, acknowledged: list[int]) -> None:
        """Everything acknowledged is there, in order, and the log goes on."""
        log = LocalLog(target, 4, **OPTIONS)
        check(log, "w", acknowledged)
        appender = log.appender()
        appender.append([(0, b"after the cut")]).result(20)
        appender.close(20)
        reader = log.reader()
        end = reader.bounds(0)[1]
        assert reader.read(0, end - 1, 1, 100)[0].value == b"after the cut"
        reader.close()


@pytest.fixture(scope="module")
def recorded(recorder: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A sound writer's run over several segments."""
    run = Recorded(recorder, tmp_path_factory.mktemp("sound"))
    kinds = {kind: sum(call.kind == kind for call in run.calls) for kind in "OWSURr"}
    assert all(kinds.values()), f"the recorder missed a kind of call: {kinds}"
    assert kinds["r"] >= 3, "fewer than three segments"
    return run


def test_whole_run_is_recorded(recorded: Recorded) -> None:
    """The simulated disk without any cut is the real one."""
    disk = Disk(recorded.directory, recorded.acks)
    for _ in disk.run(recorded.calls):
        pass
    assert bytes(disk.acks) == recorded.acks.read_bytes()
    for directory_change in disk.names.pending:
        assert directory_change.name != ""
    names = disk.names.after(disk.names.pending)
    real = {path.name: path.read_bytes() for path in recorded.directory.iterdir() if path.suffix == ".seg"}
    assert set(real) == {name for name in names if name.endswith(".seg")}
    for name, content in real.items():
        names[name].sync(len(recorded.calls))
        assert bytes(names[name].durable) == content, name


@pytest.mark.parametrize("seed", [1, 2])
def test_only_what_was_synced_survives(recorded: Recorded, seed: int) -> None:
    counts = recorded.cut(seed, Disk.strict)
    assert max(counts) > 1000


@pytest.mark.parametrize("seed", [3, 4])
def test_any_part_of_what_was_not_synced_survives(recorded: Recorded, seed: int) -> None:
    chance = random.Random(seed)
    counts = recorded.cut(seed, lambda disk, target: disk.lucky(target, chance))
    assert max(counts) > 1000


@pytest.mark.parametrize(
    "weakness",
    [{"options": {"synchronous": "OFF"}}, {"ack_early": True}],
    ids=["no fsync of records", "acknowledged before the commit"],
)
def test_the_test_has_teeth(recorder: Path, tmp_path: Path, weakness: dict[str, Any]) -> None:
    run = Recorded(recorder, tmp_path, **weakness)
    with pytest.raises(AssertionError, match="acknowledged records of w are lost"):
        run.cut(1, Disk.strict)

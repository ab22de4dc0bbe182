"""The log grows under load, with a gateway that does not hear of it for long: nothing acknowledged is
lost, nothing counts twice, and a visit that goes on in another generation stays one."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest

import control
from jobs import draining, marking
from jobs.job import JobContext
from tests.drill.load import Load, Sent
from tests.drill.settle import settle
from tests.drill.stack import HOST, LATENESS_S, WINDOW_S, Stack, free_ports, wait_for
from tests.fixtures.kafka import make_cluster

CLOSING_MS = (WINDOW_S + LATENESS_S) * 1000


def keep_control(stack: Stack, directory: Path) -> Path:
    """The control plane as it is now."""
    kept = directory / "kept"
    kept.mkdir()
    with stack.frozen("gateway", "flow", "jobs"):  # nobody writes while it is copied
        for path in stack.data_dir.glob("control.db*"):
            shutil.copy(path, kept / path.name)
    return kept / "control.db"


@contextmanager
def cut_off_gateway(stack: Stack, plane: Path) -> Iterator[int]:
    """Another gateway of the stack, for which the control plane stays as it was kept; its port."""
    [port] = free_ports(1)
    env = {"FOOTFALL_GATEWAY_PORT": str(port), "FOOTFALL_CONTROL_URL": f"sqlite:///{plane}"}
    log = plane.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingest_gateway"], env=stack.env | env, stdout=output, stderr=output
        )
    try:
        wait_for("the other gateway", lambda: b"gateway on" in log.read_bytes(), 30)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def traffic(load: Load, batches: int = 60) -> None:
    before = load.sent.batches
    wait_for("traffic", lambda: load.sent.batches > before + batches, 60)


def grow_under_load(stack: Stack, plane: Path, sizes: list[int], seed: int, kill: bool = False) -> Sent:
    """Grow to each size; what was acknowledged by then, by one gateway or the other."""
    load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed)
    load.start()
    with cut_off_gateway(stack, plane) as port:
        for partitions in sizes:
            traffic(load)
            if kill:
                stack.wait_for_unsaved_rows()
                stack.kill("flow")
            said = stack.run("log", "grow", "--partitions", str(partitions))
            assert "go to generation" in said
            load.ports = [load.ports[0], port]
            traffic(load)
            load.repeat(40)  # what went to one generation, and now may go to another
        if kill:
            stack.wait_for_unsaved_rows()
            stack.kill("flow")
        traffic(load)
        return load.stop()


def in_several(stack: Stack) -> int:
    """Visitors with events in partitions of an older and of the newest generation."""
    sql = "SELECT visitor_id FROM events GROUP BY visitor_id "
    sql += "HAVING min(log_partition) < %(n)s AND max(log_partition) >= %(n)s"
    client = stack.client()
    found = client.execute(sql, {"n": stack.layout().newest.first})
    client.disconnect()
    return len(found)


@pytest.mark.drill
@pytest.mark.timeout(240)
def test_growing_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    with Stack(tmp_path / "data") as stack:
        sent = grow_under_load(stack, keep_control(stack, tmp_path), [6], seed)
        assert settle(stack, sent.told) == [], f"seed {seed}"
        assert in_several(stack) > 10
        assert stack.status()["parts"]["flow"]["restarts"] == 0, "a restart that is wanted is no failure"
        said = stack.run("log", "show")
        assert "prod.raw.2" in said
        assert "4 to 9" in said


def drain(stack: Stack) -> str:
    """What the job says, where an hour of quiet is seconds."""
    plane = control.open(stack.settings.control_plane_url())
    try:
        with patch.object(draining, "_quiet_ms", lambda _context: CLOSING_MS):
            return draining.drain(JobContext(settings=stack.settings, control=plane))
    finally:
        plane.close()


@pytest.mark.drill
@pytest.mark.timeout(600)
@pytest.mark.parametrize("on_kafka", [False, True])
def test_growing_twice_with_kills_until_all_is_drained_and_written_to(tmp_path: Path, on_kafka: bool) -> None:
    env: dict[str, str] = {}
    with make_cluster(tmp_path / "kafka") if on_kafka else nullcontext() as cluster:
        if cluster is not None:
            env = {"FOOTFALL_KAFKA_BOOTSTRAP": cluster.bootstrap, "FOOTFALL_KAFKA_REPLICATION": "1"}
        with Stack(tmp_path / "data", env=env) as stack:
            whole_life(stack, tmp_path)


def whole_life(stack: Stack, directory: Path) -> None:
    seed = random.randrange(2**31)
    plane = keep_control(stack, directory)
    sent = grow_under_load(stack, plane, [6, 9], seed, kill=True)
    assert settle(stack, sent.told) == [], f"seed {seed}"
    said = ""

    def both_drained() -> bool:
        nonlocal said
        said = drain(stack)
        return said.count(" is drained") - said.count(" is drained from") == 2

    wait_for("both older generations to be drained", both_drained, 60)
    assert stack.layout().partitions == list(range(10, 19))
    load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed + 1)
    load.start()
    traffic(load)
    told = sent.told | load.stop().told
    assert settle(stack, told) == [], f"seed {seed}"
    # A gateway that stood still all the while, and took events before it heard of anything.
    with cut_off_gateway(stack, plane) as port:
        late = Load(port, stack.public_id, HOST, seed=seed + 2)
        late.start()
        traffic(late)
        told |= late.stop().told
    assert "generation 1 is written to again" in drain(stack)
    assert stack.layout().partitions == [*range(4), *range(10, 19)]
    assert settle(stack, told) == [], f"seed {seed}"


@pytest.mark.drill
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("fault", "complaint"),
    [("switch_not_looked_up", "stored more than once"), ("split_visits_stay", "sessions differ")],
)
def test_the_checker_finds_the_fault(tmp_path: Path, fault: str, complaint: str) -> None:
    here = patch.object(marking, "_mark_split", lambda *_: None)  # the drill runs jobs, too
    with Stack(tmp_path / "data", fault) as stack, here if fault == "split_visits_stay" else nullcontext():
        sent = grow_under_load(stack, keep_control(stack, tmp_path), [6], 1)
        problems = settle(stack, sent.told, timeout_s=20)
        assert any(complaint in problem for problem in problems), problems

"""A backup taken under load, the store lost, and everything whole again: from the log that is still there,
or in another shape with another log, where new traffic goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

import control
from control.partitions import NOBODY
from flows.home import Home
from tests.drill.load import Load
from tests.drill.settle import settle
from tests.drill.stack import HOST, Stack, wait_for
from tests.fixtures.kafka import KafkaCluster, make_cluster
from tests.fixtures.postgres import full
from tests.fixtures.s3 import S3Server

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]


class Restored(Stack):
    """Has its site from a backup."""

    def add_site(self, host: str) -> str:
        plane = control.open(self.settings.control_plane_url())
        try:
            return plane.site(host).public_id
        finally:
            plane.close()

    def flow_log(self) -> str:
        return (self.data_dir / "logs" / "flow.log").read_text()


def footfall(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env=stack.env, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def traffic(stack: Stack, seed: int, batches: int) -> Load:
    """Under way, so many batches already in."""
    load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed, pause_s=0.02)
    load.start()
    wait_for("traffic", lambda: load.sent.batches > batches, 60)
    return load


def keep_state(stack: Stack) -> None:
    """The flow has its state from before, which is ahead of the store."""
    home = Home(stack.data_dir / "flow")
    plane = control.open(stack.settings.control_plane_url())
    assert home.keys() == plane.flow_partitions().keys()
    for key in sorted(home.keys()):
        assert plane.move_partition(key, NOBODY, home.holder, home.place, "", now=0)
    plane.close()
    home.close()


@pytest.mark.parametrize("flow_state", ["kept", "lost"])
def test_what_came_after_the_backup_comes_from_the_log(tmp_path: Path, flow_state: str) -> None:
    backup = str(tmp_path / "backup")
    with Stack(tmp_path / "data") as stack:
        load = traffic(stack, 1, 150)
        footfall(stack, "backup", backup)
        at_backup = load.sent.batches
        wait_for("more traffic", lambda: load.sent.batches > at_backup + 150, 60)
        sent = load.stop()
    shutil.rmtree(tmp_path / "data" / "data")
    if flow_state == "lost":
        shutil.rmtree(tmp_path / "data" / "flow")
    again = Restored(tmp_path / "data")
    said = footfall(again, "restore", "--force", backup)
    assert "The flow reads what came after it from the log" in said
    if flow_state == "kept":  # as after a restore with the store's own tools
        keep_state(again)
    with again:
        assert settle(again, sent.told) == []
        more = traffic(again, 2, 100).stop()
        assert settle(again, {**sent.told, **more.told}) == []
        assert "goes on from offset" in again.flow_log()
        assert ("the store was restored from an older backup" in again.flow_log()) == (flow_state == "kept")


def test_a_flow_killed_while_it_reads_again_loses_nothing(tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    with Stack(tmp_path / "data") as stack:
        load = traffic(stack, 1, 300)
        footfall(stack, "backup", backup)
        sent = load.stop()
    again = Restored(tmp_path / "data")
    footfall(again, "restore", "--force", backup)
    with again:
        for _ in range(3):
            os.kill(again.pid("flow"), signal.SIGKILL)
            wait_for("the flow to be back", lambda: again.status()["parts"]["flow"]["state"] == "ready", 60)
        assert settle(again, sent.told) == []


def test_a_log_that_grew_after_the_backup_is_read_whole(tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    with Stack(tmp_path / "data") as stack:
        load = traffic(stack, 1, 100)
        footfall(stack, "backup", backup)
        footfall(stack, "log", "grow", "--partitions", "6")
        at_growth = load.sent.batches
        wait_for("traffic in the new topic", lambda: load.sent.batches > at_growth + 300, 60)
        sent = load.stop()
    again = Restored(tmp_path / "data")
    footfall(again, "restore", "--force", backup)
    with again:
        assert settle(again, sent.told) == []
        more = traffic(again, 2, 100).stop()
        assert settle(again, {**sent.told, **more.told}) == []


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[KafkaCluster]:
    with make_cluster(tmp_path / "kafka", 1) as cluster:
        yield cluster


@pytest.mark.parametrize("closed", [True, False])
def test_embedded_into_production(
    tmp_path: Path, brokers: KafkaCluster, postgres_url: URL, s3: S3Server, bucket: str, closed: bool
) -> None:
    """Sessions open at the backup (`closed` false) have lost their flow, and may end only by repair."""
    backup = str(tmp_path / "backup")
    with Stack(tmp_path / "old") as stack:
        sent = traffic(stack, 1, 200).stop()
        if closed:
            assert settle(stack, sent.told) == []
        else:
            wait_for("all to be stored", lambda: stack.stored_rows() >= len(sent.told), 30)
        footfall(stack, "backup", backup)
    production = {
        "FOOTFALL_KAFKA_BOOTSTRAP": brokers.bootstrap,
        "FOOTFALL_KAFKA_REPLICATION": "1",
        "FOOTFALL_CONTROL_URL": full(postgres_url),
        "FOOTFALL_OBJECTS_ENDPOINT": s3.endpoint,
        "FOOTFALL_OBJECTS_BUCKET": bucket,
        "FOOTFALL_OBJECTS_ACCESS_KEY": s3.access_key,
        "FOOTFALL_OBJECTS_SECRET_KEY": s3.secret_key,
    }
    new = Restored(tmp_path / "new", env=production)
    said = footfall(new, "restore", backup)
    assert "The log here is another one" in said
    assert "footfall replay --site SITE --from" in said
    with new:
        assert settle(new, sent.told) == []
        more = traffic(new, 2, 200).stop()
        assert settle(new, {**sent.told, **more.told}) == []
        # Once more, now from Kafka into Kafka's own log: positions of both logs are in the store.
        second = str(tmp_path / "second")
        footfall(new, "backup", second)
    again = Restored(tmp_path / "new", env=production)
    assert "The flow reads what came after" in footfall(again, "restore", "--force", second)
    with again:
        assert settle(again, {**sent.told, **more.told}) == []


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_killed_half_way_it_is_begun_anew(tmp_path: Path, command: str) -> None:
    backup = str(tmp_path / "backup")
    with Stack(tmp_path / "data") as stack:
        sent = traffic(stack, 1, 200).stop()
        assert settle(stack, sent.told) == []
        for pause in (0.8, 1.2, 1.6, 2.0) if command == "backup" else ():
            killed(stack, pause, "backup", backup)
        if not (tmp_path / "backup" / "prod" / "manifest.json").exists():
            footfall(stack, "backup", backup)
    new = Restored(tmp_path / "new")
    for pause in (2.0, 3.0, 4.0, 5.0) if command == "restore" else ():
        killed(new, pause, "restore", backup)
    done = subprocess.run(
        [sys.executable, "-m", "cli", "restore", backup],
        env=new.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or "is not empty" in done.stderr, done.stderr  # the last one may have come through
    with new:
        assert settle(new, sent.told) == []


def killed(stack: Stack, after_s: float, *arguments: str) -> None:
    """Run a command, and kill it and what it started after a while."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env=stack.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

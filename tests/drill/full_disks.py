"""`python -m tests.drill.full_disks FOLDER POSTGRES`: servers' disks that get full under load.

Run by test_full_disks.py where each directory in `DISKS` is a disk of its own, and so is that of PostgreSQL, which
runs as another user and could not get into the folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from tests.drill.load import Load
from tests.drill.production import DATABASE, Production, Servers, own_servers
from tests.drill.settle import settle
from tests.drill.stack import HOST, wait_for
from tests.fixtures.disk import fill, make_room

DISKS = {"kafka": "400m", "s3": "40m"}


class Drive:
    """The stack and its load."""

    def __init__(self, folder: Path, stack: Production, load: Load) -> None:
        self.folder, self.stack, self.load = folder, stack, load

    def wait_for_traffic(self) -> None:
        before = self.load.sent.batches
        wait_for("batches to be acknowledged", lambda: self.load.sent.batches > before + 20, 90)

    def flow_log(self) -> str:
        return (self.stack.data_dir / "logs" / "flow.log").read_text()

    def command(self, *command: str) -> tuple[int, str]:
        """A footfall command: exit code and all it says."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *command],
            env=self.stack.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr


def objects(drive: Drive) -> None:
    """The archive waits in its spool; all else goes on."""
    disk = drive.folder / "s3"
    before = len(drive.flow_log())
    fill(disk)
    wait_for("the flow to say it", lambda: "No space left on device" in drive.flow_log()[before:], 60)
    assert "the archive waits for the object store, trying again" in drive.flow_log()[before:]
    drive.wait_for_traffic()
    before = len(list(disk.rglob("*.zst")))
    make_room(disk)
    wait_for("objects to be written again", lambda: len(list(disk.rglob("*.zst"))) > before, 60)
    drive.wait_for_traffic()


def log(drive: Drive, servers: Servers) -> None:
    """Brokers end where they cannot write; somebody makes room and starts them again."""
    disk = drive.folder / "kafka"
    refused = drive.load.sent.refused
    fill(disk)
    wait_for("503", lambda: drive.load.sent.refused > refused, 60)
    found = drive.command("doctor")[1]
    assert "bad  log        Kafka does not answer" in found, found
    assert "bad  gateway    runs, but its log takes no records" in found, found
    # What Kafka wrote names the disk; doctor cannot see the disks of other machines.
    ended = [broker for broker in servers.kafka.brokers if not broker.running]
    assert ended
    assert any("No space left on device" in broker.log.read_text() for broker in ended)
    make_room(disk)
    for broker in servers.kafka.brokers:
        if not broker.running:
            broker.launch()
    for broker in servers.kafka.brokers:
        broker.wait_until_ready(1)
    drive.wait_for_traffic()


def control_plane(drive: Drive, servers: Servers, disk: Path) -> None:
    """Changes of sites and keys wait, and say why; events are taken and stored all the while."""
    fill(disk)
    with servers.postgres.admin(DATABASE) as admin, pytest.raises(psycopg.errors.DiskFull):  # noqa: PT012 - which statement, chance says
        while True:  # until the room in its own files is used up, too
            admin.execute("CREATE TABLE IF NOT EXISTS filler (x text)")
            admin.execute("INSERT INTO filler SELECT repeat('x', 100) FROM generate_series(1, 1000)")
    code, said = drive.command("key", "create", HOST)
    assert code == 1, said
    assert said.startswith("Error: the control plane (database"), said
    assert "cannot be written" in said, said
    assert "No space left on device" in said, said
    drive.wait_for_traffic()
    make_room(disk)
    wait_for("a key to be made", lambda: drive.command("key", "create", HOST)[0] == 0, 60)
    drive.wait_for_traffic()


def drive(folder: Path, postgres: Path) -> list[str]:
    """One disk after the other; what is wrong at the end."""
    tempfile.tempdir = str(postgres)  # where its fixture puts it
    with own_servers(folder) as servers, Production(folder / "data", servers, 1) as stack:
        load = Load(stack.settings.gateway_port, stack.public_id, HOST, threads=1, pause_s=0.02)
        load.start()
        whole = Drive(folder, stack, load)
        whole.wait_for_traffic()
        objects(whole)
        control_plane(whole, servers, postgres)
        log(whole, servers)
        sent = load.stop()
        sys.stdout.write(f"{len(sent.told)} events, {sent.refused} refusals\n")
        return settle(stack, sent.told)


if __name__ == "__main__":
    problems = drive(Path(sys.argv[1]), Path(sys.argv[2]))
    assert problems == [], problems

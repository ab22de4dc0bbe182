"""`python -m tests.proof.full_disk DATA_DIR`: Footfall whole, on small disks that get full under load.

Run by test_full_disk.py where each directory in `DISKS` is a disk of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

import control
from control import ControlFullError
from tests.drill.load import Load, Sent
from tests.drill.settle import settle
from tests.drill.stack import HOST, Stack, wait_for
from tests.fixtures.disk import fill, make_room

# The log stops 256 MiB before its disk is full, so that what reads it can work.
DISKS = {".": "24m", "data": "150m", "flow": "20m", "log": "300m"}
RSS_LIMIT = 500 * 1024 * 1024  # of each part, whatever is full; the store has 300 MiB at rest


class Drive:
    """The stack, its load, and what a person would look at."""

    def __init__(self, stack: Stack, load: Load) -> None:
        self.stack = stack
        self.load = load

    def disk(self, name: str) -> Path:
        return self.stack.data_dir / name

    @contextmanager
    def full(self, *names: str) -> Iterator[None]:
        """Within it these disks are full; after it everything is well again."""
        for name in names:
            fill(self.disk(name))
        yield
        self._check_memory()
        for name in names:
            make_room(self.disk(name))
        wait_for("all to be well again", lambda: self.status()[0] == 0, 60)
        self.wait_for_traffic()

    def _check_memory(self) -> None:
        for name, part in self.stack.status()["parts"].items():
            if part["pid"] and psutil.pid_exists(part["pid"]):
                used = psutil.Process(part["pid"]).memory_info().rss
                assert used < RSS_LIMIT, f"{name} uses {used / 1024**2:.0f} MiB"

    def command(self, *command: str) -> tuple[int, str]:
        """A footfall command: exit code and all it says."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *command],
            env=self.stack.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def status(self) -> tuple[int, str]:
        return self.command("status")

    def wait_for_traffic(self) -> None:
        before = self.load.sent.batches
        wait_for("batches to be acknowledged", lambda: self.load.sent.batches > before + 20, 60)

    def wait_for_red(self, saying: str) -> None:
        """Until `footfall status` says that something is wrong, and what."""
        wait_for("a red status", lambda: self.status()[0] == 1, 30)
        assert saying in (text := self.status()[1]), text

    def wait_for_line(self, part: str, line: str) -> None:
        """Until a part's log says it once more."""
        log = self.disk("logs") / f"{part}.log"
        before = log.read_text().count(line)
        wait_for(f"{part} to say {line!r}", lambda: log.read_text().count(line) > before, 30)


def store(drive: Drive) -> None:
    """Store and flow are killed too: both have to start while there is no room."""
    with drive.full("data"):
        drive.wait_for_line("flow", "the store does not take it, trying again: Code: 243.")
        drive.wait_for_traffic()
        os.kill(drive.stack.pid("flow"), signal.SIGKILL)
        drive.stack.kill("store")
        drive.wait_for_red(f"the disk of {drive.disk('data')} is nearly full")
        drive.wait_for_traffic()


def flow(drive: Drive) -> None:
    """The recovery file and the open sessions."""
    with drive.full("flow"):
        drive.wait_for_line("flow", f"stopped: the disk of {drive.disk('flow')} is full")
        drive.wait_for_line("flow", f"WARNING flows.room the disk of {drive.disk('flow')} is full")
        assert f"the disk of {drive.disk('flow')} is nearly full" in drive.status()[1]
        drive.wait_for_traffic()


def log_and_control_plane(drive: Drive) -> None:
    """Parts killed meanwhile start again, and the status that says so is no old one."""
    with drive.full("log", "."):
        wait_for("503", lambda: drive.load.sent.refused > 0, 30)
        use_up_control_plane(drive.stack)
        code, said = drive.command("key", "create", HOST)
        assert code == 1, said
        assert said.startswith(f"Error: the control plane ({drive.disk('control.db')}) cannot be written: "), said
        before = drive.stack.pid("jobs")
        os.kill(before, signal.SIGKILL)
        wait_for("the new jobs process in the status", lambda: drive.stack.pid("jobs") not in (0, before), 30)
        assert f"the disk of {drive.disk('log')} is nearly full" in drive.status()[1]
        assert "bad  gateway    runs, but its log takes no records" in drive.command("doctor")[1]
    assert drive.command("key", "create", HOST)[0] == 0


def use_up_control_plane(stack: Stack) -> None:
    """Until its write-ahead log, which a full disk leaves some room in, is full as well."""
    plane = control.open(stack.settings.control_plane_url())
    size, number = 1024 * 1024, 0
    while size >= 256:
        try:
            plane.set_cursor(f"filler{number}", "x" * size)
            number += 1
        except ControlFullError:
            size //= 2
    assert plane.site(HOST) is not None, "it must still be readable"
    plane.close()


def drive(data_dir: Path) -> tuple[Sent, list[str]]:
    """One disk after the other; what is wrong at the end."""
    with Stack(data_dir) as stack:
        load = Load(stack.settings.gateway_port, stack.public_id, HOST, threads=1, pause_s=0.02)
        load.start()
        whole = Drive(stack, load)
        whole.wait_for_traffic()
        for part in (store, flow, log_and_control_plane):
            part(whole)
        sent = load.stop()
        return sent, settle(stack, sent.told)


if __name__ == "__main__":
    acknowledged, problems = drive(Path(sys.argv[1]))
    assert problems == [], problems
    sys.stdout.write(f"{len(acknowledged.told)} events, {acknowledged.refused} refusals\n")

"""Open sessions on a full disk: the last token holds, and once there is room it goes on from there."""

from __future__ import annotations

import errno
import sqlite3
import threading
from pathlib import Path

import pytest

from flows import room
from flows.room import ran_out_of_room, wait_for_room
from tests.fixtures.disk import SmallDisks

STATE = """
import os, sys
from pathlib import Path
from flows.state_file import StateFile
from tests.fixtures.disk import fill, make_room

disk = Path(sys.argv[1])

def reopened(token):
    file = StateFile(disk / "state")
    file.start(token)
    return file

file = reopened(())
file.append(b"kept")
token = file.commit()
for life in range(5):  # as a flow does that is started again and again
    fill(disk)
    file = reopened(token)
    assert list(file.frames())[0] == b"kept"
    try:
        file.append(os.urandom(100_000))
        file.commit()
        raise SystemExit("the disk was not full")
    except OSError as error:
        assert error.errno == 28, error
    make_room(disk)
    file = reopened(token)
    file.append(b"%d" % life)
    token = file.commit()
print(b" ".join(reopened(token).frames()).decode())
"""

WAIT = """
import logging, sys, threading
from pathlib import Path
from flows.room import wait_for_room
from tests.fixtures.disk import fill, make_room

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
disk = Path(sys.argv[1])
fill(disk)
threading.Timer(0.3, make_room, (disk,)).start()
assert wait_for_room(disk, threading.Event())
"""


def test_the_last_token_holds(small_disks: SmallDisks, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    assert small_disks.run({disk: "size=1m"}, "-c", STATE, str(disk)) == "kept 0 1 2 3 4\n"


def test_a_flow_waits_for_room_and_says_so(small_disks: SmallDisks, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    said = small_disks.run({disk: "size=8m"}, "-c", WAIT, str(disk)).splitlines()
    assert said[0].startswith(f"the disk of {disk} is full (0.0 MiB free). Make room")
    assert said[1:] == [f"there is room on the disk of {disk} again"]


def test_it_ends_when_told_to_while_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "NEEDED_BYTES", 2**62)
    stop = threading.Event()
    stop.set()
    assert not wait_for_room(tmp_path, stop)


def test_what_is_behind_an_error() -> None:
    full = RuntimeError("a step failed")
    full.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert ran_out_of_room(full)
    assert ran_out_of_room(sqlite3.OperationalError("database or disk is full"))
    assert ran_out_of_room(RuntimeError("(src/run.rs) SqliteFailure(Error { code: DiskFull, extended_code: 13 })"))
    assert not ran_out_of_room(OSError(errno.EACCES, "Permission denied"))
    assert not ran_out_of_room(RuntimeError("a step failed"))

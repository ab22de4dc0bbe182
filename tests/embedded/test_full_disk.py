"""The supervisor on a full disk: its status stays true, logs are not rotated away, and output that
cannot be written ends nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded.status import BLOCK, write_status
from tests.fixtures.disk import SmallDisks

PROGRAM = """
import json, sys
from contextlib import redirect_stdout
from pathlib import Path
from embedded.child import LOG_BYTES, Child, Part
from embedded.status import write_status
from cli.up import _say
from tests.fixtures.disk import fill, make_room

disk = Path(sys.argv[1])
path, log = disk / "up.json", disk / "part.log"
write_status(path, json.dumps({"parts": "all ready"}))
log.write_bytes(b"x" * LOG_BYTES)
(disk / "part.log.1").write_text("older")
output = (disk / "output").open("w")
fill(disk)
write_status(path, json.dumps({"parts": "one is dead"}))
assert json.loads(path.read_text()) == {"parts": "one is dead"}
child = Child(Part(name="part", argv=("true",)), log, {})
for _ in range(5):
    child.rotate_log()
assert (disk / "part.log.1").read_text() == "older"
assert log.stat().st_size == LOG_BYTES
with redirect_stdout(output):
    _say("a line")
make_room(disk)
with redirect_stdout(output):
    _say("another line")
assert (disk / "output").read_text() == "a line\\nanother line\\n"
child.rotate_log()
assert (disk / "part.log.2").read_text() == "older" and not log.stat().st_size
write_status(path, "{}")
assert not path.with_suffix(".new").exists()
"""


def test_a_full_disk(small_disks: SmallDisks, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    small_disks.run({disk: "size=24m"}, "-c", PROGRAM, str(disk))


def test_the_first_status_of_all_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_status(tmp_path / "run" / "up.json", "{}")


def test_a_shorter_status_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    for text in ("x" * 3 * BLOCK, "y"):
        write_status(tmp_path / "up.json", text)
    assert (tmp_path / "up.json").read_text().strip() == "y"

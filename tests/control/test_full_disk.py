"""The control plane on a full disk: what cannot be written is refused in plain words and leaves
nothing behind, reading goes on, and once there is room so does writing."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.disk import SmallDisks

PROGRAM = """
import sys
from pathlib import Path
import control
from control import ControlFullError
from tests.fixtures.disk import fill, make_room

disk = Path(sys.argv[1])
url = f"sqlite:///{disk / 'control.db'}"
plane = control.open(url)
plane.add_site("shop.example.com", now=0)
before = plane.version()
fill(disk)

def write_until_full():
    # A write-ahead log that was longer once takes a little more on a full disk.
    for number in range(10_000):
        try:
            plane.add_site(f"s{number}.example.com", now=0)
        except ControlFullError as error:
            return number, str(error)
    raise SystemExit("it never got full")

added, message = write_until_full()
assert message.startswith(f"the control plane ({disk}/control.db) cannot be written: "), message
assert plane.version() == before + added
assert plane.site("shop.example.com") is not None
assert len(plane.sites().by_id) == 1 + added, "all of a site or nothing of it"
again = control.open(url)  # as a part that is started again does
assert len(again.sites().by_id) == 1 + added
again.close()
try:
    for number in range(10_000):
        plane.claim(f"job{number}", "me", 60_000, now=1)
    raise SystemExit("a lease must not be given that is not written")
except ControlFullError:
    pass
make_room(disk)
plane.add_site("room.example.com", now=0)
assert plane.claim("repair", "me", 60_000, now=1) is not None
plane.close()
assert len(control.open(url).sites().by_id) == 2 + added
"""


def test_it_says_so_reads_on_and_comes_back(small_disks: SmallDisks, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    small_disks.run({disk: "size=1m"}, "-c", PROGRAM, str(disk))

"""A store whose disk is full, of bytes or of files: the writer waits with what it has in hand, says
what for, and goes on once there is room; each position is then stored once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.disk import SmallDisks

PROGRAM = """
import logging, os, sys, threading
from functools import partial
from pathlib import Path
from footfall.settings import Settings
from sinks.clickhouse import connect
from sinks.migrate import migrate
from sinks.writer import StoreWriter
from tests.fixtures.disk import fill, make_room
from tests.fixtures.store import make_store
from tests.sinks.writing import add, places, stored

disk, what = Path(sys.argv[1]), sys.argv[2]
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s %(message)s")
server = make_store(disk)
settings = Settings.model_validate({
    "data_dir": disk / "store", "clickhouse_host": server.host, "clickhouse_port": server.port,
})
client = server.client()
migrate(client, settings, "footfall_t")
many = disk / "many"
many.mkdir()

def use_up():
    if what == "bytes":
        fill(disk)
    for number in range(os.statvfs(disk).f_favail if what == "files" else 0):
        (many / str(number)).touch()

def give_back():
    if what == "bytes":
        make_room(disk)
    for path in many.iterdir():
        path.unlink()

connect_to = partial(connect, settings, database="footfall_t")
writer = StoreWriter(
    connect_to, database="footfall_t", flush_seconds=0.01, query_prefix="t-flow", buffer_rows=30,
    retry_limit_s=60.0, progress_seconds=0.1,
)
add(writer, 0)
writer.flush()
use_up()
added = [0]

def add_more():
    for offset in range(1, 60):
        add(writer, offset)
        added.append(offset)

thread = threading.Thread(target=add_more)
thread.start()
thread.join(1.0)
assert thread.is_alive() and len(added) <= 21, "two buffers of ten records, then it waits"
assert client.execute("SELECT count() FROM footfall_t.events") == [(3,)], "it answers meanwhile"
if what == "bytes":  # without one more file it cannot start
    server.kill()
    server.start()
    thread.join(0.5)
assert thread.is_alive()
give_back()
thread.join(30)
assert not thread.is_alive()
writer.close()
client = connect_to()
assert stored(client, "footfall_t") == places(range(60))
assert client.execute("SELECT count() FROM events") == [(180,)]
server.stop()
"""


@pytest.mark.parametrize("what", ["bytes", "files"])
def test_the_writer_waits_for_room(small_disks: SmallDisks, tmp_path: Path, what: str) -> None:
    disk = tmp_path / "disk"
    said = small_disks.run({disk: "size=100m,nr_inodes=6000"}, "-c", PROGRAM, str(disk), what)
    reason = {"bytes": "Code: 243.", "files": "No space left on device"}[what]
    waits = [line for line in said.splitlines() if "the store does not take it, trying again" in line]
    assert waits[0].startswith("sinks.clickhouse events: ")
    assert reason in waits[0]
    assert "sinks.clickhouse events: the store took it after" in said

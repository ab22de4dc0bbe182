"""`python -m bench.backup`: how long a backup and a restore take, and how large it is.

Realistic events in an embedded store, a control plane on SQLite; from one store through a directory
into another. Sessions and rollups are left out: a row of theirs costs about as much as an event's.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import control
from backup.make import backup
from backup.progress import NotShown
from backup.restore import restore
from backup.target import open_target
from bench.storage import DATABASE, fill
from bench.storage_traffic import records
from footfall.names import database_name
from sinks.migrate import migrate
from tests.backup.making import settings_of
from tests.fixtures.store import make_store

STAGE = "bench"
QUIET = NotShown()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.backup", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events
    assert database_name(STAGE) == DATABASE
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for one in ("old", "new"):
            (directory / one).mkdir()
        old, new = make_store(directory / "old"), make_store(directory / "new")
        try:
            source = settings_of(old, directory / "from", STAGE)
            client = old.client(compression="lz4", send_receive_timeout=600)
            migrate(client, source, DATABASE)
            fill(client, records(events))
            client.disconnect()
            place = open_target(source, str(directory / "backup"))
            plane = control.open(source.control_plane_url())
            begun = time.monotonic()
            manifest = backup(source, plane, place, QUIET)
            taken = time.monotonic()
            plane.close()
            target = settings_of(new, directory / "to", STAGE)
            plane = control.open(target.control_plane_url())
            restored = time.monotonic()
            restore(target, plane, place, manifest, QUIET)
            ended = time.monotonic()
            plane.close()
        finally:
            old.stop()
            new.stop()
    print(
        f"{manifest.rows:,} rows, {manifest.bytes / 1e6:.1f} MB: {manifest.bytes / manifest.rows:.1f} bytes a row"
    )
    print(f"backup {taken - begun:.1f} s, {manifest.rows / (taken - begun):,.0f} rows/s")
    print(f"restore {ended - restored:.1f} s, {manifest.rows / (ended - restored):,.0f} rows/s")
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB of memory in this process")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

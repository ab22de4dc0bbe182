"""A full disk: the append fails with LogFull, nothing half-written is read, and it goes on
by itself when there is room. Once with a file size limit, which needs no rights, and once
with a small file system, which needs a user namespace or root.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.local import LocalLog, files
from eventlog.protocol import LogFull
from tests.eventlog.contract import WAIT_S, read_all
from tests.eventlog.helpers import ROOT
from tests.fixtures.disk import SmallDisks

COMMON = """
import os, resource, signal, sys
from pathlib import Path
from eventlog.local import LocalLog
from eventlog.protocol import LogFull
from tests.eventlog.contract import read_all

def fill(appender, kept):
    for n in range(1000):
        value = b"%d " % (len(kept)) + os.urandom(20_000)
        try:
            appender.append([(0, value)]).result(30)
        except LogFull as error:
            return error
        kept.append(value)
    raise SystemExit("the disk never got full")

def check(log, kept):
    values = [record.value for record in read_all(log.reader(), 0)]
    assert values == kept, (len(values), len(kept))
"""

SIZE_LIMIT = (
    COMMON
    + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = LocalLog(Path(sys.argv[1]), 1, min_free_bytes=0)
appender, kept = log.appender(), []
appender.append([(0, b"first")]).result(30)
kept.append(b"first")
for limit in (1_000_000, 3_000_000, 5_000_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    error = fill(appender, kept)
    assert error.retry_after_s > 0 and "cannot be written" in str(error), error
    fill(appender, kept)  # what a checkpoint made room for, then LogFull again: no hang
    check(log, kept)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
appender.append([(0, b"room")]).result(30)
kept.append(b"room")
appender.close(30)
check(log, kept)
print("kept", len(kept))
"""
)

SMALL_DISK = (
    COMMON
    + """
where = Path(sys.argv[1])
ballast = where / "ballast"
ballast.write_bytes(bytes(2_000_000))
log = LocalLog(where / "log", 1, min_free_bytes=int(sys.argv[2]), segment_bytes=1_000_000)
appender, kept = log.appender(), []
error = fill(appender, kept)
assert error.retry_after_s > 0, error
if log.options.min_free_bytes:  # the reserve is there so that readers, too, can work
    check(log, kept)
fill(appender, kept)
ballast.unlink()
appender.append([(0, b"room")]).result(30)
kept.append(b"room")
appender.close(30)
check(log, kept)
check(LocalLog(where / "log", 1), kept)
print("kept", len(kept), "after", error)
"""
)


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SIZE_LIMIT, str(tmp_path / "log")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "kept" in done.stdout


@pytest.mark.parametrize("reserve", [0, 1_000_000], ids=["SQLite runs out", "the reserve is reached"])
def test_a_disk_that_is_full(small_disks: SmallDisks, tmp_path: Path, reserve: int) -> None:
    disk = tmp_path / "disk"
    out = small_disks.run({disk: "size=8m"}, "-c", SMALL_DISK, str(disk), str(reserve))
    assert ("bytes are free" in out) == bool(reserve), out


def test_the_reserve_is_kept_free(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=files.free_bytes(tmp_path) * 2)
    appender = log.appender()
    with pytest.raises(LogFull, match="Make room") as full:
        appender.append([(0, b"x")]).result(WAIT_S)
    assert full.value.retry_after_s > 0
    appender.close(WAIT_S)
    assert read_all(log.reader(), 0) == []

"""How long the archive is kept, and what is said where the object store does not take it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

import control
from cli.spooled import PATIENCE_S, archive_troubles, spooled
from control import Control
from footfall.archive import object_key
from footfall.settings import Settings
from jobs.archive import forget_archive
from jobs.job import JobContext
from objects.directory import DirectoryStore

TODAY = date(2026, 11, 27)
NOW_MS = 1_795_791_600_000  # in the evening of that day, UTC


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Control]:
    made = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    yield made
    made.close()


def forget(tmp_path: Path, plane: Control, days: int) -> str:
    settings = Settings(data_dir=tmp_path, stage="prod", dev_stage="", archive_days=days)
    return forget_archive(JobContext(settings=settings, control=plane, now_ms=lambda: NOW_MS))


def test_objects_go_once_their_day_is_over_for_so_long(tmp_path: Path, plane: Control) -> None:
    store = DirectoryStore(tmp_path / "objects", "prod")
    keys = {
        age: [
            object_key(site, TODAY - timedelta(days=age), 3, 0, 9) for site in ("a.example.com", "b.example.com")
        ]
        for age in (0, 29, 30, 31, 400)
    }
    other = ["raw/note.txt", "flow/prod-0001/0/manifest"]
    for key in [*other, *(key for of_age in keys.values() for key in of_age)]:
        store.put(key, b"x")
    assert forget(tmp_path, plane, 0) == "no archive is kept"
    assert len(list(store.listing())) == 12
    assert forget(tmp_path, plane, 30) == "4 objects of before 2026-10-28 deleted, 7 kept"
    left = {listed.key for listed in store.listing()}
    assert left == {*other, *keys[0], *keys[29], *keys[30]}
    assert forget(tmp_path, plane, 30) == "0 objects of before 2026-10-28 deleted, 7 kept"


def test_a_spool_that_waits_is_told_and_a_full_one_is_grave(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, archive_days=30, archive_minutes=15, archive_spool_megabytes=64)
    assert archive_troubles(settings, spooled(settings)) == []
    segment = tmp_path / "flow-1" / "archive" / "prod-0001" / "00000001.seg"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(bytes(1024**2))
    for waited in (5, PATIENCE_S + 15 * 60 - 30):
        os.utime(segment, (time.time() - waited,) * 2)
        assert archive_troubles(settings, spooled(settings)) == []
    os.utime(segment, (time.time() - PATIENCE_S - 15 * 60 - 5,) * 2)
    (trouble,) = archive_troubles(settings, spooled(settings))
    assert (trouble.what, trouble.grave) == ("archive", False)
    assert "has waited for the object store for 25 min" in trouble.found
    assert "objects" in trouble.mend
    os.truncate(segment, 62 * 1024**2)  # sparse
    os.utime(segment, (time.time() - PATIENCE_S - 15 * 60 - 5,) * 2)
    (trouble,) = archive_troubles(settings, spooled(settings))
    assert trouble.grave
    assert "its spool is full (62 MiB) and the flow waits" in trouble.found

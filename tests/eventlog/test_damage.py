"""Damaged and foreign files: a clear error that names the file, never garbage."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.local import LocalLog, WrongLogError, files, segment
from eventlog.protocol import LogDamaged, LogFull, OffsetLost
from tests.eventlog.contract import WAIT_S, read_all
from tests.eventlog.worker import filler


@pytest.fixture
def log(tmp_path: Path) -> LocalLog:
    """Three or more segments, closed."""
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=100_000)
    appender = log.appender()
    for n in range(60):
        appender.append([(0, b"%d " % n + filler(n, 1000))]).result(WAIT_S)
    appender.close(WAIT_S)
    assert len(files.segment_numbers(tmp_path / "log")) >= 3
    return log


def path_of(log: LocalLog, number: int) -> Path:
    return files.segment_path(log.options.directory, number)


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_flipped_byte_in_a_record_is_noticed(log: LocalLog) -> None:
    data = path_of(log, 1).read_bytes()
    place = data.index(filler(7, 1000)[:100]) + 50
    overwrite(path_of(log, 1), place, bytes([data[place] ^ 1]))
    with pytest.raises(LogDamaged, match=r"00000001\.seg.*checksum") as error:
        read_all(log.reader(), 0)
    assert "move it" in str(error.value)


def test_a_segment_that_is_no_database(log: LocalLog) -> None:
    overwrite(path_of(log, 2), 0, b"\0" * 100)
    with pytest.raises(LogDamaged, match=r"00000002\.seg"):
        read_all(log.reader(), 0)


def test_a_torn_segment(log: LocalLog) -> None:
    with path_of(log, 2).open("r+b") as file:
        file.truncate(3 * segment.PAGE_BYTES)
    with pytest.raises(LogDamaged, match=r"00000002\.seg"):
        read_all(log.reader(), 0)


def test_without_the_damaged_segment_readers_are_told_of_the_gap(log: LocalLog) -> None:
    path_of(log, 2).rename(log.options.directory.parent / "aside")
    reader = log.reader()
    with pytest.raises(OffsetLost, match="missing"):
        read_all(reader, 0)
    third = segment.Segment(path_of(log, 3)).starts[0].offset
    assert len(read_all(reader, 0, third)) == 60 - third


def test_a_damaged_newest_segment_refuses_to_open_and_to_append(log: LocalLog) -> None:
    appender = log.appender()
    newest = path_of(log, files.newest_segment(log.options.directory))
    overwrite(newest, 0, b"\0" * 100)
    with pytest.raises(LogFull, match=newest.name):
        appender.append([(0, b"x")]).result(WAIT_S)
    appender.close(WAIT_S)
    with pytest.raises(LogDamaged, match=newest.name):
        LocalLog(log.options.directory, 1)


def test_another_format_version_says_so(log: LocalLog) -> None:
    newest = path_of(log, files.newest_segment(log.options.directory))
    with sqlite3.connect(newest) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(WrongLogError, match="format 99"):
        LocalLog(log.options.directory, 1)


def test_a_foreign_database_is_not_taken_for_a_segment(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    db = sqlite3.connect(tmp_path / "log" / "00000001.seg")
    db.execute("CREATE TABLE t (x)")
    db.commit()
    db.close()
    with pytest.raises(WrongLogError, match="no segment"):
        LocalLog(tmp_path / "log", 1)


def test_damaged_positions_can_be_deleted(log: LocalLog) -> None:
    path = log.options.directory / "positions.db"
    path.write_bytes(b"not a database at all" * 100)
    reader = log.reader()
    with pytest.raises(LogDamaged, match="delete it"):
        reader.committed("flow", 0)
    path.unlink()
    assert reader.committed("flow", 0) is None


def test_an_emptied_directory_refuses_appends(log: LocalLog) -> None:
    appender = log.appender()
    appender.append([(0, b"x")]).result(WAIT_S)
    for number in files.segment_numbers(log.options.directory):
        files.unlink_segment(path_of(log, number))
    with pytest.raises(LogFull, match="holds no segment"):  # noqa: PT012 - looked up once a second only
        for _ in range(2000):
            appender.append([(0, b"y")]).result(WAIT_S)
            time.sleep(0.01)
    appender.close(WAIT_S)


def test_a_frame_that_is_none_is_damage(log: LocalLog) -> None:
    """Its checksum is right: only what wrote it can be at fault, and still no garbage."""
    data = segment.pack([b"one", b"two"])[:-1]
    with closing(sqlite3.connect(path_of(log, 1))) as db:
        db.execute("UPDATE frames SET data = ?, crc = ? WHERE id = 0", (data, segment.checksum(data)))
        db.commit()
    with pytest.raises(LogDamaged, match=r"00000001\.seg.*no frame"):
        read_all(log.reader(), 0)

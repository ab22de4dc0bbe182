"""Retention: whole files, oldest first, never the active one; readers never see garbage."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from eventlog.local import LocalLog, files
from eventlog.protocol import LogRecord, OffsetLost
from tests.eventlog.contract import WAIT_S, read_all
from tests.eventlog.helpers import wait_for
from tests.eventlog.worker import filler


def fill(log: LocalLog, count: int, size: int = 1000, first: int = 0) -> None:
    appender = log.appender()
    for n in range(first, first + count):
        appender.append([(0, b"%d " % n + filler(n, size))]).result(WAIT_S)
    appender.close(WAIT_S)


def total(log: LocalLog) -> int:
    directory = log.options.directory
    return sum(files.size_on_disk(files.segment_path(directory, n)) for n in files.segment_numbers(directory))


def numbers(records: list[LogRecord]) -> list[int]:
    return [int(record.value.split()[0]) for record in records]


def test_by_size(tmp_path: Path) -> None:
    fill(LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=100_000), 120)
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=100_000, retention_bytes=300_000)
    assert total(log) > 300_000
    removed = log.apply_retention()
    assert removed == sorted(removed)
    assert 0 < total(log) <= 300_000
    reader = log.reader()
    first, end = reader.bounds(0)
    assert end == 120
    assert numbers(read_all(reader, 0, first)) == list(range(first, 120))
    with pytest.raises(OffsetLost, match="retention"):
        reader.read(0, first - 1, 1, 1)
    assert log.apply_retention() == []


def test_by_age(tmp_path: Path) -> None:
    now = 1_000_000
    log = LocalLog(
        tmp_path / "log",
        1,
        min_free_bytes=0,
        segment_bytes=1,
        retention_ms=10_000,
        clock=lambda: now,
        upkeep_s=600,
    )
    for n in range(5):
        now = 1_000_000 + 4000 * n
        fill(log, 1, first=n)
    now += 1
    log.apply_retention()
    first, _ = log.reader().bounds(0)
    assert first == 2  # at 1,008,000; now is 1,016,001
    now += 10_000_000
    log.apply_retention()
    assert len(files.segment_numbers(tmp_path / "log")) == 1
    assert log.reader().bounds(0) == (5, 5)
    fill(log, 1, first=5)
    assert numbers(read_all(log.reader(), 0, 5)) == [5]


def test_a_quiet_segment_is_sealed_by_age(tmp_path: Path) -> None:
    now = 1_000_000
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_age_ms=60_000, clock=lambda: now)
    fill(log, 1)
    assert files.segment_numbers(tmp_path / "log") == [1]
    now += 60_000
    fill(log, 1)
    assert files.segment_numbers(tmp_path / "log") == [1, 2]


def test_an_appender_applies_it_by_itself(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=50_000, retention_bytes=150_000)
    appender = log.appender()
    for n in range(150):
        appender.append([(0, filler(n, 1000))]).result(WAIT_S)
    wait_for(lambda: total(log) <= 250_000)
    appender.close(WAIT_S)
    assert log.reader().bounds(0)[0] > 0


def test_lost_records_count_as_lag(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=20_000, retention_bytes=1)
    log.reader().commit("flow", 0, 3)
    fill(log, 100)
    log.apply_retention()
    assert log.lag("flow")[0].records == 97


def test_an_open_reader_goes_on_or_is_told(tmp_path: Path) -> None:
    fill(LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=50_000), 100)
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=50_000, retention_bytes=1)
    reader = log.reader()
    seen = reader.read(0, 0, 3, 1 << 20)
    kept_to = reader.bounds(0)
    assert log.apply_retention()
    with pytest.raises(OffsetLost):  # noqa: PT012 - where the open file ends is not known
        while batch := reader.read(0, len(seen), 3, 1 << 20):
            seen += batch
    assert kept_to == (0, 100)
    assert 3 <= len(seen) < 100
    assert numbers(seen) == list(range(len(seen)))


def test_readers_and_appends_while_segments_go(tmp_path: Path) -> None:
    log = LocalLog(
        tmp_path / "log", 1, min_free_bytes=0, segment_bytes=30_000, retention_bytes=60_000, upkeep_s=0.05
    )
    stop = threading.Event()
    errors: list[BaseException] = []
    lost = 0
    read = 0

    def follow() -> None:
        nonlocal lost, read
        reader = log.reader()
        offset = 0
        while not stop.is_set():
            try:
                batch = reader.read(0, offset, 5, 1 << 20)
            except OffsetLost:
                lost += 1
                offset = reader.bounds(0)[0]
                continue
            if [record.offset for record in batch] != numbers(batch):
                errors.append(AssertionError(f"garbage at {offset}"))
                return
            read += len(batch)
            if batch:
                offset = batch[-1].offset + 1
            else:
                stop.wait(0.001)
        reader.close()

    threads = [threading.Thread(target=follow) for _ in range(2)]
    for thread in threads:
        thread.start()
    fill(log, 400)
    stop.set()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert not errors
    assert read > 100


def test_side_files_left_by_a_crash_are_removed(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=20_000, retention_bytes=1)
    fill(log, 60)
    log.apply_retention()
    gone = files.side_path(files.segment_path(tmp_path / "log", 1), "-wal")
    gone.write_bytes(b"left over")
    log.apply_retention()
    assert not gone.exists()
    assert files.segment_numbers(tmp_path / "log")


def test_a_writer_idle_since_long_before_goes_on_in_the_newest(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=50_000, retention_bytes=1)
    idle = log.appender()
    idle.append([(0, b"0 first")]).result(WAIT_S)
    fill(log, 60, first=1)
    log.apply_retention()
    assert not files.segment_path(tmp_path / "log", 1).exists()
    idle.append([(0, b"61 last")]).result(WAIT_S)
    idle.close(WAIT_S)
    reader = log.reader()
    first, end = reader.bounds(0)
    assert end == 62
    assert numbers(read_all(reader, 0, first)) == list(range(first, 62))

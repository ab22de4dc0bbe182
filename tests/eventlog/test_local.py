"""The local log: the contract, and what only it promises."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import pytest

from eventlog.local import LocalLog, WrongLogError, files, segment
from eventlog.protocol import EventLog, LogFull
from tests.eventlog.contract import WAIT_S, EventLogContract, read_all
from tests.eventlog.helpers import acked, check, finish, start, wait_for

SMALL = 128 * 1024


class TestContract(EventLogContract):
    """With the segments of production."""

    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def log(self, tmp_path: Path) -> EventLog:
        return LocalLog(tmp_path / "log" / "test.raw", 4, min_free_bytes=0, **self.options)

    def reopen(self, log: EventLog) -> EventLog:
        assert isinstance(log, LocalLog)
        return LocalLog(log.options.directory, 4, min_free_bytes=0, **self.options)


class TestContractWithManySegments(TestContract):
    """Every commit seals its segment."""

    options: ClassVar[dict[str, Any]] = {"segment_bytes": 1}


def test_changed_tells_at_once(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0)
    appender, reader = log.appender(), log.reader()
    reader.changed()
    for n in range(50):
        appender.append([(0, b"%d" % n)]).result(WAIT_S)
        assert reader.changed(), f"append {n} was missed"
    appender.close(WAIT_S)


class Clock:
    """A clock the test sets."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_a_log_made_anew_is_another(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    assert files.identity(directory) == ""
    LocalLog(directory, 1, min_free_bytes=0)
    before = files.identity(directory)
    LocalLog(directory, 1, min_free_bytes=0)
    assert files.identity(directory) == before
    shutil.rmtree(directory)
    LocalLog(directory, 1, min_free_bytes=0)
    assert files.identity(directory) not in ("", before)


def test_log_time_stays_at_its_highest_while_the_clock_jumps(tmp_path: Path) -> None:
    clock = Clock(1_000_000)
    jumps = [0, 5000, -4_000_000, -1, 10_000_000, -9_000_000, 20]
    for n, jump in enumerate(jumps):
        clock.now += jump
        log = LocalLog(tmp_path / "log", 2, min_free_bytes=0, segment_bytes=1 if n % 2 else SMALL, clock=clock)
        appender = log.appender()
        appender.append([(0, b"%d" % n)]).result(WAIT_S)
        appender.close(WAIT_S)
    times = [record.log_time for record in read_all(log.reader(), 0)]
    high = 1_000_000 + 5000 - 4_000_000 - 1 + 10_000_000
    assert times == [1_000_000, 1_005_000, 1_005_000, 1_005_000, high, high, high]


def test_partitions_have_log_times_of_their_own(tmp_path: Path) -> None:
    clock = Clock(5000)
    log = LocalLog(tmp_path / "log", 2, min_free_bytes=0, clock=clock)
    appender = log.appender()
    appender.append([(0, b"ahead")]).result(WAIT_S)
    clock.now = 4000
    appender.append([(0, b"held"), (1, b"own")]).result(WAIT_S)
    appender.close(WAIT_S)
    reader = log.reader()
    assert [r.log_time for r in read_all(reader, 0)] == [5000, 5000]
    assert [r.log_time for r in read_all(reader, 1)] == [4000]


def test_lag_in_milliseconds_of_log_time(tmp_path: Path) -> None:
    clock = Clock(10_000)
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, clock=clock)
    appender = log.appender()
    for now in (10_000, 12_000, 17_000):
        clock.now = now
        appender.append([(0, b"x"), (0, b"y")]).result(WAIT_S)
    appender.close(WAIT_S)
    assert log.lag("flow")[0][1:] == (6, 7000)
    log.reader().commit("flow", 0, 3)
    assert log.lag("flow")[0][1:] == (3, 5000)
    log.reader().commit("flow", 0, 6)
    assert log.lag("flow")[0][1:] == (0, 0)


def test_appenders_in_several_processes_neither_lose_nor_mix(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    options = {"segment_bytes": 1_000_000, "min_free_bytes": 0}
    names = ["gateway", "import", "replay"]
    workers = [
        start(
            {
                "directory": str(directory),
                "acks": str(tmp_path / name),
                "name": name,
                "count": 2000,
                "options": options,
            }
        )
        for name in names
    ]
    for worker in workers:
        finish(worker)
    log = LocalLog(directory, 4, **options)
    for name in names:
        assert check(log, name, acked(tmp_path / name)) == 2000
    assert len(files.segment_numbers(directory)) > 3
    reader = log.reader()
    for partition in range(4):
        records = read_all(reader, partition)
        assert [record.offset for record in records] == list(range(len(records)))
        times = [record.log_time for record in records]
        assert times == sorted(times)


def test_a_reader_follows_a_writer_in_another_process(tmp_path: Path) -> None:
    options = {"segment_bytes": 500_000, "min_free_bytes": 0}
    log = LocalLog(tmp_path / "log", 4, **options)
    reader = log.reader()
    worker = start(
        {
            "directory": str(tmp_path / "log"),
            "acks": str(tmp_path / "acks"),
            "name": "w",
            "count": 2000,
            "options": options,
        }
    )
    positions = [0] * 4
    deadline = time.monotonic() + WAIT_S
    quiet = 0
    while sum(positions) < 2000:
        assert time.monotonic() < deadline, f"stuck at {positions}"
        if not reader.changed():
            quiet += 1
            time.sleep(0.001)
            continue
        for partition in range(4):
            for record in read_all(reader, partition, positions[partition]):
                assert record.offset == positions[partition]
                positions[partition] += 1
    finish(worker)
    assert quiet, "changed never said no"


def hold_write_lock(log: LocalLog) -> sqlite3.Connection:
    """What another process in the middle of a commit does."""
    path = files.segment_path(log.options.directory, files.newest_segment(log.options.directory))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_full_queue_refuses_at_once_and_recovers(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, queue_bytes=100_000, busy_s=WAIT_S)
    appender = log.appender()
    other = hold_write_lock(log)
    futures: list[Future[None]] = []
    started = time.monotonic()
    with pytest.raises(LogFull) as refused:  # noqa: PT012 - which append fails is not known
        while len(futures) < 1000:
            futures.append(appender.append([(0, b"x" * 1000)]))
    assert time.monotonic() - started < 1
    assert refused.value.retry_after_s > 0
    assert 50 < len(futures) < 100
    other.execute("ROLLBACK")
    for future in futures:
        future.result(WAIT_S)
    appender.append([(0, b"room again")]).result(WAIT_S)
    appender.close(WAIT_S)
    assert len(read_all(log.reader(), 0)) == len(futures) + 1


def test_tiny_records_fill_the_queue_too(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, queue_bytes=100_000)
    appender = log.appender()
    with pytest.raises(ValueError, match="in one append"):
        appender.append([(0, b"")] * 1000)
    appender.close(WAIT_S)


def test_a_lock_held_too_long_fails_the_append(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, busy_s=0.1)
    appender = log.appender()
    other = hold_write_lock(log)
    with pytest.raises(LogFull, match="locked"):
        appender.append([(0, b"x")]).result(WAIT_S)
    other.execute("ROLLBACK")
    appender.append([(0, b"y")]).result(WAIT_S)
    appender.close(WAIT_S)
    assert [record.value for record in read_all(log.reader(), 0)] == [b"y"]


def test_close_does_not_hang_and_fails_what_is_left(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, busy_s=2.0, commit_bytes=1000)
    appender = log.appender()
    other = hold_write_lock(log)
    futures = [appender.append([(0, b"x" * 900)]) for _ in range(5)]
    appender.close(0.1)
    for future in futures[1:]:
        assert isinstance(future.exception(WAIT_S), LogFull)
    other.execute("ROLLBACK")
    assert futures[0].exception(WAIT_S) is None  # it was in the running commit


def test_a_failing_callback_does_not_stop_the_others(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0)

    def on_done(tokens: list[Any], error: LogFull | None) -> None:
        raise RuntimeError("the loop is closed")

    appender = log.appender(on_done=on_done)
    appender.submit([(0, b"a")], None)
    appender.append([(0, b"b")]).result(WAIT_S)
    appender.close(WAIT_S)
    assert len(read_all(log.reader(), 0)) == 2


def test_a_bug_in_the_writer_is_heard_by_who_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0)
    heard: list[BaseException] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: heard.append(args.exc_value))
    appender = log.appender()
    with pytest.raises(LogFull):
        appender.append([(0, "no bytes")]).result(WAIT_S)  # type: ignore[list-item] # the bug
    wait_for(lambda: bool(heard))
    with pytest.raises(LogFull, match="restart"):
        appender.append([(0, b"x")])
    appender.close(WAIT_S)


def test_the_successor_of_a_sealed_segment_is_made_by_whoever_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, segment_bytes=1)
    with monkeypatch.context() as patched:

        def no_room(*args: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(segment, "create", no_room)
        appender = log.appender()
        appender.append([(0, b"a")]).result(WAIT_S)
        with pytest.raises(LogFull, match="No space left"):
            appender.append([(0, b"b")]).result(WAIT_S)
        assert files.segment_numbers(tmp_path / "log") == [1]
        reader = log.reader()
        assert reader.read(0, 1, 1, 1) == []
        assert reader.bounds(0) == (0, 1)
    appender.append([(0, b"c")]).result(WAIT_S)
    appender.close(WAIT_S)
    assert [(r.offset, r.value) for r in read_all(log.reader(), 0)] == [(0, b"a"), (1, b"c")]


def test_another_number_of_partitions_says_what_to_do(tmp_path: Path) -> None:
    LocalLog(tmp_path / "log", 4)
    with pytest.raises(WrongLogError, match="FOOTFALL_PARTITIONS=4"):
        LocalLog(tmp_path / "log", 5)


def test_polling_costs_next_to_nothing(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log", 4, min_free_bytes=0)
    reader = log.reader()
    reader.changed()
    started = time.process_time()
    for _ in range(1000):
        assert not reader.changed()
    assert (time.process_time() - started) / 1000 * 5 * 20 < 0.01, "5 partitions, 20 times a second: above 1 %"


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    LocalLog(tmp_path / "log" / "test.raw", 1)
    assert os.stat(tmp_path / "log" / "test.raw").st_mode & 0o077 == 0

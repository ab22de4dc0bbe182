"""What every event log must do: subclass `EventLogContract`, give it a `log` fixture.

The log has 4 partitions, is empty, and `reopen(log)` opens the same one again as another
process would.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from eventlog.protocol import Appender, EventLog, Lag, LogFull, LogRecord, OffsetLost, Reader

WAIT_S = 20.0


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Poll until true; an error after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def read_all(reader: Reader, partition: int, offset: int = 0, limit: int = 100) -> list[LogRecord]:
    """Everything from `offset` on."""
    records: list[LogRecord] = []
    while batch := reader.read(partition, offset, limit, 1 << 20):
        records += batch
        offset = batch[-1].offset + 1
    return records


class EventLogContract:
    """The suite."""

    @pytest.fixture
    def log(self) -> EventLog:
        raise NotImplementedError

    def reopen(self, log: EventLog) -> EventLog:
        raise NotImplementedError

    @pytest.fixture
    def appender(self, log: EventLog) -> Iterator[Appender]:
        appender = log.appender()
        yield appender
        appender.close(WAIT_S)

    @pytest.fixture
    def reader(self, log: EventLog) -> Iterator[Reader]:
        reader = log.reader()
        yield reader
        reader.close()

    def test_empty_log_reads_nothing(self, reader: Reader) -> None:
        assert reader.read(0, 0, 10, 1000) == []
        assert reader.bounds(3) == (0, 0)

    def test_records_come_back_in_order_of_append(self, appender: Appender, reader: Reader) -> None:
        futures = [appender.append([(n % 4, b"%d" % n)]) for n in range(1000)]
        for future in futures:
            future.result(WAIT_S)
        for partition in range(4):
            records = read_all(reader, partition)
            assert [record.value for record in records] == [b"%d" % n for n in range(partition, 1000, 4)]
            assert {record.partition for record in records} == {partition}
            assert all(a.offset < b.offset for a, b in pairwise(records))

    def test_one_append_may_span_partitions(self, appender: Appender, reader: Reader) -> None:
        appender.append([(0, b"a"), (2, b"b"), (0, b"c"), (2, b"")]).result(WAIT_S)
        assert [record.value for record in read_all(reader, 0)] == [b"a", b"c"]
        assert [record.value for record in read_all(reader, 1)] == []
        assert [record.value for record in read_all(reader, 2)] == [b"b", b""]

    def test_an_append_of_nothing_succeeds(self, appender: Appender) -> None:
        assert appender.append([]).result(WAIT_S) is None

    def test_unknown_partition_is_refused(self, appender: Appender, reader: Reader) -> None:
        with pytest.raises(ValueError, match="partition 4"):
            appender.append([(4, b"x")])
        with pytest.raises(ValueError, match="partition 4"):
            reader.read(4, 0, 1, 1)

    def test_durable_across_reopen(self, log: EventLog) -> None:
        for round_ in range(3):
            opened = self.reopen(log)
            appender = opened.appender()
            appender.append([(1, b"round %d" % round_)]).result(WAIT_S)
            appender.close(WAIT_S)
        reader = self.reopen(log).reader()
        assert [record.value for record in read_all(reader, 1)] == [b"round 0", b"round 1", b"round 2"]
        reader.close()

    def test_limits_bound_a_read_but_one_record_always_comes(self, appender: Appender, reader: Reader) -> None:
        appender.append([(0, bytes([n]) * 1000) for n in range(20)]).result(WAIT_S)
        assert len(reader.read(0, 0, 7, 1 << 20)) == 7
        assert len(reader.read(0, 0, 100, 3500)) == 3
        assert len(reader.read(0, 0, 100, 1)) == 1
        assert len(reader.read(0, 19, 100, 1 << 20)) == 1

    def test_reading_starts_anywhere_and_repeats(self, appender: Appender, reader: Reader) -> None:
        for n in range(30):
            appender.append([(0, b"%d" % n)]).result(WAIT_S)
        everything = read_all(reader, 0, limit=4)
        for record in reversed(everything):
            assert reader.read(0, record.offset, 1, 1000) == [record]
        assert read_all(reader, 0, limit=1000) == everything

    def test_log_time_never_runs_backwards(self, appender: Appender, reader: Reader) -> None:
        for n in range(50):
            appender.append([(0, b"%d" % n)]).result(WAIT_S)
        times = [record.log_time for record in read_all(reader, 0)]
        assert times == sorted(times)
        assert times[0] > 1_500_000_000_000

    def test_offset_beyond_the_end_is_lost(self, appender: Appender, reader: Reader) -> None:
        appender.append([(0, b"x")]).result(WAIT_S)
        _, end = reader.bounds(0)
        assert reader.read(0, end, 1, 1) == []
        with pytest.raises(OffsetLost):
            reader.read(0, end + 5, 1, 1)

    def test_bounds_move_with_appends(self, appender: Appender, reader: Reader) -> None:
        first, end = reader.bounds(2)
        appender.append([(2, b"x"), (2, b"y")]).result(WAIT_S)
        assert reader.bounds(2)[0] == first
        assert reader.bounds(2)[1] >= end + 2

    def test_threads_keep_their_own_order(self, log: EventLog, appender: Appender, reader: Reader) -> None:
        def work(thread: int) -> None:
            futures = [appender.append([(n % 4, b"%d %d" % (thread, n))]) for n in range(300)]
            for future in futures:
                future.result(WAIT_S)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        for partition in range(4):
            seen: dict[bytes, list[int]] = {}
            for record in read_all(reader, partition):
                who, n = record.value.split()
                seen.setdefault(who, []).append(int(n))
            assert seen == {b"%d" % who: list(range(partition, 300, 4)) for who in range(5)}

    def test_submissions_are_done_in_batches(self, log: EventLog, reader: Reader) -> None:
        done: list[Any] = []
        calls = 0
        all_done = threading.Event()

        def on_done(tokens: list[Any], error: LogFull | None) -> None:
            nonlocal calls
            assert error is None
            calls += 1
            done.extend(tokens)
            if len(done) == 500:
                all_done.set()

        appender = log.appender(on_done=on_done)
        for n in range(500):
            appender.submit([(n % 4, b"%d" % n)], n)
        assert all_done.wait(WAIT_S)
        appender.close(WAIT_S)
        assert sorted(done) == list(range(500))
        assert calls < 500
        assert sum(len(read_all(reader, partition)) for partition in range(4)) == 500

    def test_submit_needs_on_done(self, appender: Appender) -> None:
        with pytest.raises(ValueError, match="on_done"):
            appender.submit([(0, b"x")], 1)

    def test_close_writes_what_is_queued_and_then_refuses(self, log: EventLog, reader: Reader) -> None:
        appender = log.appender()
        futures = [appender.append([(0, b"%d" % n)]) for n in range(200)]
        appender.close(WAIT_S)
        assert all(future.done() and future.exception() is None for future in futures)
        assert len(read_all(reader, 0)) == 200
        with pytest.raises(LogFull):
            appender.append([(0, b"x")])
        appender.close(WAIT_S)

    def test_positions_are_kept_per_group(self, log: EventLog, reader: Reader) -> None:
        assert reader.committed("flow", 0) is None
        reader.commit("flow", 0, 3)
        reader.commit("flow", 1, 4)
        reader.commit("flow", 0, 5)
        other = self.reopen(log).reader()
        # At once or soon: with Kafka the commit goes out in the background.
        wait_for(lambda: (other.committed("flow", 0), other.committed("flow", 1)) == (5, 4))
        assert other.committed("other", 0) is None
        other.close()

    def test_lag_counts_records_not_read(self, appender: Appender, reader: Reader) -> None:
        appender.append([(0, b"%d" % n) for n in range(10)]).result(WAIT_S)
        assert [lag.records for lag in reader.lag("flow")] == [10, 0, 0, 0]
        reader.commit("flow", 0, read_all(reader, 0)[3].offset)
        assert reader.lag("flow")[0].records == 7
        reader.commit("flow", 0, reader.bounds(0)[1])
        assert reader.lag("flow")[0] == Lag(0, 0, 0)

    def test_changed_never_misses_an_append(self, appender: Appender, reader: Reader) -> None:
        assert reader.changed()
        for n in range(50):
            read_all(reader, 0)
            reader.changed()
            appender.append([(0, b"%d" % n)]).result(WAIT_S)
            wait_for(reader.changed, WAIT_S)
        assert len(read_all(reader, 0)) == 50

    def test_what_a_read_of_another_partition_met_is_told_too(self, appender: Appender, reader: Reader) -> None:
        reader.read(0, 0, 1, 1)
        reader.read(1, 0, 1, 1)
        reader.changed()
        appender.append([(0, b"zero"), (1, b"one")]).result(WAIT_S)
        wait_for(lambda: bool(reader.read(0, 0, 9, 1 << 20)), WAIT_S)
        at_one: list[LogRecord] = []

        def look() -> bool:
            if reader.changed():
                at_one.extend(reader.read(1, 0, 9, 1 << 20))
            return bool(at_one)

        wait_for(look, WAIT_S)
        assert [record.value for record in at_one] == [b"one"]

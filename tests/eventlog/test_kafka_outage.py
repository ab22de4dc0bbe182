"""Brokers that die, stand still, or whose disk is damaged."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from eventlog.protocol import (
    LogDamaged,
    LogFull,
    LogRecord,
    Reader,
)
from tests.eventlog.contract import WAIT_S, read_all, wait_for
from tests.eventlog.kafka_topics import append, made, partition_of
from tests.fixtures.kafka import KafkaCluster, make_cluster


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with make_cluster(tmp_path_factory.mktemp("mortal")) as cluster:
        yield cluster


@pytest.fixture
def mortal(shared: KafkaCluster) -> KafkaCluster:
    """A server that the test may kill or pause; the next one finds it at work."""
    [broker] = shared.brokers
    if broker.running:
        broker.resume()
        broker.wait_until_ready()
    else:
        broker.start()
    return shared


@pytest.fixture
def own(tmp_path: Path) -> Iterator[KafkaCluster]:
    """A server that would not start again after the test."""
    with make_cluster(tmp_path) as cluster:
        yield cluster


def read_until(reader: Reader, partition: int, count: int) -> list[LogRecord]:
    """That many records, however long they take to come."""
    records: list[LogRecord] = []
    deadline = time.monotonic() + 60
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count} records came"
        records += read_all(reader, partition, len(records))
    return records


def test_a_death_of_the_broker_loses_and_repeats_nothing(mortal: KafkaCluster) -> None:
    log = made(mortal, 2, delivery_timeout_s=30.0)
    appender, reader = log.appender(), log.reader()
    read_all(reader, 0)
    futures = [appender.append([(n % 2, b"%d" % n)]) for n in range(200)]
    mortal.brokers[0].kill()
    futures += [appender.append([(n % 2, b"%d" % n)]) for n in range(200, 400)]
    reader.changed()  # neither hangs nor raises
    mortal.brokers[0].restart()
    for future in futures:
        future.result(WAIT_S)
    for partition in range(2):
        records = read_until(reader, partition, 200)
        assert [int(record.value) for record in records] == list(range(partition, 400, 2))
    appender.close(WAIT_S)
    reader.close()


def test_a_batch_that_the_brokers_disk_has_damaged_is_an_error(own: KafkaCluster) -> None:
    log = made(own)
    for value in (b"first", secrets.token_bytes(1000), b"last"):
        append(log, value)
    broker = own.brokers[0]
    broker.stop()
    (segment,) = broker.directory.rglob(f"{log.options.topic}-0/{0:020}.log")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1  # in the middle one, the largest
    segment.write_bytes(data)
    broker.start()
    reader = log.reader()
    first: list[LogRecord] = []

    def has_first() -> bool:
        first[:] = reader.read(0, 0, 1, 1)
        return bool(first)

    wait_for(has_first, WAIT_S)  # of a broker that has just started
    assert [record.value for record in first] == [b"first"]
    with pytest.raises(LogDamaged, match="offset 1"):
        wait_for(lambda: bool(reader.read(0, 1, 1, 1)), WAIT_S)
    reader.close()


def test_a_flow_that_starts_while_the_broker_stands_still_reads_on_afterwards(mortal: KafkaCluster) -> None:
    log = made(mortal)
    append(log, b"before")
    partition = partition_of(log)
    mortal.brokers[0].pause()
    assert not list(partition.next_batch())
    mortal.brokers[0].resume()
    wait_for(lambda: bool(partition.next_batch()), WAIT_S)


def test_a_broker_that_is_away_is_told_in_a_line_or_two(
    mortal: KafkaCluster, caplog: pytest.LogCaptureFixture
) -> None:
    log = made(mortal, delivery_timeout_s=2.0)
    appender, reader = log.appender(), log.reader()
    appender.append([(0, b"x")]).result(WAIT_S)
    reader.commit("flow", 0, 1)
    mortal.brokers[0].kill()
    for _ in range(4):
        assert isinstance(appender.append([(0, b"x")]).exception(WAIT_S), LogFull)
        reader.changed()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("eventlog.kafka")]
    assert 1 <= len(lines) <= 4, lines
    began = time.monotonic()
    reader.close()
    assert time.monotonic() - began < 10
    appender.close(WAIT_S)


def test_a_broker_that_is_away_fills_the_queue_and_then_refuses_at_once(mortal: KafkaCluster) -> None:
    log = made(mortal, queue_bytes=100_000, delivery_timeout_s=3.0)
    appender = log.appender()
    appender.append([(0, b"first")]).result(WAIT_S)
    mortal.brokers[0].pause()  # it accepts and never answers
    futures: list[Future[None]] = []
    began = time.monotonic()
    with pytest.raises(LogFull, match="wait for Kafka"):  # noqa: PT012 - which append fails is not known
        while len(futures) < 1000:
            futures.append(appender.append([(0, b"x" * 1000)]))
    assert time.monotonic() - began < 2.5, "it waited for the brokers"
    assert 50 < len(futures) < 100
    for future in futures:
        error = future.exception(WAIT_S)
        assert isinstance(error, LogFull)
        assert error.retry_after_s > 0
    assert time.monotonic() - began < 20
    mortal.brokers[0].resume()
    deadline = time.monotonic() + WAIT_S
    while True:  # a client whose requests timed out connects anew before it goes on
        try:
            appender.append([(0, b"again")]).result(WAIT_S)
        except LogFull:
            assert time.monotonic() < deadline
        else:
            break
    appender.close(WAIT_S)
    reader = log.reader()
    values = [record.value for record in read_all(reader, 0)]
    assert values[0] == b"first"
    assert values[-1] == b"again"
    reader.close()


def test_close_does_not_hang_and_fails_what_is_left(mortal: KafkaCluster) -> None:
    log = made(mortal, delivery_timeout_s=60.0)
    appender = log.appender()
    appender.append([(0, b"first")]).result(WAIT_S)
    mortal.brokers[0].pause()
    futures = [appender.append([(0, b"x")]) for _ in range(5)]
    began = time.monotonic()
    appender.close(0.5)
    assert time.monotonic() - began < 8
    assert all(isinstance(future.exception(WAIT_S), LogFull) for future in futures)

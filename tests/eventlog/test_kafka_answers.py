"""A broker that takes connections and answers nothing, and one whose answers to appends get lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from eventlog.kafka import KafkaLog
from eventlog.kafka.options import KafkaOptions
from eventlog.protocol import Appender, LogFull, LogUnreachable
from tests.eventlog.contract import WAIT_S, read_all, wait_for
from tests.eventlog.kafka_topics import append, made, options_of
from tests.fixtures.kafka import KafkaCluster
from tests.fixtures.kafka_relay import KafkaRelay, relayed

TIMEOUT_S = 1.0


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaCluster, KafkaRelay]]:
    """One server for all tests of this file, and the relay before it."""
    with relayed(tmp_path_factory.mktemp("kafka")) as made_here:
        yield made_here


def append_until_taken(appender: Appender, value: bytes) -> int:
    """As a gateway's clients do; how often it was refused."""
    refused = 0
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            appender.append([(0, value)]).result(WAIT_S)
        except LogFull:
            refused += 1
            assert time.monotonic() < deadline, "it does not recover"
        else:
            return refused


def values_of(log: KafkaLog) -> list[bytes]:
    reader = log.reader()
    try:
        return [record.value for record in read_all(reader, 0)]
    finally:
        reader.close()


def quick(front: tuple[KafkaCluster, KafkaRelay]) -> KafkaLog:
    return made(front[0], delivery_timeout_s=TIMEOUT_S, request_timeout_s=TIMEOUT_S)


def test_what_a_silent_broker_did_not_acknowledge_fails_in_time_and_it_recovers(
    front: tuple[KafkaCluster, KafkaRelay],
) -> None:
    relay, log = front[1], quick(front)
    appender = log.appender()
    append_until_taken(appender, b"before")  # a server's first append takes a while
    relay.silence()
    kept, began = relay.requests_kept, time.monotonic()
    futures: list[Future[None]] = [appender.append([(0, b"%d" % n)]) for n in range(20)]
    assert all(isinstance(future.exception(WAIT_S), LogFull) for future in futures)
    assert time.monotonic() - began < TIMEOUT_S + 2
    assert relay.requests_kept > kept
    relay.speak()
    append_until_taken(appender, b"after")
    appender.close(WAIT_S)
    values = values_of(log)
    assert (values[0], values[-1]) == (b"before", b"after")
    once = [value for value in values if value.isdigit()]
    assert len(once) == len(set(once))


def test_a_reader_neither_hangs_nor_skips_when_the_broker_falls_silent(
    front: tuple[KafkaCluster, KafkaRelay],
) -> None:
    relay, log = front[1], quick(front)
    append(log, b"0", b"1")
    reader = log.reader()
    assert [record.value for record in read_all(reader, 0)] == [b"0", b"1"]
    relay.silence()
    began = time.monotonic()
    while time.monotonic() - began < 2 * TIMEOUT_S:  # longer than the client waits for an answer
        asked = time.monotonic()
        reader.changed()
        assert reader.read(0, 2, 10, 1000) == []
        assert time.monotonic() - asked < 3
    with pytest.raises(LogUnreachable, match=r"Kafka does not answer .*FOOTFALL_KAFKA_BOOTSTRAP"):
        reader.bounds(0)
    relay.speak()
    appender = log.appender()
    append_until_taken(appender, b"2")
    appender.close(WAIT_S)
    wait_for(lambda: [record.value for record in reader.read(0, 2, 10, 1000)] == [b"2"], WAIT_S)
    reader.close()


def test_to_open_the_log_of_a_silent_broker_is_an_error_in_time(front: tuple[KafkaCluster, KafkaRelay]) -> None:
    options: KafkaOptions = options_of(front[0], 1, request_timeout_s=TIMEOUT_S)
    front[1].silence()
    began = time.monotonic()
    try:
        with pytest.raises(LogUnreachable, match="Kafka does not answer"):
            KafkaLog(options)
    finally:
        front[1].cut()
    assert time.monotonic() - began < TIMEOUT_S + 2


def test_an_append_whose_answer_was_lost_is_in_the_log_once(front: tuple[KafkaCluster, KafkaRelay]) -> None:
    """The connection ends within the time an append has: it is tried again by the client itself."""
    relay, log = front[1], made(front[0], delivery_timeout_s=30.0)
    appender = log.appender()
    appender.append([(0, b"first")]).result(WAIT_S)
    wanted = [b"first"]
    for _ in range(3):
        lost = relay.answers_lost
        relay.lose_answers()
        values = [b"%d" % (len(wanted) + n) for n in range(50)]
        futures = []
        for value in values:
            futures.append(appender.append([(0, value)]))
            time.sleep(0.005)  # several requests are on their way, not one
        wait_for(lambda lost=lost: relay.answers_lost >= lost + 2, WAIT_S)  # type: ignore[misc]
        relay.cut()
        for future in futures:
            future.result(WAIT_S)
        wanted += values
    appender.close(WAIT_S)
    assert values_of(log) == wanted


def test_answers_lost_for_longer_than_an_append_may_take(front: tuple[KafkaCluster, KafkaRelay]) -> None:
    """Then nobody knows what is in the log. Who appends again may have it there twice, and no more often
    than he appended; who does not, once at most."""
    relay, log = front[1], quick(front)
    appender = log.appender()
    append_until_taken(appender, b"first")
    relay.lose_answers()
    futures = {b"%d" % n: appender.append([(0, b"%d" % n)]) for n in range(20)}
    assert all(isinstance(future.exception(WAIT_S), LogFull) for future in futures.values())
    relay.cut()
    again = {value: 1 + append_until_taken(appender, value) for value in list(futures)[:10]}
    appender.close(WAIT_S)
    values = values_of(log)
    for value in futures:
        assert bool(value in again) <= values.count(value) <= 1 + again.get(value, 0), (value, values)

"""The log on a real Apache Kafka: the contract, and what only it promises."""

from __future__ import annotations

import secrets
import time

import pytest
from confluent_kafka import Producer

from eventlog.kafka import KafkaLog
from eventlog.kafka.topic import ensure_topic
from eventlog.protocol import EventLog, LogUnreachable, OffsetLost
from tests.eventlog.contract import WAIT_S, EventLogContract, read_all, wait_for
from tests.eventlog.kafka_topics import POLICY, append, delete_before, delete_topic, made, options_of, partition_of
from tests.fixtures.kafka import KafkaCluster
from tests.fixtures.store import free_port


class TestContract(EventLogContract):
    """With the settings of production, but one replica."""

    @pytest.fixture
    def log(self, kafka: KafkaCluster) -> EventLog:
        return made(kafka, 4)

    def reopen(self, log: EventLog) -> EventLog:
        assert isinstance(log, KafkaLog)
        return KafkaLog(log.options)


def test_a_missing_topic_says_what_to_do(kafka: KafkaCluster) -> None:
    with pytest.raises(LogUnreachable, match="footfall migrate"):
        KafkaLog(options_of(kafka))


def test_brokers_that_are_away_are_said_to_be_within_the_timeout() -> None:
    nowhere = KafkaCluster(bootstrap=f"127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(LogUnreachable, match="FOOTFALL_KAFKA_BOOTSTRAP"):
        KafkaLog(options_of(nowhere, request_timeout_s=1.0))
    assert time.monotonic() - began < 5


def test_what_retention_took_is_lost_loudly(kafka: KafkaCluster) -> None:
    log = made(kafka)
    append(log, *(b"%d" % n for n in range(10)))
    delete_before(kafka, log, 4)
    reader = log.reader()
    assert reader.bounds(0) == (4, 10)
    with pytest.raises(OffsetLost, match="begins at 4: 3 is gone"):
        reader.read(0, 3, 1, 1)
    assert [record.offset for record in read_all(reader, 0, 4)] == [4, 5, 6, 7, 8, 9]
    reader.close()


def test_what_retention_takes_from_under_a_reader_is_lost_loudly(kafka: KafkaCluster) -> None:
    # Thirty records of 1 MiB do not fit into what is read ahead: some are asked for when they are gone.
    log = made(kafka, buffer_bytes=1 << 20)
    append(log, *(secrets.token_bytes(1 << 20) for _ in range(30)))
    reader = log.reader()
    assert len(reader.read(0, 0, 1, 1)) == 1
    delete_before(kafka, log, 30)
    append(log, b"later")
    offset = 1

    def go_on() -> bool:
        nonlocal offset
        for record in reader.read(0, offset, 10, 1 << 24):
            assert record.offset == offset, "records were skipped"
            offset += 1
        return False

    with pytest.raises(OffsetLost):
        wait_for(go_on, WAIT_S)
    assert offset < 30
    reader.close()


def test_a_flow_that_has_read_all_hears_that_the_topic_was_made_anew(kafka: KafkaCluster) -> None:
    log = made(kafka)
    append(log, *(b"%d" % n for n in range(20)))
    partition = partition_of(log)
    wait_for(lambda: not partition.next_batch() and partition.snapshot() == 20, WAIT_S)
    delete_topic(kafka, log)
    wait_for(lambda: ensure_topic(log.options, POLICY) != [], WAIT_S)
    append(log, b"another log")
    with pytest.raises(OffsetLost, match="made anew"):
        wait_for(lambda: bool(partition.next_batch()), 60)


@pytest.mark.drill  # the client library gives a topic half a minute to be there again
def test_a_flow_whose_topic_was_deleted_says_so(kafka: KafkaCluster, caplog: pytest.LogCaptureFixture) -> None:
    log = made(kafka)
    append(log, b"x")
    partition = partition_of(log)
    wait_for(lambda: bool(partition.next_batch()), WAIT_S)
    delete_topic(kafka, log)
    wait_for(lambda: not partition.next_batch() and "footfall migrate" in caplog.text, 60)


def test_the_marks_of_transactions_are_no_records(kafka: KafkaCluster) -> None:
    log = made(kafka)
    producer = Producer(kafka.config({"transactional.id": secrets.token_hex(4), "log_level": 0}))
    producer.init_transactions(WAIT_S)
    for n in range(3):
        producer.begin_transaction()
        producer.produce(log.options.topic, b"%d" % n, partition=0)
        producer.commit_transaction(WAIT_S)
    reader = log.reader()
    began = time.monotonic()
    assert [record.value for record in read_all(reader, 0)] == [b"0", b"1", b"2"]
    assert reader.read(0, 5, 1, 1) == []
    assert time.monotonic() - began < 1.9, "it waited for a record that will not come"
    reader.close()


def test_a_record_of_two_megabytes_passes(kafka: KafkaCluster) -> None:
    log = made(kafka)
    value = secrets.token_bytes(2 << 20)
    append(log, value)
    reader = log.reader()
    assert [record.value for record in read_all(reader, 0)] == [value]
    reader.close()


@pytest.mark.drill
def test_what_nobody_reads_takes_bounded_memory(kafka: KafkaCluster) -> None:
    log = made(kafka, 2, buffer_bytes=200_000)
    value = secrets.token_bytes(10_000)  # what cannot be compressed
    for partition in (0, 1):
        for _ in range(3):
            append(log, *[value] * 1000, partition=partition)
    reader = log.reader()
    reader.read(1, 0, 1, 1)  # from here on both are fetched
    assert len(read_all(reader, 0)) == 3000
    waiting = reader._buffers[1]
    assert waiting.paused
    assert waiting.bytes < 15_000_000, "the whole partition is in memory"
    assert len(read_all(reader, 1, 700)) == 2300  # beginning elsewhere while it is held
    assert len(read_all(reader, 1, 1)) == 2999
    reader.close()


def test_lag_in_milliseconds_of_log_time(kafka: KafkaCluster) -> None:
    log = made(kafka)
    append(log, b"first")
    time.sleep(0.3)  # what is measured
    append(log, b"second")
    reader = log.reader()
    (lag,) = reader.lag("flow")
    assert lag.records == 2
    assert 250 < lag.ms < 10_000
    reader.close()


def test_a_record_that_no_topic_takes_is_refused_for_good(kafka: KafkaCluster) -> None:
    log = made(kafka)
    appender = log.appender()
    with pytest.raises(ValueError, match="topics take"):
        appender.append([(0, bytes(5 << 20))])
    appender.append([(0, b"the next one")]).result(WAIT_S)
    appender.close(WAIT_S)

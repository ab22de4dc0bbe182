"""The log on a real Apache Kafka: the contract, and what only it promises."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from eventlog.kafka import KafkaLog, KafkaOptions
from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.topic import TopicPolicy, ensure_topic
from eventlog.protocol import EventLog, LogDamaged, LogFull, LogUnreachable, OffsetLost, WrongLogError
from flows.items import PartitionKey
from flows.source import LogPartition, Quiet, StageReader
from tests.eventlog.contract import WAIT_S, EventLogContract, read_all, wait_for
from tests.fixtures.kafka import KafkaCluster, make_cluster
from tests.fixtures.store import free_port

USERS = {"admin": "adminsecret", "footfall": "usersecret"}
GUARDED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",  # the brokers among themselves are nobody else
}
POLICY = TopicPolicy(replication=1, retention_ms=3_600_000, retention_bytes=1 << 30)


def options_of(kafka: KafkaCluster, partitions: int = 4, **options: Any) -> KafkaOptions:
    """A topic of its own, not made yet."""
    topic = f"test-{secrets.token_hex(4)}.raw"
    client = options.pop("client", kafka.config())
    return KafkaOptions(topic=topic, partitions=partitions, client=client, group_prefix=f"{topic}-", **options)


def made(kafka: KafkaCluster, partitions: int = 1, **options: Any) -> KafkaLog:
    """A topic of its own."""
    found = options_of(kafka, partitions, **options)
    ensure_topic(found, POLICY)
    return KafkaLog(found)


def append(log: EventLog, *values: bytes, partition: int = 0) -> None:
    appender = log.appender()
    appender.append([(partition, value) for value in values]).result(WAIT_S)
    appender.close(WAIT_S)


def delete_before(kafka: KafkaCluster, log: KafkaLog, offset: int) -> None:
    """As retention does it."""
    admin = AdminClient(kafka.config())  # has to live until the answer is there
    for future in admin.delete_records([TopicPartition(log.options.topic, 0, offset)]).values():
        future.result(WAIT_S)


def partition_of(log: KafkaLog, offset: int = 0) -> LogPartition:
    """As the flow reads it."""
    stop = threading.Event()
    return LogPartition(PartitionKey("test", 0), StageReader(log.reader()), offset, stop, Quiet(stop, 1))


def delete_topic(kafka: KafkaCluster, log: KafkaLog) -> None:
    admin = AdminClient(kafka.config())
    admin.delete_topics([log.options.topic])[log.options.topic].result(WAIT_S)


class TestContract(EventLogContract):
    """With the settings of production, but one replica."""

    @pytest.fixture
    def log(self, kafka: KafkaCluster) -> EventLog:
        return made(kafka, 4)

    def reopen(self, log: EventLog) -> EventLog:
        assert isinstance(log, KafkaLog)
        return KafkaLog(log.options)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[KafkaCluster]:
    """Servers that the test may kill."""
    with make_cluster(tmp_path) as cluster:
        yield cluster


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
        records = read_all(reader, partition)
        wait_for(lambda p=partition, r=records: bool(r.extend(read_all(reader, p, len(r))) or len(r) == 200))  # type: ignore[misc]
        assert [int(record.value) for record in records] == list(range(partition, 400, 2))
    appender.close(WAIT_S)
    reader.close()


def test_a_batch_that_the_brokers_disk_has_damaged_is_an_error(mortal: KafkaCluster) -> None:
    log = made(mortal)
    for value in (b"first", secrets.token_bytes(1000), b"last"):
        append(log, value)
    broker = mortal.brokers[0]
    broker.stop()
    (segment,) = broker.directory.rglob(f"{log.options.topic}-0/{0:020}.log")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1  # in the middle one, the largest
    segment.write_bytes(data)
    broker.start()
    reader = log.reader()
    assert [record.value for record in reader.read(0, 0, 1, 1)] == [b"first"]
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


def test_a_wrong_password_is_said_and_not_shown(tmp_path: Path) -> None:
    with make_cluster(tmp_path, sasl={"footfall": "right"}, tls=True) as cluster:
        log = made(cluster)
        append(log, b"x")
        wrong = {**cluster.config(), "sasl.password": "wrongsecret"}
        with pytest.raises(LogUnreachable, match="FOOTFALL_KAFKA_PASSWORD") as refused:
            KafkaLog(options_of(cluster, client=wrong, request_timeout_s=5.0))
        assert "wrongsecret" not in str(refused.value)
        assert "wrongsecret" not in repr(options_of(cluster, client=wrong))


def test_a_user_who_may_not_write_is_told_and_can_once_they_may(tmp_path: Path) -> None:
    """A refusal is fatal to the client: it has to be made anew."""
    with make_cluster(tmp_path, sasl=USERS, properties=GUARDED) as cluster:
        own = {**cluster.config(), "sasl.username": "footfall", "sasl.password": USERS["footfall"]}
        options = options_of(cluster, 1, client=own)
        ensure_topic(replace(options, client=cluster.config()), POLICY)
        appender = KafkaAppender(options, None)
        error = appender.append([(0, b"x")]).exception(WAIT_S)
        assert isinstance(error, LogFull)
        assert "docs/kafka.md" in str(error)
        grant(cluster, options)

        def can() -> bool:
            return appender.append([(0, b"x")]).exception(WAIT_S) is None

        wait_for(can, 60)
        appender.close(WAIT_S)


def test_a_certificate_that_cannot_be_read_is_named(kafka: KafkaCluster) -> None:
    client = {**kafka.config(), "security.protocol": "SSL", "ssl.ca.location": "/nowhere/ca.pem"}
    with pytest.raises(WrongLogError, match="FOOTFALL_KAFKA_CA_FILE"):
        KafkaLog(options_of(kafka, client=client))


def test_a_record_that_no_topic_takes_is_refused_for_good(kafka: KafkaCluster) -> None:
    log = made(kafka)
    appender = log.appender()
    with pytest.raises(ValueError, match="topics take"):
        appender.append([(0, bytes(5 << 20))])
    appender.append([(0, b"the next one")]).result(WAIT_S)
    appender.close(WAIT_S)


def test_the_permissions_that_the_documentation_lists_suffice(tmp_path: Path) -> None:
    with make_cluster(tmp_path, sasl=USERS, properties=GUARDED) as cluster:
        own = {**cluster.config(), "sasl.username": "footfall", "sasl.password": USERS["footfall"]}
        options = options_of(cluster, client=own)
        with pytest.raises(LogUnreachable, match=r"docs/kafka\.md"):
            ensure_topic(options, POLICY)
        grant(cluster, options)
        ensure_topic(options, POLICY)
        assert ensure_topic(options, replace(POLICY, retention_ms=2 * POLICY.retention_ms)) != []
        log = KafkaLog(options)
        append(log, b"x")
        reader = log.reader()
        assert len(read_all(reader, 0)) == 1
        reader.commit("flow", 0, 1)
        wait_for(lambda: reader.committed("flow", 0) == 1, WAIT_S)
        reader.close()


def grant(cluster: KafkaCluster, options: KafkaOptions) -> None:
    """As docs/kafka.md says."""
    to_topic = ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "READ", "WRITE")
    topic = [(ResourceType.TOPIC, options.topic, ResourcePatternType.LITERAL, one) for one in to_topic]
    group = (ResourceType.GROUP, options.group_prefix, ResourcePatternType.PREFIXED, "READ")
    bindings = [
        AclBinding(kind, name, pattern, "User:footfall", "*", AclOperation[one], AclPermissionType.ALLOW)
        for kind, name, pattern, one in [*topic, group]
    ]
    admin = AdminClient(cluster.config())
    for future in admin.create_acls(bindings).values():
        future.result(WAIT_S)

"""Topics of a test's own, and what happens to them."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from eventlog.kafka import KafkaLog, KafkaOptions
from eventlog.kafka.topic import TopicPolicy, ensure_topic
from eventlog.protocol import EventLog
from flows.items import PartitionKey
from flows.source import LogPartition, Quiet, StageReader
from tests.eventlog.contract import WAIT_S
from tests.fixtures.kafka import KafkaCluster

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

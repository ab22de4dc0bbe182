"""The log on a real Apache Kafka: the contract, and what only it promises."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from eventlog.kafka import KafkaLog, KafkaOptions
from eventlog.kafka.topic import TopicPolicy, ensure_topic
from eventlog.protocol import EventLog
from tests.eventlog.contract import EventLogContract
from tests.fixtures.kafka import KafkaCluster

POLICY = TopicPolicy(replication=1, retention_ms=3_600_000, retention_bytes=1 << 30)


def options_of(kafka: KafkaCluster, topic: str = "", partitions: int = 4, **options: object) -> KafkaOptions:
    """A topic of its own, not made yet."""
    topic = topic or f"test-{secrets.token_hex(4)}.raw"
    return KafkaOptions(
        topic=topic,
        partitions=partitions,
        client={"bootstrap.servers": kafka.bootstrap},
        group_prefix=f"{topic}-",
        **options,  # type: ignore[arg-type] # tests override any of them
    )


class TestContract(EventLogContract):
    """With the settings of production, but one replica."""

    @pytest.fixture
    def log(self, kafka: KafkaCluster) -> Iterator[EventLog]:
        options = options_of(kafka)
        ensure_topic(options, POLICY)
        yield KafkaLog(options)

    def reopen(self, log: EventLog) -> EventLog:
        assert isinstance(log, KafkaLog)
        return KafkaLog(log.options)

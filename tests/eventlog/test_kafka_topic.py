"""`footfall migrate` on Kafka: topics made, checked, and never taken for better than they are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from eventlog.kafka import KafkaLog, KafkaOptions
from eventlog.kafka.admin import Admin
from eventlog.kafka.topic import ensure_topic
from eventlog.protocol import LogUnreachable, WrongLogError
from tests.eventlog.kafka_topics import POLICY, delete_topic, options_of
from tests.fixtures.kafka import KafkaCluster

GOOD = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "4194304", "retention.ms": "-1"}


def configuration(kafka: KafkaCluster, options: KafkaOptions) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, options.topic)
    admin = AdminClient(kafka.config())  # has to live until the answer is there
    found = admin.describe_configs([resource])[resource].result(10)
    return {name: entry.value for name, entry in found.items()}


def make(kafka: KafkaCluster, options: KafkaOptions, config: dict[str, str], partitions: int = 4) -> None:
    """A topic that somebody else made."""
    new = NewTopic(options.topic, num_partitions=partitions, replication_factor=1, config=config)
    admin = AdminClient(kafka.config())
    admin.create_topics([new])[options.topic].result(10)


def test_it_is_made_as_promised_and_then_left_alone(kafka: KafkaCluster) -> None:
    options = options_of(kafka)
    assert ensure_topic(options, POLICY, change=False) == [
        f"topic {options.topic} with 4 partitions and 1 replica(s)"
    ]
    with pytest.raises(LogUnreachable, match="footfall migrate"):
        KafkaLog(options)
    assert ensure_topic(options, POLICY) == [f"topic {options.topic} with 4 partitions and 1 replica(s)"]
    assert KafkaLog(options).partitions == 4
    found = configuration(kafka, options)
    assert found["message.timestamp.type"] == "LogAppendTime"
    assert found["retention.ms"] == str(POLICY.retention_ms)
    assert found["retention.bytes"] == str(POLICY.retention_bytes // 4)
    assert ensure_topic(options, POLICY) == []


def test_retention_is_lengthened_and_never_shortened(kafka: KafkaCluster) -> None:
    options = options_of(kafka)
    ensure_topic(options, POLICY)
    longer = replace(POLICY, retention_ms=2 * POLICY.retention_ms)
    expected = [f"topic {options.topic}: retention.ms={longer.retention_ms}"]
    assert ensure_topic(options, longer, change=False) == expected
    assert configuration(kafka, options)["retention.ms"] == str(POLICY.retention_ms)
    assert ensure_topic(options, longer) == expected
    assert ensure_topic(options, POLICY) == []
    found = configuration(kafka, options)
    assert found["retention.ms"] == str(longer.retention_ms)
    assert found["message.timestamp.type"] == "LogAppendTime"  # the others are as they were


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"message.timestamp.type": "CreateTime"}, "--add-config message.timestamp.type=LogAppendTime"),
        ({"cleanup.policy": "compact"}, "--add-config cleanup.policy=delete"),
        ({"unclean.leader.election.enable": "true"}, "--add-config unclean.leader.election.enable=false"),
        ({"max.message.bytes": "1000"}, "--add-config max.message.bytes=4194304"),
    ],
)
def test_a_topic_that_promises_less_is_told_with_what_to_type(
    kafka: KafkaCluster, config: dict[str, str], complaint: str
) -> None:
    options = options_of(kafka)
    make(kafka, options, GOOD | config)
    with pytest.raises(WrongLogError, match=complaint):
        ensure_topic(options, POLICY)


def test_a_topic_made_anew_is_another(kafka: KafkaCluster) -> None:
    options = options_of(kafka)
    assert Admin(options).identity() == ""
    assert Admin(options).partitions() == 0
    ensure_topic(options, POLICY)
    before = Admin(options).identity()
    assert before.startswith("kafka:")
    assert Admin(replace(options, partitions=7)).identity() == before
    assert Admin(replace(options, partitions=7)).partitions() == options.partitions
    delete_topic(kafka, KafkaLog(options))
    ensure_topic(options, POLICY)
    assert Admin(options).identity() not in ("", before)


def test_another_number_of_partitions_says_what_to_do(kafka: KafkaCluster) -> None:
    options = options_of(kafka)
    make(kafka, options, GOOD, partitions=3)
    with pytest.raises(WrongLogError, match="FOOTFALL_PARTITIONS=3"):
        ensure_topic(options, POLICY)
    with pytest.raises(WrongLogError, match="FOOTFALL_PARTITIONS=3"):
        KafkaLog(options)


def test_fewer_replicas_than_asked_for_are_told(kafka: KafkaCluster) -> None:
    three = replace(POLICY, replication=3)
    options = options_of(kafka)
    with pytest.raises(WrongLogError, match="FOOTFALL_KAFKA_REPLICATION=1"):
        ensure_topic(options, three)
    ensure_topic(options, POLICY)
    with pytest.raises(WrongLogError, match=r"1 replica\(s\), not 3"):
        ensure_topic(options, three)


def test_all_but_one_replica_acknowledge() -> None:
    assert [replace(POLICY, replication=count).min_isr for count in (1, 2, 3, 5)] == [1, 1, 2, 4]

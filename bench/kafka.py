"""A Kafka of our own for benchmarks, of one broker, and a filled topic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from bench.traffic import START_MS, records
from eventlog.kafka.options import MAX_RECORD_BYTES
from eventlog.opening import prepare_log
from footfall.generations import one_generation
from footfall.record import encode
from footfall.settings import Settings
from tests.fixtures.kafka import KafkaCluster, make_cluster

TIMES = "message.timestamp.type"
FOREVER = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": str(MAX_RECORD_BYTES)}


@contextmanager
def kafka(directory: Path) -> Iterator[tuple[KafkaCluster, dict[str, str]]]:
    """The servers, and the settings of a Footfall that uses them."""
    with make_cluster(directory / "kafka") as cluster:
        yield cluster, {"FOOTFALL_KAFKA_BOOTSTRAP": cluster.bootstrap, "FOOTFALL_KAFKA_REPLICATION": "1"}


def prepare(bootstrap: str, data_dir: Path) -> None:
    """Make the topics."""
    settings = Settings(kafka_bootstrap=bootstrap, kafka_replication=1, data_dir=data_dir)
    for stage, partitions in settings.topics().items():
        prepare_log(settings, stage, one_generation(partitions))


def fill_topic(cluster: KafkaCluster, topic: str, partitions: int, events: int, visitors: int) -> None:
    """Write the traffic, each record at its time in the traffic: log time then goes by as it would live.

    The broker keeps the times it is given for this once; from then on it sets its own, as `migrate` asks.
    """
    admin = AdminClient(cluster.config())
    config = FOREVER | {TIMES: "CreateTime", "message.timestamp.before.max.ms": str(2**63 - 1)}
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config)
    admin.create_topics([new])[topic].result(30)
    producer = Producer(cluster.config({"enable.idempotence": True, "linger.ms": 50, "compression.type": "lz4"}))
    for record in records(events, visitors, events_per_second=2_000, start_ms=START_MS):
        partition = record.visitor_id % partitions
        while True:
            try:
                producer.produce(topic, encode(record), partition=partition, timestamp=record.received_at)
                break
            except BufferError:  # the queue is full: let it empty
                producer.poll(0.1)
    assert producer.flush(60) == 0
    entry = ConfigEntry(TIMES, "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)

"""The topic: made and checked by `footfall migrate`.

What a topic promises is looked at each time, since anybody may have made or changed it: a
topic that keeps less than asked for is told with what to do, never taken silently.
"""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from eventlog.kafka.errors import explain
from eventlog.kafka.options import MAX_RECORD_BYTES, KafkaOptions
from eventlog.protocol import LogUnreachable, WrongLogError

UNLIMITED = -1
# Raised by migrate where the topic keeps less; a topic that keeps more is left alone.
RETENTION = ("retention.ms", "retention.bytes")


@dataclass(frozen=True, kw_only=True)
class TopicPolicy:
    """What the topic has to promise."""

    replication: int
    retention_ms: int
    retention_bytes: int  # of the whole topic

    @property
    def min_isr(self) -> int:
        """Copies that an acknowledged record has at least: all but one."""
        return max(1, self.replication - 1)

    def configuration(self, partitions: int) -> dict[str, str]:
        """The topic's properties."""
        return {
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "retention.bytes": str(max(1, self.retention_bytes // partitions)),
            "min.insync.replicas": str(self.min_isr),
            "unclean.leader.election.enable": "false",
            "max.message.bytes": str(MAX_RECORD_BYTES),
        }


def ensure_topic(options: KafkaOptions, policy: TopicPolicy, *, change: bool = True) -> list[str]:
    """Make the topic or lengthen its retention; what was done, or with `change` false what is to be done.

    Raises `WrongLogError` where the topic promises less than the policy in what cannot be
    changed without a person's decision, `LogUnreachable` where Kafka does not answer.
    """
    admin = AdminClient(options.base_config())
    try:
        topic = _described(admin, options)
        if topic is None:
            return _make(admin, options, policy, change)
        short = _check(topic, _configuration(admin, options), options, policy)
        return _lengthen(admin, options, short, change) if short else []
    except KafkaException as error:
        raise LogUnreachable(explain(error.args[0], options.topic)) from None


def _described(admin: AdminClient, options: KafkaOptions) -> TopicMetadata | None:
    topic = admin.list_topics(options.topic, timeout=options.request_timeout_s).topics[options.topic]
    if topic.error is None:
        return topic
    if topic.error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        return None
    raise KafkaException(topic.error)


def _make(admin: AdminClient, options: KafkaOptions, policy: TopicPolicy, change: bool) -> list[str]:
    brokers = len(admin.list_topics(timeout=options.request_timeout_s).brokers)
    if brokers < policy.replication:
        raise WrongLogError(
            f"topic {options.topic} is to have {policy.replication} replicas, Kafka has {brokers} broker(s): start "
            f"more, or set FOOTFALL_KAFKA_REPLICATION={brokers} if losing a broker's disk may lose events"
        )
    done = f"topic {options.topic} with {options.partitions} partitions and {policy.replication} replicas"
    if change:
        new = NewTopic(
            options.topic,
            num_partitions=options.partitions,
            replication_factor=policy.replication,
            config=policy.configuration(options.partitions),
        )
        try:
            admin.create_topics([new], request_timeout=options.request_timeout_s)[options.topic].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another process was quicker
                raise
    return [done]


def _configuration(admin: AdminClient, options: KafkaOptions) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, options.topic)
    found = admin.describe_configs([resource], request_timeout=options.request_timeout_s)[resource].result()
    return {name: entry.value for name, entry in found.items()}


def _check(
    topic: TopicMetadata, found: dict[str, str], options: KafkaOptions, policy: TopicPolicy
) -> dict[str, str]:
    """What `migrate` changes by itself. Raises `WrongLogError` for the rest."""
    wrong = []
    if len(topic.partitions) != options.partitions:
        wrong.append(
            f"it has {len(topic.partitions)} partitions, not {options.partitions}: set "
            f"FOOTFALL_PARTITIONS={len(topic.partitions)}"
        )
    replicas = min(len(partition.replicas) for partition in topic.partitions.values())
    if replicas < policy.replication:
        wrong.append(
            f"it has {replicas} replica(s), not {policy.replication}: reassign its partitions, or set "
            f"FOOTFALL_KAFKA_REPLICATION={replicas}"
        )
    wanted = policy.configuration(options.partitions)
    for name in ("message.timestamp.type", "cleanup.policy", "unclean.leader.election.enable"):
        if found.get(name) != wanted[name]:
            wrong.append(_set(options, name, found.get(name), wanted[name]))
    for name in ("min.insync.replicas", "max.message.bytes"):
        if int(found[name]) < int(wanted[name]):
            wrong.append(_set(options, name, found[name], wanted[name]))
    if wrong:
        raise WrongLogError(f"topic {options.topic} promises less than it must: " + "; ".join(wrong))
    return {name: wanted[name] for name in RETENTION if _is_less(int(found[name]), int(wanted[name]))}


def _set(options: KafkaOptions, name: str, found: str | None, wanted: str) -> str:
    return (
        f"{name} is {found}, not {wanted}: kafka-configs.sh --alter --entity-type topics "
        f"--entity-name {options.topic} --add-config {name}={wanted}"
    )


def _is_less(found: int, wanted: int) -> bool:
    return found != UNLIMITED and found < wanted


def _lengthen(admin: AdminClient, options: KafkaOptions, short: dict[str, str], change: bool) -> list[str]:
    if change:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in short.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, options.topic, incremental_configs=entries)
        admin.incremental_alter_configs([resource], request_timeout=options.request_timeout_s)[resource].result()
    return [f"topic {options.topic}: {name}={value}" for name, value in short.items()]

"""The topic: made and checked by `footfall migrate`.

What a topic promises is looked at each time, since anybody may have made or changed it: a
topic that keeps less than asked for is told with what to do, never taken silently.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._metadata import TopicMetadata
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from eventlog.kafka.admin import Admin
from eventlog.kafka.options import MAX_RECORD_BYTES, KafkaOptions
from eventlog.protocol import LogUnreachable, WrongLogError

UNLIMITED = -1
POLL_S = 0.05
# Raised by migrate where the topic keeps less; a topic that keeps more is left alone.
RETENTION = ("retention.ms", "retention.bytes")
EXACTLY = ("message.timestamp.type", "cleanup.policy", "unclean.leader.election.enable")
AT_LEAST = ("min.insync.replicas", "max.message.bytes")


@dataclass(frozen=True, kw_only=True)
class TopicPolicy:
    """What the topic has to promise."""

    replication: int
    retention_ms: int  # or UNLIMITED, as the next
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
            "retention.bytes": str(
                UNLIMITED if self.retention_bytes == UNLIMITED else max(1, self.retention_bytes // partitions)
            ),
            "min.insync.replicas": str(self.min_isr),
            "unclean.leader.election.enable": "false",
            "max.message.bytes": str(MAX_RECORD_BYTES),
        }


def ensure_topic(options: KafkaOptions, policy: TopicPolicy, *, change: bool = True) -> list[str]:
    """Make the topic or lengthen its retention; what was done, or with `change` false what is to be done.

    Raises `WrongLogError` where the topic promises less than the policy in what cannot be
    changed without a person's decision, `LogUnreachable` where Kafka does not answer.
    """
    admin = Admin(options)
    try:
        topic = admin.topic()
        if topic is None:
            _check_brokers(admin.client, options, policy)
            done = (
                f"topic {options.topic} with {options.partitions} partitions and {policy.replication} replica(s)"
            )
            if not change:
                return [done]
            made = _make(admin.client, options, policy)
            topic = _wait_until_known(admin, options)
            if made:
                return [done]
        short = _check(topic, _configuration(admin.client, options), options, policy)
        return _lengthen(admin.client, options, short, change) if short else []
    except KafkaException as error:
        raise admin.unreachable(error) from None


def _wait_until_known(admin: Admin, options: KafkaOptions) -> TopicMetadata:
    """Brokers hear of a new topic a moment after it is made."""
    deadline = time.monotonic() + options.request_timeout_s
    while (topic := admin.topic()) is None:
        if time.monotonic() > deadline:
            raise LogUnreachable(
                f"Kafka made topic {options.topic} but does not know it: look into the brokers' logs"
            )
        time.sleep(POLL_S)
    return topic


def _check_brokers(admin: AdminClient, options: KafkaOptions, policy: TopicPolicy) -> None:
    brokers = len(admin.list_topics(timeout=options.request_timeout_s).brokers)
    if brokers < policy.replication:
        raise WrongLogError(
            f"topic {options.topic} is to have {policy.replication} replicas, Kafka has {brokers} broker(s): "
            f"start more, or set FOOTFALL_KAFKA_REPLICATION={brokers} if losing a broker's disk may lose events"
        )


def _make(admin: AdminClient, options: KafkaOptions, policy: TopicPolicy) -> bool:
    """Whether it was made by this call, and not by another process that was quicker."""
    new = NewTopic(
        options.topic,
        num_partitions=options.partitions,
        replication_factor=policy.replication,
        config=policy.configuration(options.partitions),
    )
    try:
        admin.create_topics([new], request_timeout=options.request_timeout_s)[options.topic].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


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
    other = [name for name in EXACTLY if found.get(name) != wanted[name]]
    less = [name for name in AT_LEAST if int(found[name]) < int(wanted[name])]
    wrong += [_set(options, name, found.get(name), wanted[name]) for name in other + less]
    if wrong:
        raise WrongLogError(f"topic {options.topic} promises less than it must: " + "; ".join(wrong))
    return {name: wanted[name] for name in RETENTION if _is_less(int(found[name]), int(wanted[name]))}


def _set(options: KafkaOptions, name: str, found: str | None, wanted: str) -> str:
    return (
        f"{name} is {found}, not {wanted}: kafka-configs.sh --alter --entity-type topics "
        f"--entity-name {options.topic} --add-config {name}={wanted}"
    )


def _is_less(found: int, wanted: int) -> bool:
    return found != UNLIMITED and (wanted == UNLIMITED or found < wanted)


def _lengthen(admin: AdminClient, options: KafkaOptions, short: dict[str, str], change: bool) -> list[str]:
    if change:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in short.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, options.topic, incremental_configs=entries)
        admin.incremental_alter_configs([resource], request_timeout=options.request_timeout_s)[resource].result()
    return [f"topic {options.topic}: {name}={value}" for name, value in short.items()]

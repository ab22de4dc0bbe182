"""Which log the settings mean: Kafka where its brokers are named, else the local one.

Which generations it has is kept in the control plane, so whoever opens it says it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventlog.generations import GrownLog
from eventlog.local import LocalLog, files
from eventlog.local import partitions_made as local_partitions
from eventlog.protocol import EventLog
from footfall.generations import Generation, Layout
from footfall.names import OWNER_TOPIC, RAW_TOPIC, topic_name
from footfall.settings import Settings

if TYPE_CHECKING:
    from eventlog.kafka import KafkaOptions

HOUR_MS = 3_600_000
PATIENCE_S = 10.0


def open_log(settings: Settings, stage: str, layout: Layout, *, patience_s: float = PATIENCE_S) -> EventLog:
    """The raw log of a served stage; `patience_s` is for brokers that do not answer.

    The local one is made where there is none; on Kafka `prepare_log` does that. Raises
    `WrongLogError`, and on Kafka `LogUnreachable`.
    """
    served = layout.served
    if len(served) == 1 and served[0].first == 0:
        return open_generation(settings, stage, served[0], patience_s=patience_s)
    return GrownLog(served, lambda one: open_generation(settings, stage, one, patience_s=patience_s))


def open_generation(
    settings: Settings, stage: str, generation: Generation, *, patience_s: float = PATIENCE_S
) -> EventLog:
    """One topic of it, with partition numbers of its own. Raises as `open_log` does."""
    if settings.kafka_bootstrap:
        from eventlog.kafka import KafkaLog  # imported where it is used: it takes time and memory

        options = kafka_options(settings, stage, generation)
        return KafkaLog(replace(options, request_timeout_s=patience_s))
    return LocalLog(
        settings.log_dir(stage, generation.number),
        generation.partitions,
        queue_bytes=settings.gateway_queue_bytes,
        retention_ms=int(settings.log_retention_hours * HOUR_MS),
        retention_bytes=settings.log_retention_bytes,
    )


def is_made(settings: Settings, stage: str, layout: Layout) -> bool:
    """Whether there is a log to look into; on Kafka opening it tells."""
    return all(is_generation_made(settings, stage, one) for one in layout.served)


def is_generation_made(settings: Settings, stage: str, generation: Generation) -> bool:
    """The same of one topic."""
    return bool(settings.kafka_bootstrap) or settings.log_dir(stage, generation.number).exists()


def partitions_made(settings: Settings, stage: str, number: int) -> int:
    """How many partitions the topic of a generation was made with, known to the control plane or not; 0 where
    there is none. Raises `LogUnreachable` and `WrongLogError`."""
    if not settings.kafka_bootstrap:
        return local_partitions(settings.log_dir(stage, number))
    from eventlog.kafka.admin import Admin

    return Admin(kafka_options(settings, stage, Generation(number=number, first=0, partitions=1))).partitions()


def log_identity(settings: Settings, stage: str, generation: Generation) -> str:
    """Names this topic and no other: one that is made anew under the same name has another. Empty where
    there is none. Raises `LogUnreachable` and `WrongLogError`."""
    if not settings.kafka_bootstrap:
        return files.identity(settings.log_dir(stage, generation.number))
    from eventlog.kafka.admin import Admin

    return Admin(kafka_options(settings, stage, generation)).identity()


def prepare_log(settings: Settings, stage: str, layout: Layout, *, change: bool = True) -> list[str]:
    """Make and check the served topics on Kafka; what was done, or with `change` false what is to be done.

    Raises `WrongLogError` and `LogUnreachable`. The local log needs nothing.
    """
    if not settings.kafka_bootstrap:
        return []
    from eventlog.kafka.topic import TopicPolicy, ensure_topic

    policy = TopicPolicy(
        replication=settings.kafka_replication,
        retention_ms=int(settings.log_retention_hours * HOUR_MS),
        retention_bytes=settings.log_retention_bytes,
    )
    return [
        step
        for one in layout.served
        for step in ensure_topic(kafka_options(settings, stage, one), policy, change=change)
    ]


def kafka_options(settings: Settings, stage: str, generation: Generation) -> KafkaOptions:
    """How a generation of a stage's raw topic on Kafka is reached."""
    from eventlog.kafka import KafkaOptions

    return KafkaOptions(
        topic=topic_name(stage, RAW_TOPIC, generation.number),
        partitions=generation.partitions,
        client=_connection(settings),
        group_prefix=f"footfall-{stage}-",
        queue_bytes=settings.gateway_queue_bytes,
        delivery_timeout_s=settings.gateway_timeout_seconds,
    )


def owner_topic(settings: Settings, stage: str, *, patience_s: float = PATIENCE_S) -> KafkaOptions:
    """The topic that says which installation a stage's log on Kafka belongs to."""
    from eventlog.kafka import KafkaOptions

    return KafkaOptions(
        topic=topic_name(stage, OWNER_TOPIC),
        partitions=1,
        client=_connection(settings),
        group_prefix=f"footfall-{stage}-",
        request_timeout_s=patience_s,
    )


def _connection(settings: Settings) -> dict[str, str]:
    """librdkafka's properties of a connection."""
    given = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "security.protocol": settings.kafka_security_protocol,
        "ssl.ca.location": str(settings.kafka_ca_file or ""),
        "ssl.certificate.location": str(settings.kafka_certificate_file or ""),
        "ssl.key.location": str(settings.kafka_key_file or ""),
        "ssl.key.password": settings.kafka_key_password,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        given |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_username,
            "sasl.password": settings.kafka_password,
        }
    return {name: value for name, value in given.items() if value}

"""How a topic on Kafka is reached, and how many bytes and seconds everything may take."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

MIB = 1024 * 1024
# What the gateway makes of one request stays below 2 MiB; the broker's default is 1 MiB.
MAX_RECORD_BYTES = 4 * MIB
FETCH_BYTES = MIB

# librdkafka's own lines ("3/3 brokers are down"): on the program's log like everything else.
_logger = logging.getLogger("eventlog.kafka.client")


@dataclass(frozen=True, kw_only=True)
class KafkaOptions:
    """Settings of one topic. Every process that opens it should pass the same."""

    topic: str
    partitions: int
    client: dict[str, str] = field(repr=False)  # librdkafka's properties of the connection, secrets among them
    group_prefix: str  # of the consumer groups whose positions are shown, e.g. "footfall-prod-"
    queue_bytes: int = 64 * MIB  # waiting for the brokers; above it LogFull at once
    delivery_timeout_s: float = 10.0  # after which an append that no broker acknowledged has failed
    request_timeout_s: float = 10.0  # of questions to the brokers: bounds, positions, topics
    buffer_bytes: int = 32 * MIB  # read ahead, twice: by the client library, and of partitions nobody reads

    def __post_init__(self) -> None:
        if not 1 <= self.partitions <= 1024:
            raise ValueError(f"partitions must be 1 to 1024, not {self.partitions}")

    def base_config(self) -> dict[str, Any]:
        """What every client of the topic has in common."""
        return {
            **self.client,
            "client.id": "footfall",
            "logger": _logger,
            "log_level": 2,  # what connections go through is told by `Incidents`, a line an incident
            "allow.auto.create.topics": False,
            "socket.timeout.ms": int(self.request_timeout_s * 1000),
            "reconnect.backoff.ms": 250,
            "reconnect.backoff.max.ms": 2_000,
        }

    def producer_config(self) -> dict[str, Any]:
        """Idempotent and acknowledged by all in-sync replicas: retries neither lose nor repeat nor reorder."""
        return self.base_config() | {
            "acks": "all",
            "enable.idempotence": True,
            "delivery.timeout.ms": int(self.delivery_timeout_s * 1000),
            "linger.ms": 5,
            "compression.type": "lz4",
            "message.max.bytes": MAX_RECORD_BYTES,
            # The appender counts for itself and refuses first: these only have to be larger.
            "queue.buffering.max.kbytes": 2 * self.queue_bytes // 1024 + 1024,
            "queue.buffering.max.messages": 0,
        }

    def consumer_config(self, group: str) -> dict[str, Any]:
        """For explicit positions: no group membership, no commits of its own, no silent skipping."""
        return self.base_config() | {
            "group.id": f"{self.group_prefix}{group}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "check.crcs": True,
            "fetch.wait.max.ms": 100,  # what a new beginning waits for behind the last fetch
            # Of one partition at a time; a larger record comes alone.
            "fetch.message.max.bytes": FETCH_BYTES,
            "queued.max.messages.kbytes": self.buffer_bytes // 1024,
        }

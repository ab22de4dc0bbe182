"""What a client of Kafka tells of its trouble: a line an incident."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError

from eventlog.kafka.errors import explain
from telemetry.incidents import Incident

logger = logging.getLogger(__name__)
QUIET_S = 5.0  # one partition may work and another not
# Of one connection of several: the client goes to another broker. What cannot be done then is told by itself.
_OF_A_CONNECTION = {KafkaError._TRANSPORT, KafkaError._RESOLVE}


class Incidents:
    """The trouble of one client. Thread-safe."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._incident = Incident(logger, quiet_s=QUIET_S, level=logging.ERROR)

    def heard(self, error: KafkaError) -> None:
        """The client library's `error_cb`."""
        if error.code() not in _OF_A_CONNECTION:
            self.tell(explain(error, self._topic))

    def tell(self, text: str) -> None:
        """Something is wrong."""
        self._incident.met(text)

    def over(self) -> None:
        """Something works."""
        self._incident.over(f"topic {self._topic}: Kafka answers again")

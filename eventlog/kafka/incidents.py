"""One line an incident: trouble is told when it begins, now and then while it lasts, and when it is over."""

from __future__ import annotations

import logging
import threading
import time

from confluent_kafka import KafkaError

from eventlog.kafka.errors import explain

logger = logging.getLogger(__name__)
REPEAT_S = 30.0
QUIET_S = 5.0  # without trouble, before it is said to be over: one partition may work and another not
# Of one connection of several: the client goes to another broker. What cannot be done then is told by itself.
_OF_A_CONNECTION = {KafkaError._TRANSPORT, KafkaError._RESOLVE}


class Incidents:
    """The trouble of one client. Thread-safe."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._lock = threading.Lock()
        self._told_at = float("-inf")  # monotonic, as the next
        self._last_at = 0.0
        self._trouble = False

    def heard(self, error: KafkaError) -> None:
        """The client library's `error_cb`."""
        if error.code() not in _OF_A_CONNECTION:
            self.tell(explain(error, self._topic))

    def tell(self, text: str) -> None:
        """Something is wrong."""
        now = time.monotonic()
        with self._lock:
            self._trouble = True
            self._last_at = now
            if now - self._told_at < REPEAT_S:
                return
            self._told_at = now
        logger.error("%s", text)

    def over(self) -> None:
        """Something works."""
        if not self._trouble:
            return
        with self._lock:
            if time.monotonic() - self._last_at < QUIET_S:
                return
            self._trouble = False
        logger.info("topic %s: Kafka answers again", self._topic)

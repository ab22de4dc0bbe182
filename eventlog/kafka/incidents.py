"""One line an incident: trouble is told when it begins, now and then while it lasts, and when it is over."""

from __future__ import annotations

import logging
import threading
import time

from confluent_kafka import KafkaError

from eventlog.kafka.errors import explain

logger = logging.getLogger(__name__)
REPEAT_S = 30.0


class Incidents:
    """The trouble of one client. Thread-safe."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._lock = threading.Lock()
        self._told_at = 0.0  # monotonic; 0: nothing is wrong
        self.fatal = False  # whether the client can do nothing any more

    def heard(self, error: KafkaError) -> None:
        """The client library's `error_cb`."""
        if error.fatal():
            self.fatal = True
        self.tell(explain(error, self._topic))

    def tell(self, text: str) -> None:
        """Something is wrong."""
        now = time.monotonic()
        with self._lock:
            if self._told_at and now - self._told_at < REPEAT_S:
                return
            self._told_at = now
        logger.error("%s", text)

    def over(self) -> None:
        """It works."""
        if not self._told_at:
            return
        with self._lock:
            self._told_at = 0.0
        logger.info("topic %s: Kafka answers again", self._topic)

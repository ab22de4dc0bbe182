"""Questions to the brokers, and positions made visible to Kafka's own tools.

By clients that fetch nothing: a broker answers one connection's requests one after the
other, so behind a fetch that waits for records a question would wait as long.
"""

from __future__ import annotations

import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from eventlog.kafka.errors import explain
from eventlog.kafka.incidents import Incidents
from eventlog.kafka.options import KafkaOptions
from eventlog.protocol import LogUnreachable

RETRY_S = 0.1
CLOSE_S = 2.0  # a client closes only once its commits were answered
# While a topic is new or a partition changes hands.
_PASSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
}
# While a group's coordinator starts or changes.
_NO_COORDINATOR = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}
READER = "reader"  # the group of clients that commit nothing; the library wants one


class Asker:
    """One client for each group, made when it is first needed."""

    def __init__(self, options: KafkaOptions, incidents: Incidents) -> None:
        self._options = options
        self._incidents = incidents
        self._consumers: dict[str, Consumer] = {}

    def bounds(self, partition: int, timeout_s: float) -> tuple[int, int]:
        """(first kept offset, offset the next append will get). Raises `LogUnreachable`."""
        deadline = time.monotonic() + timeout_s
        place = self._place(partition)
        while True:
            left = max(0.0, deadline - time.monotonic())
            try:
                found = self._consumer(READER).get_watermark_offsets(place, timeout=left)
            except KafkaException as error:
                if error.args[0].code() not in _PASSING or left < RETRY_S:
                    raise LogUnreachable(explain(error.args[0], self._options.topic)) from None
                time.sleep(RETRY_S)  # until the brokers agree who leads the partition
                continue
            if found is None:
                raise LogUnreachable(explain(KafkaError(KafkaError._TIMED_OUT), self._options.topic))
            return found

    def commit(self, group: str, partition: int, offset: int) -> None:
        """In the background: who reads does not wait for it."""
        try:
            self._consumer(group).commit(offsets=[self._place(partition, offset)], asynchronous=True)
        except KafkaException as error:
            raise LogUnreachable(explain(error.args[0], self._options.topic)) from None

    def committed(self, group: str, partitions: list[int]) -> dict[int, int | None]:
        """Partition -> the position last committed. Raises `LogUnreachable`."""
        places = [self._place(partition) for partition in partitions]
        deadline = time.monotonic() + self._options.request_timeout_s
        while (error := self._committed(group, places, deadline)) is not None:
            if error.code() not in _NO_COORDINATOR or time.monotonic() > deadline - RETRY_S:
                raise LogUnreachable(explain(error, self._options.topic))
            time.sleep(RETRY_S)  # until the brokers agree who keeps the group
        return {place.partition: place.offset if place.offset >= 0 else None for place in places}

    def _committed(self, group: str, places: list[TopicPartition], deadline: float) -> KafkaError | None:
        """Fill in the places' offsets; what went wrong."""
        try:
            found = self._consumer(group).committed(places, timeout=max(0.0, deadline - time.monotonic()))
        except KafkaException as error:
            told: KafkaError = error.args[0]
            return told
        places[:] = found
        return next((place.error for place in found if place.error is not None), None)

    def serve(self) -> None:
        """Hear what the clients have to tell: refused commits, brokers that are away."""
        for consumer in self._consumers.values():
            consumer.poll(0)

    def close(self) -> None:
        """Send what is on its way, and let go of the connections; a client that cannot is left to itself."""
        for consumer in self._consumers.values():
            thread = threading.Thread(target=consumer.close, name="kafka-close", daemon=True)
            thread.start()
            thread.join(CLOSE_S)
        self._consumers.clear()

    def _on_commit(self, error: KafkaError | None, _places: object) -> None:
        if error is not None:
            self._incidents.tell(explain(error, self._options.topic))

    def _place(self, partition: int, offset: int | None = None) -> TopicPartition:
        place = TopicPartition(self._options.topic, partition)
        if offset is not None:
            place.offset = offset
        return place

    def _consumer(self, group: str) -> Consumer:
        consumer = self._consumers.get(group)
        if consumer is None:
            config = self._options.consumer_config(group) | {
                "error_cb": self._incidents.heard,
                "on_commit": self._on_commit,
            }
            consumer = self._consumers[group] = Consumer(config)
        return consumer

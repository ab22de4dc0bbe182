"""The reading side: partitions assigned by hand at explicit offsets, fetched ahead within a bound.

Nothing is skipped: an offset that retention took, or that was never written, is `OffsetLost`.
Positions are committed to consumer groups only so that Kafka's own tools show the lag.
"""

from __future__ import annotations

import time
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from eventlog.kafka.asking import READER, RETRY_S, Asker
from eventlog.kafka.buffered import Buffered
from eventlog.kafka.errors import explain
from eventlog.kafka.incidents import Incidents
from eventlog.kafka.options import KafkaOptions
from eventlog.protocol import Lag, LogDamaged, LogRecord, LogUnreachable, OffsetLost

MESSAGES = 1_000  # taken from the client library at a time
FETCH_S = 2.0  # how long a read waits for records that are known to be there
PASSING_S = 0.5  # how long a read tries again what passes by itself
AGAIN_S = 1.0  # between two tries to begin with a partition
ASK_S = 2.0  # how long a read waits to learn where a partition ends
_DAMAGE = {KafkaError._BAD_MSG, KafkaError._BAD_COMPRESSION}


class KafkaReader:
    """See `eventlog.protocol.Reader`."""

    def __init__(self, options: KafkaOptions) -> None:
        self.partitions = options.partitions
        self._options = options
        self._topic = options.topic
        self._incidents = Incidents(options.topic)
        config = options.consumer_config(READER) | {"error_cb": self._incidents.heard}
        self._consumer = Consumer(config)
        self._asker = Asker(options, self._incidents)
        self._buffers: dict[int, Buffered] = {}
        self._again_at: dict[int, float] = {}  # partition that did not answer -> when to try again (monotonic)
        self._damaged: tuple[int, int] | None = None  # partition and offset that could not be read
        self._asked = False  # whether `changed` was ever called

    def read(self, partition: int, offset: int, max_records: int, max_bytes: int) -> list[LogRecord]:
        """See `Reader.read`."""
        if not 0 <= partition < self.partitions:
            raise ValueError(f"no partition {partition}: the log has {self.partitions}")
        if max_records < 1 or max_bytes < 1:
            raise ValueError("max_records and max_bytes are at least 1")
        deadline = time.monotonic() + PASSING_S
        while True:
            buffer = self._at(partition, offset)
            if buffer is None:
                return []
            if not buffer:
                self._fetch(buffer)
            if not self._failed(buffer):
                records = buffer.take(max_records, max_bytes)
                self._balance(buffer)
                return records
            if time.monotonic() > deadline:
                self._again_at[partition] = time.monotonic() + AGAIN_S
                return []
            time.sleep(RETRY_S)  # while a partition changes hands, say

    def bounds(self, partition: int) -> tuple[int, int]:
        """See `Reader.bounds`. Raises `LogUnreachable`."""
        return self._asker.bounds(partition, self._options.request_timeout_s)

    def commit(self, group: str, partition: int, offset: int) -> None:
        """See `Reader.commit`: sent in the background."""
        self._asker.commit(group, partition, offset)

    def committed(self, group: str, partition: int) -> int | None:
        """See `Reader.committed`. Raises `LogUnreachable`."""
        return self._asker.committed(group, [partition])[partition]

    def lag(self, group: str) -> list[Lag]:
        """See `Reader.lag`. Raises `LogUnreachable`. For people, not for every second: it reads
        two records of each partition that is behind."""
        other = KafkaReader(self._options)  # this one's buffers are left alone
        try:
            committed = self._asker.committed(group, list(range(self.partitions)))
            return [other._lag(partition, position) for partition, position in committed.items()]
        finally:
            other.close()

    def changed(self) -> bool:
        """See `Reader.changed`: no question to the brokers, only what they have sent by now."""
        first, self._asked = not self._asked, True
        self._asker.serve()
        if any(buffer.news for buffer in self._buffers.values()):
            # Nothing is taken ahead of the reads: buffers that fill up are paused, and what the client
            # library has fetched of a paused partition it throws away and fetches again.
            return True
        self._take(self._consumer.consume(MESSAGES, 0))
        # Also what a read of another partition has taken in, errors, and partitions to be begun again.
        now = time.monotonic()
        begin = any(at <= now for at in self._again_at.values())
        return first or begin or any(buffer.news for buffer in self._buffers.values())

    def close(self) -> None:
        """Let go of the connections."""
        self._asker.close()
        self._consumer.close()

    def _at(self, partition: int, offset: int) -> Buffered | None:
        """What is fetched from `offset` on; None where Kafka does not answer now."""
        buffer = self._buffers.get(partition)
        if buffer is not None and buffer.offset == offset:
            return buffer
        if time.monotonic() < self._again_at.get(partition, 0.0):
            return None  # it did not answer a moment ago: the other partitions must not wait for it
        return self._start(partition, offset)

    def _start(self, partition: int, offset: int) -> Buffered | None:
        """Fetch from `offset` on; None where Kafka does not answer now."""
        try:
            first, end = self._asker.bounds(partition, ASK_S)
        except LogUnreachable as error:
            self._incidents.tell(str(error))
            self._again_at[partition] = time.monotonic() + AGAIN_S
            return None
        self._again_at.pop(partition, None)
        if offset < first:
            raise OffsetLost(f"partition {partition} of {self._topic} begins at {first}: {offset} is gone.")
        if offset > end:
            raise OffsetLost(f"partition {partition} of {self._topic} ends at {end}: {offset} was never written.")
        place = TopicPartition(self._topic, partition, offset)
        if partition in self._buffers:
            self._forget(self._buffers[partition])
        self._consumer.incremental_assign([place])
        buffer = self._buffers[partition] = Buffered(partition, offset, end)
        return buffer

    def _fetch(self, buffer: Buffered) -> None:
        """Take what has come by now; wait only for what was there when the reader came to this partition."""
        self._take(self._consumer.consume(MESSAGES, 0))
        deadline = time.monotonic() + FETCH_S
        while not buffer.ready and (left := deadline - time.monotonic()) > 0:
            message = self._consumer.poll(left)
            if message is not None:
                self._take([message, *self._consumer.consume(MESSAGES, 0)])
        if not buffer.ready:
            buffer.wait_no_more()

    def _take(self, messages: list[Message]) -> None:
        """Put what was fetched into its partitions' buffers."""
        for message in messages:
            partition = message.partition()
            buffer = None if partition is None else self._buffers.get(partition)
            if buffer is not None:
                buffer.add(message)
            elif (error := message.error()) is not None:
                self._incidents.heard(error)
        if any(message.error() is None for message in messages[:1]):
            self._incidents.over()
        for buffer in self._buffers.values():
            self._balance(buffer)

    def _balance(self, buffer: Buffered) -> None:
        """Stop and start fetching, so that a partition nobody reads takes bounded memory."""
        most = self._options.buffer_bytes // max(1, len(self._buffers))
        place = [TopicPartition(self._topic, buffer.partition)]
        if not buffer.paused and buffer.bytes > most:
            self._consumer.pause(place)
            buffer.paused = True
        elif buffer.paused and buffer.bytes <= most // 2:
            self._consumer.resume(place)
            buffer.paused = False

    def _failed(self, buffer: Buffered) -> bool:
        """Whether fetching has to begin anew. Raises `OffsetLost`; what passes by itself is only told."""
        error = buffer.error
        if error is None or buffer:  # the records before it come first
            return False
        self._forget(buffer)
        if error.code() in _DAMAGE:
            self._check_damage(buffer, error)
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise OffsetLost(
                f"partition {buffer.partition} of {self._topic} has no offset {buffer.offset} any more: "
                f"{error.str()}."
            )
        self._incidents.tell(explain(error, self._topic))
        return True

    def _forget(self, buffer: Buffered) -> None:
        """Fetch it no more."""
        del self._buffers[buffer.partition]
        place = [TopicPartition(self._topic, buffer.partition)]
        with suppress(KafkaException):
            if buffer.paused:  # else a later assignment would be paused, too
                self._consumer.resume(place)
            self._consumer.incremental_unassign(place)

    def _check_damage(self, buffer: Buffered, error: KafkaError) -> None:
        """Once may be the network; twice at the same place is the broker's disk."""
        place = (buffer.partition, buffer.offset)
        if place == self._damaged:
            raise LogDamaged(
                f"partition {buffer.partition} of {self._topic} cannot be read at offset {buffer.offset} "
                f"({error.str()}): make another replica the partition's leader, then start again"
            )
        self._damaged = place

    def _lag(self, partition: int, committed: int | None) -> Lag:
        first, end = self.bounds(partition)
        position = first if committed is None else min(committed, end)
        if position == end:
            return Lag(partition, 0, 0)
        times = [
            record.log_time
            for offset in (max(position, first), end - 1)
            for record in self.read(partition, offset, 1, 1)
        ]
        return Lag(partition, end - position, max(0, times[-1] - times[0]) if times else 0)

"""What a reader has fetched of one partition and not handed out yet."""

from __future__ import annotations

from collections import deque

from confluent_kafka import KafkaError, Message

from eventlog.appending import RECORD_OVERHEAD
from eventlog.protocol import LogRecord


class Buffered:
    """Records of one partition, from `offset` on."""

    def __init__(self, partition: int, offset: int, known_end: int) -> None:
        self.partition = partition
        self.offset = offset  # the next one to hand out
        self.bytes = 0
        self.paused = False
        self._known_end = known_end  # where the partition ended when fetching began
        self._seen_end = 0  # where it ended when all fetched by then had come
        self.error: KafkaError | None = None
        self._records: deque[LogRecord] = deque()
        self._log_time = 0

    @property
    def ready(self) -> bool:
        """Whether there is nothing to wait for: records are here, or all that is known of was read.

        The last offsets may be of no record (a transaction's marker): then only the end is told.
        """
        known = self._known_end
        return bool(self._records or self.error or self.offset >= known or self._seen_end >= known)

    def wait_no_more(self) -> None:
        """What is known to be there does not come now: from here on only what has come counts."""
        self._known_end = 0

    @property
    def news(self) -> bool:
        """Whether a read would find something."""
        return bool(self._records) or self.error is not None

    def __len__(self) -> int:
        return len(self._records)

    def add(self, message: Message) -> None:
        """A record, the end of the partition, or an error, after which nothing is taken: it would be a gap."""
        if self.error is not None:
            return
        error = message.error()
        if error is None:
            value = message.value() or b""
            # A broker's clock that was set back does not set back log time.
            self._log_time = max(self._log_time, message.timestamp()[1])
            offset = message.offset()
            assert offset is not None
            self._records.append(LogRecord(self.partition, offset, self._log_time, value))
            self.bytes += len(value) + RECORD_OVERHEAD
        elif error.code() == KafkaError._PARTITION_EOF:
            self._seen_end = max(self._seen_end, message.offset() or 0)
        else:
            self.error = error

    def take(self, max_records: int, max_bytes: int) -> list[LogRecord]:
        """The first records within the limits, one at least if there is one."""
        taken: list[LogRecord] = []
        size = 0
        records = self._records
        while records and len(taken) < max_records:
            size += len(records[0].value)
            if taken and size > max_bytes:
                break
            taken.append(records.popleft())
        if taken:
            self.offset = taken[-1].offset + 1
            self.bytes -= sum(len(record.value) + RECORD_OVERHEAD for record in taken)
        return taken

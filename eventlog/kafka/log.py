"""One topic on Kafka."""

from __future__ import annotations

from confluent_kafka import KafkaException

from eventlog.kafka.admin import Admin
from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.options import KafkaOptions
from eventlog.kafka.reader import KafkaReader
from eventlog.protocol import LogUnreachable, OnDone, WrongLogError


class KafkaLog:
    """See `eventlog.protocol.EventLog`. Any number of processes may open it; each opens its
    own after any fork."""

    def __init__(self, options: KafkaOptions) -> None:
        """Check that the topic is there.

        Raises `LogUnreachable` where Kafka does not answer or the topic was not made yet,
        `WrongLogError` where it has another number of partitions.
        """
        self.options = options
        self.partitions = options.partitions
        found = _partitions(options)
        if found != options.partitions:
            raise WrongLogError(
                f"topic {options.topic} has {found} partitions, not {options.partitions}: set "
                f"FOOTFALL_PARTITIONS={found}"
            )

    def appender(self, on_done: OnDone | None = None) -> KafkaAppender:
        """See `EventLog.appender`. Make one per process, it is shared by its threads."""
        return KafkaAppender(self.options, on_done)

    def reader(self) -> KafkaReader:
        """See `EventLog.reader`."""
        return KafkaReader(self.options)


def _partitions(options: KafkaOptions) -> int:
    admin = Admin(options)
    try:
        topic = admin.topic()
    except KafkaException as error:
        raise admin.unreachable(error) from None
    if topic is None:
        raise LogUnreachable(f"Kafka has no topic {options.topic}: run `footfall migrate`")
    return len(topic.partitions)

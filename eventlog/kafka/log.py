"""One topic on Kafka."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.errors import explain
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
        found = partitions_of(AdminClient(options.base_config()), options)
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


def partitions_of(admin: AdminClient, options: KafkaOptions) -> int:
    """How many there are. Raises `LogUnreachable`, also where the topic does not exist."""
    try:
        metadata = admin.list_topics(options.topic, timeout=options.request_timeout_s)
    except KafkaException as error:
        raise LogUnreachable(explain(error.args[0], options.topic)) from None
    topic = metadata.topics[options.topic]
    if topic.error is not None:
        raise LogUnreachable(explain(topic.error, options.topic))
    return len(topic.partitions)

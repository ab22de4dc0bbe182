"""A client for questions about topics, which knows why it got no answer."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import TopicMetadata

from eventlog.kafka.errors import explain, is_refusal
from eventlog.kafka.options import KafkaOptions
from eventlog.protocol import LogUnreachable, WrongLogError

_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}


class Admin:
    """For one topic. Raises `WrongLogError` where the client cannot be made."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._heard: list[KafkaError] = []
        try:
            self.client = AdminClient(options.base_config() | {"error_cb": self._heard.append})
        except KafkaException as error:
            raise WrongLogError(
                f"the settings for Kafka cannot be used ({error.args[0].str()}): check FOOTFALL_KAFKA_CA_FILE, "
                "FOOTFALL_KAFKA_CERTIFICATE_FILE and FOOTFALL_KAFKA_KEY_FILE"
            ) from None

    def topic(self) -> TopicMetadata | None:
        """None where there is none. Raises `KafkaException`."""
        name = self._options.topic
        topic = self.client.list_topics(name, timeout=self._options.request_timeout_s).topics[name]
        if topic.error is None:
            return topic
        if topic.error.code() in _NO_TOPIC:
            return None
        raise KafkaException(topic.error)

    def partitions(self) -> int:
        """How many the topic has; 0 where there is none. Raises `LogUnreachable`."""
        try:
            topic = self.topic()
        except KafkaException as error:
            raise self.unreachable(error) from None
        return 0 if topic is None else len(topic.partitions)

    def identity(self) -> str:
        """Kafka's id of the topic, another one for a topic that was made anew; empty where there is none.

        Raises `LogUnreachable`.
        """
        name, timeout = self._options.topic, self._options.request_timeout_s
        try:
            if self.topic() is None:
                return ""
            asked = self.client.describe_topics(TopicCollection([name]), request_timeout=timeout)
            return f"kafka:{asked[name].result(timeout + 1.0).topic_id}"
        except KafkaException as error:
            raise self.unreachable(error) from None

    def unreachable(self, error: KafkaException) -> LogUnreachable:
        """What to tell: that the password is wrong, where all the call itself knows is that nobody answered."""
        self.client.poll(0)
        cause = next(filter(is_refusal, self._heard), error.args[0])
        return LogUnreachable(explain(cause, self._options.topic))

"""What a client library's error means to whoever reads it."""

from __future__ import annotations

from confluent_kafka import KafkaError

_AUTHENTICATION = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._SSL}
_FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_NO_TOPIC = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}
_TOO_FEW = {KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND}
_TIMED_OUT = {
    KafkaError._MSG_TIMED_OUT,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
}


def is_refusal(error: KafkaError) -> bool:
    """Whether the brokers are there and did not let us in."""
    return error.code() in _AUTHENTICATION


def explain(error: KafkaError, topic: str) -> str:
    """One line: what happened, and what to do where somebody can do something."""
    code = error.code()
    if code in _AUTHENTICATION:
        return (
            f"Kafka refused the connection ({error.str()}): check FOOTFALL_KAFKA_SECURITY_PROTOCOL, "
            "FOOTFALL_KAFKA_USERNAME, FOOTFALL_KAFKA_PASSWORD and the certificates"
        )
    if code in _FORBIDDEN:
        return f"Kafka forbids it ({error.str()}): docs/kafka.md lists the permissions that topic {topic} needs"
    if code in _NO_TOPIC:
        return f"Kafka has no topic {topic}, or not that partition of it: run `footfall migrate`"
    if code in _TOO_FEW:
        return f"too few brokers are in sync for topic {topic} ({error.str()}): start the missing brokers"
    if code in _TIMED_OUT:
        return f"Kafka does not answer ({error.str()}): check FOOTFALL_KAFKA_BOOTSTRAP and that the brokers run"
    return f"Kafka: {error.str()}"

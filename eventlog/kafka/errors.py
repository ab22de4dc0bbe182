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
_PURGED = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
_TOO_FEW = {KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND}
_TIMED_OUT = {
    KafkaError._MSG_TIMED_OUT,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
}


def is_fatal(error: KafkaError) -> bool:
    """Whether the client that met it can do nothing any more."""
    return bool(error.fatal()) or error.code() == KafkaError._FATAL


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
        return (
            f"Kafka does not answer ({error.str()}): check FOOTFALL_KAFKA_BOOTSTRAP, that the brokers run, and "
            "that FOOTFALL_KAFKA_SECURITY_PROTOCOL is theirs"
        )
    if code in _PURGED:
        return "the program stopped before Kafka had acknowledged it: it has to be sent again"
    return f"Kafka: {error.str()}"

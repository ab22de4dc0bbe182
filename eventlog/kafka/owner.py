"""Which installation a stage's log on Kafka belongs to: in a topic of its own that keeps everything.

Kafka gives the records one order, so all who read them agree: the first one counts, until one
that takes over.
"""

from __future__ import annotations

import time

import msgspec
from confluent_kafka import KafkaException

from eventlog.kafka.admin import Admin
from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.options import MIB, KafkaOptions
from eventlog.kafka.reader import KafkaReader
from eventlog.kafka.topic import UNLIMITED, TopicPolicy, ensure_topic
from eventlog.protocol import LogFull, LogRecord, LogUnreachable, WrongLogError

POLL_S = 0.02


class OwnerRecord(msgspec.Struct, kw_only=True):
    """The value of a record, as JSON."""

    installation: str
    takes_over: bool = False


def read_owner(options: KafkaOptions) -> str:
    """The installation's id; empty where nobody has claimed it. Raises `LogUnreachable`, `WrongLogError`."""
    admin = Admin(options)
    try:
        if admin.topic() is None:
            return ""
    except KafkaException as error:
        raise admin.unreachable(error) from None
    owner = ""
    for record in _records(options):
        try:
            found = msgspec.json.decode(record.value, type=OwnerRecord)
        except msgspec.MsgspecError as error:
            raise WrongLogError(
                f"topic {options.topic} holds what Footfall did not write (offset {record.offset}): {error}"
            ) from None
        if not owner or found.takes_over:
            owner = found.installation
    return owner


def append_owner(options: KafkaOptions, replication: int, installation: str, *, take_over: bool) -> None:
    """Claim the log, or with `take_over` take it from its owner. Raises as `read_owner` does."""
    ensure_topic(options, TopicPolicy(replication=replication, retention_ms=UNLIMITED, retention_bytes=UNLIMITED))
    value = msgspec.json.encode(OwnerRecord(installation=installation, takes_over=take_over))
    appender = KafkaAppender(options, None)
    try:
        appender.append([(0, value)]).result(2 * options.delivery_timeout_s)
    except (LogFull, TimeoutError) as error:
        raise LogUnreachable(f"topic {options.topic}: {error}") from None
    finally:
        appender.close(options.request_timeout_s)


def _records(options: KafkaOptions) -> list[LogRecord]:
    """All there are; a handful."""
    found: list[LogRecord] = []
    deadline = time.monotonic() + options.request_timeout_s
    reader = KafkaReader(options)
    try:
        offset, end = reader.bounds(0)
        while offset < end:
            read = reader.read(0, offset, 1_000, MIB)
            if read:
                found += read
                offset = read[-1].offset + 1
            elif time.monotonic() > deadline:
                raise LogUnreachable(f"Kafka does not hand out topic {options.topic}: look at its brokers")
            else:
                time.sleep(POLL_S)  # between two looks: a read does not wait for what is on its way
    finally:
        reader.close()
    return found

"""Passwords, certificates and permissions on a Kafka that asks for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from eventlog.kafka import KafkaLog, KafkaOptions
from eventlog.kafka.appender import KafkaAppender
from eventlog.kafka.owner import append_owner, read_owner
from eventlog.kafka.topic import ensure_topic
from eventlog.protocol import LogFull, LogUnreachable, WrongLogError
from tests.eventlog.contract import WAIT_S, read_all, wait_for
from tests.eventlog.kafka_topics import POLICY, append, made, options_of
from tests.fixtures.kafka import KafkaCluster, make_cluster

USERS = {"admin": "adminsecret", "footfall": "usersecret"}
GUARDED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",  # the brokers among themselves are nobody else
}


def test_a_wrong_password_is_said_and_not_shown(tmp_path: Path) -> None:
    with make_cluster(tmp_path, sasl={"footfall": "right"}, tls=True) as cluster:
        log = made(cluster)
        append(log, b"x")
        wrong = {**cluster.config(), "sasl.password": "wrongsecret"}
        with pytest.raises(LogUnreachable, match="FOOTFALL_KAFKA_PASSWORD") as refused:
            KafkaLog(options_of(cluster, client=wrong, request_timeout_s=5.0))
        assert "wrongsecret" not in str(refused.value)
        assert "wrongsecret" not in repr(options_of(cluster, client=wrong))


def test_a_user_who_may_not_write_is_told_and_can_once_they_may(tmp_path: Path) -> None:
    """A refusal is fatal to the client: it has to be made anew."""
    with make_cluster(tmp_path, sasl=USERS, properties=GUARDED) as cluster:
        own = {**cluster.config(), "sasl.username": "footfall", "sasl.password": USERS["footfall"]}
        options = options_of(cluster, 1, client=own)
        ensure_topic(replace(options, client=cluster.config()), POLICY)
        appender = KafkaAppender(options, None)
        error = appender.append([(0, b"x")]).exception(WAIT_S)
        assert isinstance(error, LogFull)
        assert "docs/kafka.md" in str(error)
        grant(cluster, options)

        def can() -> bool:
            return appender.append([(0, b"x")]).exception(WAIT_S) is None

        wait_for(can, 60)
        appender.close(WAIT_S)


def test_a_certificate_that_cannot_be_read_is_named(kafka: KafkaCluster) -> None:
    client = {**kafka.config(), "security.protocol": "SSL", "ssl.ca.location": "/nowhere/ca.pem"}
    with pytest.raises(WrongLogError, match="FOOTFALL_KAFKA_CA_FILE"):
        KafkaLog(options_of(kafka, client=client))


def test_the_permissions_that_the_documentation_lists_suffice(tmp_path: Path) -> None:
    with make_cluster(tmp_path, sasl=USERS, properties=GUARDED) as cluster:
        own = {**cluster.config(), "sasl.username": "footfall", "sasl.password": USERS["footfall"]}
        options = options_of(cluster, client=own)
        with pytest.raises(LogUnreachable, match=r"docs/kafka\.md"):
            ensure_topic(options, POLICY)
        grant(cluster, options)
        ensure_topic(options, POLICY)
        assert ensure_topic(options, replace(POLICY, retention_ms=2 * POLICY.retention_ms)) != []
        log = KafkaLog(options)
        append(log, b"x")
        reader = log.reader()
        assert len(read_all(reader, 0)) == 1
        reader.commit("flow", 0, 1)
        wait_for(lambda: reader.committed("flow", 0) == 1, WAIT_S)
        reader.close()
        second = replace(options, topic=f"{options.topic}.2", partitions=8)  # as the log grows
        ensure_topic(second, POLICY)
        append(KafkaLog(second), b"x", partition=7)
        owner = replace(options, topic=f"{options.topic}.owner", partitions=1)
        grant(cluster, owner)
        append_owner(owner, 1, "ours", take_over=False)
        assert read_owner(owner) == "ours"


def grant(cluster: KafkaCluster, options: KafkaOptions) -> None:
    """As docs/kafka.md says."""
    to_topic = ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "READ", "WRITE")
    topic = [(ResourceType.TOPIC, options.topic, ResourcePatternType.PREFIXED, one) for one in to_topic]
    group = (ResourceType.GROUP, options.group_prefix, ResourcePatternType.PREFIXED, "READ")
    bindings = [
        AclBinding(kind, name, pattern, "User:footfall", "*", AclOperation[one], AclPermissionType.ALLOW)
        for kind, name, pattern, one in [*topic, group]
    ]
    admin = AdminClient(cluster.config())
    for future in admin.create_acls(bindings).values():
        future.result(WAIT_S)

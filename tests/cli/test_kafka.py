"""Footfall on Kafka as its operator meets it: migrate, up, import, status, and Kafka's own tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

import control
from cli.log import _add
from eventlog.opening import kafka_options, prepare_log
from footfall.generations import Layout, one_generation
from footfall.settings import Settings
from tests.drill.stack import HOST, Stack, wait_for
from tests.fixtures.kafka import KafkaCluster

LINE = '192.0.2.{n} - - [22/Nov/2026:10:0{n}:00 +0000] "GET /page/{n} HTTP/1.1" 200 100 "-" "Mozilla/5.0"\n'


def committed(kafka: KafkaCluster, group: str, topic: str) -> list[int]:
    """What `kafka-consumer-groups.sh --describe` would show as CURRENT-OFFSET."""
    admin = AdminClient(kafka.config())
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, n) for n in range(4)])
    found = admin.list_consumer_group_offsets([asked])[group].result(10)
    return [place.offset for place in found.topic_partitions]


@pytest.mark.timeout(180)
def test_an_import_arrives_whole_and_kafkas_tools_see_it(tmp_path: Path, kafka: KafkaCluster) -> None:
    env = {
        "FOOTFALL_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "FOOTFALL_KAFKA_REPLICATION": "1",
        "FOOTFALL_STAGE": "kafkacli",  # the servers are shared with other tests
        "FOOTFALL_DEV_STAGE": "kafkadev",
    }
    file = tmp_path / "access.log"
    file.write_text("".join(LINE.format(n=n) for n in range(1, 9)))
    with Stack(tmp_path / "data", env=env) as stack:
        assert "Everything is up to date." in stack.run("migrate", "--check")
        stack.run("import", "access-log", str(file), "--site", HOST)
        client = stack.client()
        assert client.execute("SELECT count(), uniqExact(path) FROM events_v1") == [(8, 8)]
        stack.run("import", "access-log", str(file), "--site", HOST)
        assert client.execute("SELECT count() FROM events_v1") == [(8,)]
        client.disconnect()
        wait_for("the group to show all as read", lambda: _all_read(kafka, stack.settings), 30)
        wait_for("status to show all as stored", lambda: "by partition: 0, 0, 0, 0" in said(stack, "status"), 30)
        wait_for("doctor to find nothing bad", lambda: "\nbad" not in said(stack, "doctor"), 30)


def said(stack: Stack, command: str) -> str:
    """What a command says, whatever it thinks of what it found."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", command],
        env=stack.env, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def _all_read(kafka: KafkaCluster, settings: Settings) -> bool:
    """But for the newest heartbeats."""
    topic = "kafkacli.raw"
    reader_ends = [_end(kafka, topic, n) for n in range(4)]
    positions = committed(kafka, "footfall-kafkacli-flow", topic)
    return all(position > 0 and end - position <= 2 for position, end in zip(positions, reader_ends, strict=True))


def _end(kafka: KafkaCluster, topic: str, partition: int) -> int:
    consumer = Consumer(kafka.config({"group.id": "looking"}))
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1])
    finally:
        consumer.close()


def test_up_says_what_kafka_lacks(tmp_path: Path, kafka: KafkaCluster) -> None:
    stack = Stack(
        tmp_path / "data", env={"FOOTFALL_KAFKA_BOOTSTRAP": kafka.bootstrap, "FOOTFALL_STAGE": "kafkashort"}
    )
    text = said(stack, "up")
    assert "set FOOTFALL_KAFKA_REPLICATION=1" in text
    assert "Traceback" not in text


def test_growing_goes_on_with_a_topic_that_a_killed_command_has_made(tmp_path: Path, kafka: KafkaCluster) -> None:
    settings = Settings(
        data_dir=tmp_path, stage="kafkagrow", dev_stage="", partitions=2, kafka_bootstrap=kafka.bootstrap,
        kafka_replication=1,
    )  # fmt: skip
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    before = plane.log_layout("kafkagrow", 2)
    prepare_log(settings, "kafkagrow", Layout((*before.generations, before.next(4, 1))))  # and killed
    with pytest.raises(click.ClickException, match="give --partitions 4 to go on"):
        _add(settings, plane, "kafkagrow", 6)
    assert plane.log_layout("kafkagrow", 2) == before
    assert _add(settings, plane, "kafkagrow", 4).partitions == 4
    assert [one.partitions for one in plane.log_layout("kafkagrow", 2).generations] == [2, 4]
    plane.close()


def test_secrets_and_certificates_reach_the_client_and_nobody_else() -> None:
    settings = Settings(
        kafka_bootstrap="a:9092,b:9092",
        kafka_security_protocol="SASL_SSL",
        kafka_username="footfall",
        kafka_password="pass%word",
        kafka_ca_file=Path("/etc/ca.pem"),
        kafka_key_password="keysecret",
    )
    options = kafka_options(settings, "prod", one_generation(4).newest)
    assert options.client == {
        "bootstrap.servers": "a:9092,b:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "footfall",
        "sasl.password": "pass%word",
        "ssl.ca.location": "/etc/ca.pem",
        "ssl.key.password": "keysecret",
    }
    assert options.topic == "prod.raw"
    for text in (repr(settings), repr(options)):
        assert "pass%word" not in text
        assert "keysecret" not in text

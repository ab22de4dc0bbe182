"""Marks on real servers: who comes first has the stage, the other is told what to change, until it takes over."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

import control
import installations
from control import ControlError
from eventlog.kafka.owner import append_owner, read_owner
from eventlog.kafka.topic import ensure_topic
from eventlog.opening import owner_topic
from eventlog.protocol import WrongLogError
from footfall.names import database_name
from footfall.settings import Settings
from installations.mark import Mark
from installations.marking import _marks
from sinks.clickhouse import StoreUnreachableError, connect
from sinks.migrate import migrate
from tests.eventlog.kafka_topics import POLICY
from tests.fixtures.kafka import KafkaCluster
from tests.fixtures.s3 import S3Server
from tests.fixtures.store import StoreServer
from tests.fixtures.valkey import ValkeyProcess

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def stage(store: StoreServer, kafka: KafkaCluster) -> Iterator[str]:
    """A stage of the test's own on servers that are shared with others."""
    name = f"c{secrets.token_hex(4)}"
    yield name
    client = store.client()
    client.execute(f"DROP DATABASE IF EXISTS {database_name(name)} SYNC")
    client.disconnect()
    admin = AdminClient(kafka.config())
    for topic in {f"{name}.owner"} & set(admin.list_topics(timeout=10).topics):
        admin.delete_topics([topic])[topic].result(10)


@pytest.fixture
def settings(
    stage: str, store: StoreServer, kafka: KafkaCluster, valkey: ValkeyProcess, s3: S3Server, bucket: str
) -> Settings:
    found = Settings(
        stage=stage, dev_stage="", kafka_bootstrap=kafka.bootstrap, kafka_replication=1, redis_url=valkey.url,
        clickhouse_host=store.host, clickhouse_port=store.port, clickhouse_user=store.user,
        clickhouse_password=store.password, objects_endpoint=s3.endpoint, objects_bucket=bucket,
        objects_access_key=s3.access_key, objects_secret_key=s3.secret_key,
    )  # fmt: skip
    client = connect(found)
    migrate(client, found, database_name(stage))
    client.disconnect()
    return found


def marks(settings: Settings) -> list[Mark]:
    return list(_marks(settings, settings.stage, installations.DURABLE | {installations.LIVE}, 0))


def test_each_server_keeps_the_first_mark_until_somebody_takes_over(settings: Settings) -> None:
    stages = [settings.stage]
    todo = installations.claim(settings, OURS, stages, change=False)
    assert [mark.owner() for mark in marks(settings)] == ["", "", "", ""]
    assert installations.claim(settings, OURS, stages) == todo
    assert len(todo) == 4
    assert installations.claim(settings, OURS, stages) == []
    installations.check(settings, OURS, stages)
    for mark in marks(settings):
        mark.leave(OURS, take_over=False)  # once more, as a second process of ours
    for kind in (installations.LOG, installations.STORE, installations.LIVE, "objects"):
        for attempt in (installations.check, installations.claim):
            with pytest.raises(installations.ClaimedError, match=r"set FOOTFALL_STAGE .*--take-over"):
                attempt(settings, THEIRS, stages, frozenset({kind}))
    for kind in (
        installations.LOG,
        installations.STORE,
        installations.LIVE,
    ):  # what is there counts, whoever comes later
        for mark in _marks(settings, settings.stage, frozenset({kind}), 0):
            mark.leave(THEIRS, take_over=False)
            assert mark.owner() == OURS
    assert len(installations.claim(settings, THEIRS, stages, take_over=True)) == 4
    assert [mark.owner() for mark in marks(settings)] == [THEIRS] * 4
    with pytest.raises(installations.ClaimedError):
        installations.check(settings, OURS, stages)
    assert len(installations.claim(settings, OURS, stages, take_over=True)) == 4  # and back
    installations.check(settings, OURS, stages)
    assert {mark.owner for mark in installations.look(settings, stages)} == {OURS}


def test_the_message_names_the_setting_to_change(settings: Settings) -> None:
    installations.claim(settings, OURS, [settings.stage])
    said = {}
    for name, value in (("stage", settings.stage), ("dev_stage", "another")):
        other = settings.model_copy(update={"stage": "another", "dev_stage": settings.stage, name: value})
        with pytest.raises(installations.ClaimedError) as told:
            installations.check(other, THEIRS, [settings.stage], frozenset({installations.STORE}))
        said[name] = str(told.value)
    assert "set FOOTFALL_STAGE to" in said["stage"]
    assert "set FOOTFALL_DEV_STAGE (it may be empty) to" in said["dev_stage"]
    assert f"database footfall_{settings.stage} " in said["stage"]
    assert "FOOTFALL_CLICKHOUSE_HOST" in said["stage"]


def test_what_is_in_the_data_directory_needs_no_mark(tmp_path: Path) -> None:
    own = Settings(data_dir=tmp_path)
    assert installations.look(own, own.topics()) == []
    installations.check(own, OURS, own.topics())  # Redis does not run: not worth stopping for


def test_a_store_that_does_not_answer(settings: Settings) -> None:
    away = settings.model_copy(update={"clickhouse_port": 1})
    with pytest.raises(StoreUnreachableError, match="does not answer"):
        installations.check(away, OURS, [settings.stage], frozenset({installations.STORE}))


def test_the_mark_on_kafka_is_kept_for_ever(settings: Settings) -> None:
    options = owner_topic(settings, settings.stage)
    ensure_topic(options, POLICY)  # somebody made it, and gave it an end
    append_owner(options, 1, OURS, take_over=False)
    ten_years = replace(POLICY, retention_ms=10 * 365 * 86_400_000, retention_bytes=1 << 50)
    assert ensure_topic(options, ten_years, change=False) == []  # it keeps more
    assert read_owner(options) == OURS


def test_what_is_not_a_mark_is_told(settings: Settings) -> None:
    from eventlog.kafka import KafkaLog

    options = owner_topic(settings, settings.stage)
    ensure_topic(options, POLICY)
    appender = KafkaLog(options).appender()
    appender.append([(0, b"\xff")]).result(10)
    appender.close(10)
    with pytest.raises(WrongLogError, match="did not write"):
        read_owner(options)


def test_a_control_plane_is_one_stages(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'control.db'}"
    plane, again = control.open(url), control.open(url)
    ours = installations.identify(plane, "prod")  # made before it was known whose it is
    assert installations.settle(plane, "prod") == ours == installations.identify(again, "prod")
    for attempt in (installations.identify, installations.settle):
        with pytest.raises(ControlError, match="set FOOTFALL_STAGE=prod"):
            attempt(again, "staging")
    assert installations.settle(again, "staging", take_over=True) == ours
    assert installations.identify(plane, "staging") == ours
    plane.close()
    again.close()

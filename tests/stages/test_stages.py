"""dev, staging and prod on one Kafka, ClickHouse, Redis, S3 and PostgreSQL, and everything tried to make them
mix: the same site, visitor, batch and event ids, each other's keys, the same jobs at the same time, a second
installation that claims to be prod."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from clickhouse_driver import Client
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient
from sqlalchemy import make_url

import control
import installations
from embedded.paths import environment
from embedded.prepare import prepare
from eventlog.opening import open_log
from footfall import record
from footfall.ids import derived_uuid7
from footfall.names import database_name
from jobs.job import JobContext
from jobs.registry import job_named
from jobs.runner import Runner
from objects.opening import open_objects
from objects.protocol import BadKey
from sinks.live import read_live
from tests.stages.installed import DATABASES, SITE, STAGES, Installed, Servers, wait_for

pytestmark = pytest.mark.timeout(300)  # the first test starts five servers and six processes

Three = dict[str, Installed]
NOW = time.time_ns() // 1_000_000
PAGES = [str(uuid.UUID(bytes=derived_uuid7(NOW, f"page {n}"))) for n in range(3)]
LOCAL = [str(uuid.UUID(bytes=derived_uuid7(NOW, f"local {n}"))) for n in range(2)]
LOCALHOST = "http://localhost:3000"


def batch(name: str, ids: list[str], page: str) -> dict[str, Any]:
    """The same in every stage, but for the pages' path."""
    events = [{"name": "page_view", "event_id": one, "url": f"{page}/{n}"} for n, one in enumerate(ids)]
    made_once = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    return {"batch_id": made_once, "visitor_id": "the-same", "consent": "granted", "events": events}


def rows(three: Three, stage: str, query: str) -> list[Any]:
    settings = three["prod"].settings
    client = Client(
        settings.clickhouse_host, port=settings.clickhouse_port, user=settings.clickhouse_user,
        password=settings.clickhouse_password, database=database_name(stage),
    )  # fmt: skip
    try:
        found: list[Any] = client.execute(query)
        return found
    finally:
        client.disconnect()


def wait_for_rows(three: Three, stage: str, query: str, expected: int) -> None:
    wait_for(f"{expected} in {stage}", lambda: rows(three, stage, query) == [(expected,)])


@pytest.fixture(scope="module")
def sent(three: Three) -> dict[str, dict[str, str]]:
    """Everything was sent; what each database is to hold: event id -> path."""
    expected: dict[str, dict[str, str]] = {stage: {} for stage in DATABASES}
    for stage, one in three.items():
        answer = one.post(batch("pages", PAGES, f"https://{SITE}/{stage}"))
        assert answer.json() == {"accepted": len(PAGES), "rejected": []}
        expected[stage] |= {event: f"/{stage}/{n}" for n, event in enumerate(PAGES)}
        answer = one.post(batch("local", LOCAL, f"{LOCALHOST}/{stage}"), origin=LOCALHOST)
        if not STAGES[stage]:
            assert (answer.status_code, answer.json()["error"]) == (403, "dev_origin")
            continue
        assert answer.json() == {"accepted": len(LOCAL), "rejected": []}
        expected[STAGES[stage]] |= {event: f"/{stage}/{n}" for n, event in enumerate(LOCAL)}
    for stage, events in expected.items():
        wait_for_rows(three, stage, "SELECT uniqExact(event_id) FROM events", len(events))
    return expected


def test_each_database_holds_its_own_events_and_sessions(three: Three, sent: dict[str, dict[str, str]]) -> None:
    visitors = set()
    for stage, expected in sent.items():
        found = rows(three, stage, "SELECT toString(event_id), path, visitor_id FROM events_v1")
        assert {event: path for event, path, _ in found} == expected
        assert len(found) == len(expected)
        visitors |= {visitor for *_, visitor in found}

        wait_for_rows(three, stage, "SELECT countIf(is_closed) FROM sessions_v1", 1)
        sessions = rows(three, stage, "SELECT events, pages FROM sessions_v1")
        assert [count for count, _ in sessions] == [len(expected)]
        assert set(sessions[0][1]) == set(expected.values())
    assert len(visitors) == len(sent)  # the same browser is another visitor in each


def test_keys_and_public_ids_of_one_stage_open_no_other(three: Three) -> None:
    body = {"events": [{"name": "page_view", "url": f"https://{SITE}/"}]}
    for gateway in three.values():
        for other in three.values():
            if other is not gateway:
                answer = gateway.post(body, **{"x-footfall-site": other.public_id})
                assert (answer.status_code, answer.json()["error"]) == (401, "unknown_site")
                answer = gateway.post(body, **{"x-footfall-site": "", "authorization": f"Bearer {other.key}"})
                assert (answer.status_code, answer.json()["error"]) == (401, "key")


def test_topics_and_groups_are_apart(three: Three, servers: Servers, sent: dict[str, dict[str, str]]) -> None:
    admin = AdminClient(servers.kafka.config())
    for one in three.values():
        for stage, partitions in one.settings.topics().items():
            log = open_log(one.settings, stage, one.plane.log_layout(stage, partitions))
            with closing(log.reader()) as reader:
                values = [
                    found.value
                    for partition in range(log.partitions)
                    for found in reader.read(partition, reader.bounds(partition)[0], 1000, 10_000_000)
                ]
            records = [found for found in map(record.decode, values) if found.kind == "batch"]
            urls = [event.url for found in records for event in found.events]
            assert sorted(url.partition(f"/{one.stage}/")[2] for url in urls) == sorted(
                path.rpartition("/")[2] for path in sent[stage].values()
            )
            assert positions(admin, f"footfall-{stage}-flow") == {f"{stage}.raw"}


def positions(admin: AdminClient, group: str) -> set[str]:
    """The topics of which a group has positions, once it has any."""

    def committed() -> set[str]:
        found = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(10)
        return {place.topic for place in found.topic_partitions or []}

    wait_for(f"positions of {group}", lambda: bool(committed()))
    return committed()


def test_live_values_are_apart(three: Three, servers: Servers, sent: dict[str, dict[str, str]]) -> None:
    with servers.valkey.client() as client:
        keys = {f"footfall:{stage}:{name}" for stage in DATABASES for name in ("owner", f"live:{SITE}")}
        wait_for("live values", lambda: {key.encode() for key in keys} <= set(client.scan_iter()))
        assert {key.decode().split(":")[1] for key in client.scan_iter()} == set(
            DATABASES
        )  # whatever else there is
        for stage, expected in sent.items():
            live = read_live(client, stage, SITE, time.time_ns() // 1_000_000)
            assert live.visitors == 1
            assert {page for page, _ in live.pages} == set(expected.values())


def test_objects_are_apart(three: Three, servers: Servers) -> None:
    stores = {one.stage: open_objects(one.settings, one.stage) for one in three.values()}
    for stage, store in stores.items():
        store.put("raw/site=shop/0001.zst", stage.encode())
    for stage, store in stores.items():
        assert store.get("raw/site=shop/0001.zst") == stage.encode()
        assert [found.key for found in store.listing()] == ["owner", "raw/site=shop/0001.zst"]
        for key in ("../prod/owner", "/prod/owner", "raw/../../prod/owner"):
            with pytest.raises(BadKey):
                store.get(key)
    stores["staging"].delete("raw/site=shop/0001.zst")
    assert stores["prod"].size("raw/site=shop/0001.zst") == len("prod")
    names = {found.object_name for found in servers.s3.client().list_objects(servers.bucket, recursive=True)}
    assert names == {f"{stage}/owner" for stage in DATABASES} | {
        f"{stage}/raw/site=shop/0001.zst" for stage in ("dev", "prod")
    }


def test_jobs_run_in_all_at_once(three: Three, sent: dict[str, dict[str, str]]) -> None:
    now = time.time_ns() // 1_000_000
    runs = {stage: one.plane.claim("repair", stage, 60_000, now=now) for stage, one in three.items()}
    assert None not in runs.values()  # each has the lease
    for stage, one in three.items():
        run = runs[stage]
        assert run is not None
        one.plane.finish(run, now=now, ok=True)
        runner = Runner([], JobContext(settings=one.settings, control=one.plane), f"worker of {stage}")
        for job in ("repair", "rollup_hours", "rollup_days"):
            assert runner.run(job_named(job)).state == "done"
    for stage, one in three.items():
        assert {run.holder for run in one.plane.job_runs()} == {stage, f"worker of {stage}"}
        named = {name.split(":")[1] for name in one.plane.cursors() if not name.startswith("installation")}
        assert named == set(one.settings.topics())


def test_a_stages_user_of_postgresql_sees_no_others_tables(three: Three) -> None:
    url = make_url(three["staging"].settings.control_url)
    with psycopg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=url.database
    ) as staging, pytest.raises(psycopg.errors.InsufficientPrivilege):  # fmt: skip
        staging.execute("SELECT * FROM footfall_prod.server_key")


def test_a_control_plane_is_not_shared(three: Three) -> None:
    prods = three["prod"].settings.control_url
    settings = three["staging"].settings.model_copy(update={"control_url": prods})
    with pytest.raises(installations.ClaimedError, match="set FOOTFALL_STAGE=prod"):
        prepare(settings)


@pytest.fixture(scope="module")
def second(three: Three, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a second installation with prod's stage and servers."""
    settings = servers.settings(tmp_path_factory.mktemp("second"), "prod", "", "second_prod")
    control.open(settings.control_plane_url()).close()
    with pytest.raises(installations.ClaimedError, match="log prod on Kafka belongs to another installation"):
        prepare(settings)
    return {**os.environ, **environment(settings)}


def test_a_second_prod_is_refused_by_every_part(three: Three, second: dict[str, str]) -> None:
    before = rows(three, "prod", "SELECT count(), max(log_offset) FROM events")
    commands = ("run gateway", "run flow", "job run repair", "migrate", "doctor")
    started = {
        command: subprocess.Popen(
            [sys.executable, "-m", "cli", *command.split()],
            env=second, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for command in commands
    }  # fmt: skip
    for command, process in started.items():
        said = " ".join(process.communicate(timeout=90)[0].split())
        assert process.returncode == 1, (command, said)
        what = "database footfall_prod" if command == "job run repair" else "log prod on Kafka"
        assert f"{what} belongs to another installation that serves stage prod" in said, command
        assert "Traceback" not in said
        if "job" not in command:
            assert "set FOOTFALL_STAGE to a stage of your own" in said
            assert "footfall migrate --take-over" in said
    assert rows(three, "prod", "SELECT count(), max(log_offset) FROM events") == before


def test_a_stage_of_localhost_that_is_taken_is_refused(three: Three, servers: Servers, tmp_path: Path) -> None:
    """As it is with the default of FOOTFALL_DEV_STAGE, beside an installation of stage dev."""
    settings = servers.settings(tmp_path, "other", "dev", "footfall_other")
    control.open(settings.control_plane_url()).close()
    with pytest.raises(installations.ClaimedError, match="set FOOTFALL_DEV_STAGE"):
        prepare(settings)
    databases = {name for (name,) in rows(three, "prod", "SHOW DATABASES")}
    assert "footfall_other" not in databases  # nothing was begun

"""Installations of several stages on one of each server, each with processes of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka.admin import AdminClient
from psycopg import sql
from sqlalchemy import update

import control
from control import Control
from control.schema import site_window
from embedded.paths import environment, resolve
from embedded.prepare import prepare
from footfall.names import database_name
from footfall.settings import Settings
from tests.fixtures.kafka import KafkaCluster
from tests.fixtures.postgres import PostgresServer, full
from tests.fixtures.s3 import S3Server
from tests.fixtures.store import StoreServer, free_port
from tests.fixtures.valkey import ValkeyProcess

SITE = "shop.example.com"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# Stage -> where its events from localhost go; empty: nowhere.
STAGES = {"dev": "dev", "staging": "devstaging", "prod": ""}
DATABASES = ("dev", "staging", "devstaging", "prod")


def wait_for(what: str, ready: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s for {what}"
        time.sleep(0.05)  # between two looks at the condition


@dataclass
class Servers:
    """One of each."""

    kafka: KafkaCluster
    store: StoreServer
    postgres: PostgresServer
    valkey: ValkeyProcess
    s3: S3Server
    bucket: str
    database: str = field(default_factory=lambda: f"stages_{secrets.token_hex(6)}")

    def settings(self, folder: Path, stage: str, dev_stage: str, schema: str) -> Settings:
        """Of an installation whose user of PostgreSQL has the rights that docs/production.md gives."""
        password = secrets.token_hex(12)
        self.postgres.add_role(schema, password)
        with self.postgres.admin(self.database) as admin:
            names = {"database": sql.Identifier(self.database), "user": sql.Identifier(schema)}
            admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {database} TO {user}").format(**names))
            admin.execute(sql.SQL("CREATE SCHEMA {user} AUTHORIZATION {user}").format(**names))
        url = self.postgres.url(self.database, schema, password).update_query_dict({"schema": schema})
        found = Settings(
            data_dir=folder / schema, stage=stage, dev_stage=dev_stage, control_url=full(url), partitions=2,
            gateway_port=free_port(), kafka_bootstrap=self.kafka.bootstrap, kafka_replication=1,
            clickhouse_host=self.store.host, clickhouse_port=self.store.port, redis_url=self.valkey.url,
            clickhouse_http_port=self.store.http_port, clickhouse_user=self.store.user,
            clickhouse_password=self.store.password, objects_endpoint=self.s3.endpoint,
            objects_bucket=self.bucket, objects_access_key=self.s3.access_key,
            objects_secret_key=self.s3.secret_key, heartbeat_seconds=1, lateness_minutes=0.02, epoch_seconds=2,
            flush_seconds=0.3, flow_metrics_port=0, jobs_metrics_port=0,
        )  # fmt: skip
        return resolve(found)

    def clean(self) -> None:
        """Other tests have stages of these names on these servers, too: nothing of them may be there."""
        client = self.store.client()
        for stage in DATABASES:
            client.execute(f"DROP DATABASE IF EXISTS {database_name(stage)} SYNC")
        client.disconnect()
        admin = AdminClient(self.kafka.config())
        topics = {f"{stage}.{name}" for stage in DATABASES for name in ("raw", "owner")}
        there = topics & set(admin.list_topics(timeout=10).topics)
        if there:
            for future in admin.delete_topics(sorted(there)).values():
                future.result(10)
        groups = {f"footfall-{stage}-flow" for stage in DATABASES}
        known = {group.group_id for group in admin.list_consumer_groups().result(10).valid}
        if groups & known:
            for gone in admin.delete_consumer_groups(sorted(groups & known)).values():
                gone.result(10)


class Installed:
    """One installation: prepared, with a site; its gateway and flow run between `start` and `stop`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stage = settings.stage
        self.env = {**os.environ, **environment(settings)}
        self.plane: Control = control.open(settings.control_plane_url())
        prepare(settings)
        self.public_id = self.plane.add_site(SITE, now=0).public_id
        self.key = self.plane.create_key(SITE, now=0)[1]
        with self.plane.writing() as connection:  # shorter than a site may have it
            connection.execute(update(site_window).values(window_ms=2_000))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *parts: str) -> None:
        """Start parts; nothing is waited for."""
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        for part in parts:
            with (self.settings.data_dir / f"{part}.log").open("ab") as log:
                command = [sys.executable, "-m", "cli", "run", part]
                self.running[part] = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)

    def log(self, part: str) -> str:
        return (self.settings.data_dir / f"{part}.log").read_text()

    def is_ready(self) -> bool:
        """The gateway takes events."""
        for part, process in self.running.items():
            assert process.poll() is None, f"{self.stage}: {part} ended: {self.log(part)[-2000:]}"
        try:
            return httpx.get(f"http://127.0.0.1:{self.settings.gateway_port}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, body: dict[str, Any], origin: str = f"https://{SITE}", **headers: str) -> httpx.Response:
        """A browser's batch, with this site's public id unless others are named."""
        sent = {"x-footfall-site": self.public_id, "origin": origin, "user-agent": BROWSER, **headers}
        url = f"http://127.0.0.1:{self.settings.gateway_port}/v1/batch"
        return httpx.post(url, json=body, headers={k: v for k, v in sent.items() if v}, timeout=20)

    def end(self, part: str, *, kill: bool = False) -> None:
        process = self.running.pop(part)
        process.kill() if kill else process.terminate()
        process.wait(40)

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for part in list(self.running):
            self.end(part, kill=True)
        self.plane.close()


@contextmanager
def three_installed(servers: Servers, folder: Path) -> Iterator[dict[str, Installed]]:
    """dev, staging and prod."""
    servers.clean()
    servers.postgres.make_database(servers.database)
    with servers.postgres.admin(servers.database) as admin:
        admin.execute("DROP SCHEMA footfall_prod")  # made for tests that have but one stage
    installed: dict[str, Installed] = {}
    try:
        for stage, dev_stage in STAGES.items():
            settings = servers.settings(folder, stage, dev_stage, database_name(stage))
            installed[stage] = Installed(settings)
        yield installed
    finally:
        for one in installed.values():
            one.stop()
        servers.postgres.drop_database(servers.database)
        servers.clean()

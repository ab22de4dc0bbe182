"""A gateway whose clock is ten minutes off, beside a good one, on one Kafka: what becomes of the events of
both, and how it is seen."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventlog.opening import open_log, prepare_log
from eventlog.protocol import LogRecord
from flows.items import AdmittedChunk
from footfall.generations import one_generation
from footfall.settings import Settings
from footfall.sites import Site
from tests.eventlog.contract import read_all
from tests.fixtures.kafka import KafkaCluster
from tests.flows.making import MINUTE, Partition, stored
from tests.gateway.harness import GatewayProcess, free_port, wait_for

OFF_S = 600
HOST = "shop.example.com"
LAYOUT = one_generation(1)
WINDOW, LATENESS = 30 * MINUTE, 10 * MINUTE
CLOCK_AHEAD = "footfall_log_clock_ahead_seconds"
GOOD, OFF, BOTH = (str(uuid.UUID(int=number, version=4)) for number in range(3))  # visitors, by who takes them


@pytest.fixture
def settings(kafka: KafkaCluster, tmp_path: Path) -> Settings:
    found = Settings(
        data_dir=tmp_path, stage=f"c{secrets.token_hex(4)}", dev_stage="", partitions=1,
        kafka_bootstrap=kafka.bootstrap, kafka_replication=1, heartbeat_seconds=0.3, gateway_port=free_port(),
    )  # fmt: skip
    prepare_log(found, found.stage, LAYOUT)
    return found


@contextmanager
def started(settings: Settings, *launcher: str, port: int) -> Iterator[GatewayProcess]:
    named = settings.model_dump(exclude_unset=True) | {"gateway_port": port}
    gateway = GatewayProcess(named.pop("data_dir"), **named)
    gateway.port, gateway.url = port, f"http://127.0.0.1:{port}"
    gateway.client.base_url = gateway.url
    try:
        if HOST not in gateway.control.sites().by_id:
            gateway.control.add_site(HOST, now=0)
        gateway.start(*launcher)
        yield gateway
    finally:
        gateway.close()


def send(gateway: GatewayProcess, visitor: str, batch_id: uuid.UUID) -> None:
    """As a browser whose clock is right."""
    now = time.time_ns() // 1_000_000
    events = [{"name": "page_view", "url": f"https://{HOST}/", "occurred_at": now - 5}]
    body = {"batch_id": str(batch_id), "visitor_id": visitor, "consent": "granted", "sent_at": now}
    headers = {"x-footfall-site": gateway.control.sites().by_id[HOST].public_id, "origin": f"https://{HOST}"}
    answer = gateway.client.post("/v1/batch", content=json.dumps(body | {"events": events}), headers=headers)
    assert (answer.status_code, answer.json().get("rejected")) == (202, []), answer.text


def log_of(settings: Settings) -> list[LogRecord]:
    reader = open_log(settings, settings.stage, LAYOUT).reader()
    try:
        return read_all(reader, 0)
    finally:
        reader.close()


def doctor(settings: Settings) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    env |= {f"FOOTFALL_{n.upper()}": str(v) for n, v in settings.model_dump(exclude_unset=True).items()}
    command = [sys.executable, "-m", "cli", "doctor"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False).stdout


def closed(out: AdmittedChunk) -> int:
    return sum(1 for row in out.sessions if row.is_closed and not row.is_deleted)


@pytest.mark.parametrize("off_s", [OFF_S, -OFF_S])
def test_a_gateways_clock_that_is_off_spoils_nothing_of_the_others_and_is_seen(
    settings: Settings, off_s: int
) -> None:
    began = time.time_ns() // 1_000_000
    with (
        started(settings, port=free_port()) as good,
        started(
            settings, sys.executable, "-m", "tests.gateway.clock_off", str(off_s), port=settings.gateway_port
        ) as off,
    ):
        batches = [uuid.uuid4() for _ in range(24)]
        for number, batch_id in enumerate(batches):
            visitor = (GOOD, OFF, BOTH)[number % 3]
            first = {GOOD: good, OFF: off, BOTH: (good, off)[number % 2]}[visitor]
            send(first, visitor, batch_id)
            if number % 4 == 0:  # whoever did not hear that it was taken, and comes to the other gateway
                send(good if first is off else off, visitor, batch_id)
        wait_for(lambda: abs(off.metric(CLOCK_AHEAD) - off_s) < 5, 10, "the difference in the metrics")
        assert abs(good.metric(CLOCK_AHEAD)) < 5
        found = doctor(settings)
        assert f"s {'ahead of' if off_s > 0 else 'behind'} Kafka's brokers" in found, found
    ended = time.time_ns() // 1_000_000
    records = log_of(settings)
    assert all(began <= one.log_time <= ended for one in records), "log time is the broker's"
    check_flow(records, len(batches), off_s, began, ended)


def check_flow(records: list[LogRecord], batches: int, off_s: int, began: int, ended: int) -> None:
    """The flow stores each event once and at its time; no session ends early, and none stays for ever."""
    partition = Partition(site=Site(site_id=HOST, domains=(HOST,)))
    outs = [partition.send(one.log_time, one.value) for one in records]
    assert sum(map(stored, outs)) == batches
    visitors: dict[int, list[int]] = {}
    for out in outs:
        for one in out.admitted:
            visitors.setdefault(one.visitor_id, []).extend(one.batch.occurred)
    right = {visitor: [began - 1000 < at <= ended for at in times] for visitor, times in visitors.items()}
    kinds = sorted({True: "right", False: "off"}.get(len(set(one)) == 1 and one[0], "") for one in right.values())
    assert kinds == ["off", "off", "right"], right  # of the visitor of both, half
    assert sum(map(closed, outs)) == 0
    in_time = closed(partition.heartbeat(ended + WINDOW + LATENESS))
    late = closed(partition.heartbeat(ended + WINDOW + LATENESS + max(0, off_s) * 1000 + 1))
    # Behind: its events are late and left to repair, so only visits the good one has seen were ever open.
    assert (in_time, late) == ((1, 2) if off_s > 0 else (2, 0))
    assert closed(partition.heartbeat(ended + 24 * 60 * MINUTE)) == 0

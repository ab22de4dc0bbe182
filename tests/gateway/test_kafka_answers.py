"""A gateway before a broker that takes connections and answers nothing, or whose answers get lost."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from eventlog.opening import open_log, prepare_log
from eventlog.protocol import LogRecord
from footfall import record
from footfall.generations import one_generation
from footfall.settings import Settings
from footfall.sites import Site
from tests.eventlog.contract import read_all
from tests.fixtures.kafka import KafkaCluster
from tests.fixtures.kafka_relay import KafkaRelay, relayed
from tests.flows.making import Partition, stored
from tests.gateway.flood import Sender, run_all
from tests.gateway.harness import PARTITIONS, GatewayProcess, wait_for

MIB = 1024 * 1024
TIMEOUT_S = 1.5
RECOVERY_S = 15.0
LAYOUT = one_generation(PARTITIONS)
HOST = "shop.example.com"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaCluster, KafkaRelay]]:
    with relayed(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def relay(front: tuple[KafkaCluster, KafkaRelay]) -> KafkaRelay:
    return front[1]


@pytest.fixture
def settings(front: tuple[KafkaCluster, KafkaRelay], tmp_path: Path) -> Settings:
    """Of a stage of the test's own."""
    return Settings(
        data_dir=tmp_path, stage=f"s{secrets.token_hex(4)}", dev_stage="", partitions=PARTITIONS,
        kafka_bootstrap=front[0].bootstrap, kafka_replication=1, gateway_timeout_seconds=TIMEOUT_S,
        gateway_queue_bytes=MIB, heartbeat_seconds=0.5,
    )  # fmt: skip


@pytest.fixture
def gateway(settings: Settings) -> Iterator[GatewayProcess]:
    prepare_log(settings, settings.stage, LAYOUT)
    named = settings.model_dump(exclude_unset=True)
    made = GatewayProcess(named.pop("data_dir"), **named)
    try:
        made.control.add_site(HOST, now=0)
        made.start()
        yield made
    finally:
        made.close()


def public_id(gateway: GatewayProcess) -> str:
    return gateway.control.sites().by_id[HOST].public_id


def log_of(settings: Settings) -> list[LogRecord]:
    """Everything in it, partition by partition."""
    reader = open_log(settings, settings.stage, LAYOUT).reader()
    try:
        return [found for partition in range(PARTITIONS) for found in read_all(reader, partition)]
    finally:
        reader.close()


def batches(settings: Settings) -> Counter[bytes]:
    """Batch id -> how often it is in the log."""
    made = [record.decode(found.value) for found in log_of(settings)]
    return Counter(one.batch_id for one in made if one.kind == "batch")


def test_a_silent_broker_is_503_in_time_and_bounded_memory_and_passes(
    gateway: GatewayProcess, relay: KafkaRelay, settings: Settings
) -> None:
    calm = Sender(gateway.port, public_id(gateway), 2, 5, pause_s=0.05)
    run_all(1.0, calm)
    assert set(calm.statuses()) == {202}
    before = psutil.Process(gateway.process.pid).memory_info().rss
    relay.silence()
    # About 10 MiB a second of requests, ten times what may wait.
    flood = Sender(gateway.port, public_id(gateway), 60, 50, pause_s=0.05)
    run_all(3.0, flood)
    assert set(flood.statuses()) == {503}
    assert max(one.seconds for one in flood.seen) < TIMEOUT_S + 1.0
    assert all(int(one.retry_after) >= 1 for one in flood.seen)
    assert psutil.Process(gateway.process.pid).memory_info().rss - before < 60 * MIB
    assert gateway.client.get("/readyz").status_code == 503
    assert gateway.client.get("/healthz").status_code == 200
    relay.cut()  # somebody started it again; tests/drill/test_silent_broker.py waits for the client's timeouts
    wait_for(lambda: gateway.client.get("/readyz").status_code == 200, RECOVERY_S, "a ready gateway")
    after = Sender(gateway.port, public_id(gateway), 2, 5, pause_s=0.05)
    run_all(1.0, after)
    assert set(after.statuses()) == {202}
    assert gateway.stop() == 0
    found = batches(settings)
    assert {one.batch_id for one in calm.accepted() + after.accepted()} <= found.keys()
    assert set(found.values()) == {1}
    assert "Traceback" not in gateway.output.read_text()


def test_whoever_repeats_a_batch_whose_answer_was_lost_is_counted_once(
    gateway: GatewayProcess, relay: KafkaRelay, settings: Settings
) -> None:
    sent = {uuid.uuid4(): 0 for _ in range(12)}  # -> attempts
    relay.lose_answers()
    started = time.monotonic()

    def send(batch_id: uuid.UUID) -> None:
        body = json.dumps({"batch_id": str(batch_id), "events": [{"name": "a"}, {"name": "b"}]})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            sent[batch_id] += 1
            headers = {"x-footfall-site": public_id(gateway)}
            answer = httpx.post(f"{gateway.url}/v1/batch", content=body, headers=headers, timeout=10)
            if answer.status_code == 202:
                return
            assert answer.status_code == 503, answer.text
            if time.monotonic() > started + TIMEOUT_S:
                relay.cut()
        raise AssertionError("never taken")

    with ThreadPoolExecutor(len(sent)) as pool:
        list(pool.map(send, sent))
    assert gateway.stop() == 0
    found = batches(settings)
    assert found.keys() == {one.bytes for one in sent}
    assert found.total() > len(sent), "no answer was lost after its append"
    assert all(found[one.bytes] <= attempts for one, attempts in sent.items())
    assert counted(log_of(settings)) == 2 * len(sent)


def counted(records: list[LogRecord]) -> int:
    """Events that the flow would store."""
    partitions = [Partition(site=Site(site_id=HOST, domains=(HOST,))) for _ in range(PARTITIONS)]
    return sum(stored(partitions[found.partition].send(found.log_time, found.value)) for found in records)

"""The life of the process: full logs, stops, an unreachable control plane, heartbeats."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from footfall import record
from footfall.sites import Site
from ingest_gateway.directory import Directory
from tests.gateway.harness import PARTITIONS, GatewayProcess, wait_for

BODY = json.dumps({"events": [{"name": "a"}]})


@pytest.fixture
def own(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A process for one test, not started yet."""
    made = GatewayProcess(tmp_path, heartbeat_seconds=0.3, gateway_timeout_seconds=2, trusted_proxies="127.0.0.1")
    yield made
    made.close()


@pytest.fixture
def shop(own: GatewayProcess) -> Site:
    return own.control.add_site("shop.example.com", now=0)


def send(own: GatewayProcess, site: Site, body: str = BODY) -> httpx.Response:
    return own.client.post("/v1/batch", content=body, headers={"x-footfall-site": site.public_id})


def test_a_log_that_cannot_write_is_503_and_recovers(own: GatewayProcess, shop: Site) -> None:
    own.start()
    assert send(own, shop).status_code == 202
    blocker = sqlite3.connect(_database_of(own), timeout=10, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")  # as a disk that takes nothing: every commit waits, then fails
    started = time.monotonic()
    answer = send(own, shop)
    assert time.monotonic() - started < 8
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert str(own.data_dir) not in answer.text
    wait_for(lambda: own.client.get("/readyz").status_code == 503, 10, "not ready")
    assert own.client.get("/healthz").status_code == 200
    blocker.execute("ROLLBACK")
    blocker.close()
    wait_for(lambda: own.client.get("/readyz").status_code == 200, 15, "ready again")
    assert send(own, shop).status_code == 202


def _database_of(own: GatewayProcess) -> Path:
    """The segment that is written to."""
    files = [path for path in (own.data_dir / "log" / "prod.raw").iterdir() if path.read_bytes()[:6] == b"SQLite"]
    return max(files)


def test_a_full_queue_is_503_at_once(tmp_path: Path) -> None:
    tight = GatewayProcess(tmp_path, gateway_queue_bytes=2000, gateway_timeout_seconds=2)
    try:
        site = tight.control.add_site("shop.example.com", now=0)
        tight.start()
        assert send(tight, site).status_code == 202
        big = json.dumps({"events": [{"name": "a", "props": {"k": "x" * 900}}] * 20})
        answer = send(tight, site, big)
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert send(tight, site).status_code == 202
    finally:
        tight.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_drains_and_exits_0(own: GatewayProcess, shop: Site, number: signal.Signals) -> None:
    own.start()
    acknowledged: list[bytes] = []
    failures: list[int] = []

    def load() -> None:
        with httpx.Client(base_url=own.url, timeout=20) as client:
            while True:
                batch_id = uuid.uuid4()
                body = json.dumps({"batch_id": str(batch_id), "events": [{"name": "a"}]})
                try:
                    answer = client.post("/v1/batch", content=body, headers={"x-footfall-site": shop.public_id})
                except httpx.TransportError:
                    return
                if answer.status_code == 202:
                    acknowledged.append(batch_id.bytes)
                elif answer.status_code != 503:
                    failures.append(answer.status_code)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(acknowledged) > 50, 20, "some load")
    own.process.send_signal(number)
    assert own.process.wait(30) == 0
    for thread in threads:
        thread.join(20)
    assert failures == []
    stored = {made.batch_id for made in own.records()}
    assert set(acknowledged) <= stored
    assert "Traceback" not in own.output.read_text()


def test_kill_9_loses_nothing_acknowledged(own: GatewayProcess, shop: Site) -> None:
    own.start()
    acknowledged = []
    for _ in range(30):
        batch_id = uuid.uuid4()
        body = json.dumps({"batch_id": str(batch_id), "events": [{"name": "a"}]})
        assert send(own, shop, body).status_code == 202
        acknowledged.append(batch_id.bytes)
    own.process.kill()
    own.process.wait(10)
    assert set(acknowledged) <= {made.batch_id for made in own.records()}


def test_heartbeats_reach_every_partition_of_both_stages(own: GatewayProcess) -> None:
    own.start()

    def beats() -> list[int]:
        partitions = own.by_partition("prod") + own.by_partition("dev")
        return [sum(record.decode(value).kind == "heartbeat" for value in values) for values in partitions]

    wait_for(lambda: min(beats()) >= 3, 10, "three heartbeats in each")
    assert len(beats()) == PARTITIONS + 1


def test_an_unreachable_control_plane_keeps_the_last_view(
    own: GatewayProcess, shop: Site, caplog: pytest.LogCaptureFixture
) -> None:
    plane = own.control
    directory = Directory(plane, {"prod": 4}, 0.0, lambda: int(time.time() * 1000))
    directory.start()
    path = own.data_dir / "control.db"
    try:
        plane.close()  # the next poll has to open the file anew
        away = path.rename(own.data_dir / "away.db")
        path.mkdir()
        wait_for(lambda: not directory.reachable, 5, "a failed poll")
        assert shop.public_id in directory.view.by_public_id
        assert directory.view.salts
        assert "keeping the last known sites" in caplog.text
        path.rmdir()
        away.rename(path)
        wait_for(lambda: directory.reachable, 5, "a poll that works")
        plane.add_site("b.example", now=0)
        wait_for(lambda: len(directory.view.by_public_id) == 2, 5, "the new site")
    finally:
        directory.stop()


def test_no_full_address_is_written_anywhere(own: GatewayProcess, shop: Site) -> None:
    own.start()
    full = ("203.0.113.77", "2001:db8:1:2:3:4:5:6")
    for address in full:
        for consent in ("granted", "denied"):
            body = {"consent": consent, "visitor_id": "v", "events": [{"name": "page_view", "url": "/"}, {"x": 1}]}
            headers = {"x-footfall-site": shop.public_id, "x-forwarded-for": address}
            answer = own.client.post("/v1/batch", content=json.dumps(body), headers=headers)
            assert answer.status_code == 202
        own.client.post("/v1/batch", content=b"{", headers=headers)
        own.client.get("/nowhere", headers=headers)
    truncated = {made.address for made in own.records()}
    assert truncated == {"203.0.113.0", "2001:db8:1::"}
    assert own.stop() == 0
    for path in own.data_dir.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        for address in full:
            assert address.encode() not in data, path


def test_a_proxy_nobody_trusts_is_told_of(tmp_path: Path) -> None:
    plain = GatewayProcess(tmp_path)
    try:
        site = plain.control.add_site("shop.example.com", now=0)
        plain.start()
        headers = {"x-footfall-site": site.public_id, "x-forwarded-for": "203.0.113.77"}
        assert plain.client.post("/v1/batch", content=BODY, headers=headers).status_code == 202
        assert plain.metric("footfall_gateway_ignored_proxy_headers_total") == 1
        assert {made.address for made in plain.records()} == {"127.0.0.0"}
    finally:
        plain.close()


def test_a_taken_port_is_said_plainly(own: GatewayProcess) -> None:
    own.start()
    second = GatewayProcess(own.data_dir / "second", gateway_port=own.port)
    try:
        with pytest.raises(AssertionError, match=f"port {own.port} is taken") as caught:
            second.start()
        assert "Traceback" not in str(caught.value)
        assert second.process.returncode == 1
    finally:
        second.close()


def test_visitors_behind_two_proxies_that_each_add_a_header_stay_two(own: GatewayProcess, shop: Site) -> None:
    own.start()
    for address in ("203.0.113.77", "198.51.100.9"):
        headers = [
            ("x-footfall-site", shop.public_id),
            ("x-forwarded-for", address),  # the outer proxy's
            ("x-forwarded-for", "127.0.0.1"),  # the inner one's, the same for everybody
        ]
        assert own.client.post("/v1/batch", content=BODY, headers=headers).status_code == 202
    made = [record for record in own.records() if record.events]
    assert {record.address for record in made} == {"203.0.113.0", "198.51.100.0"}
    assert len({record.visitor_id for record in made}) == 2

"""Limits that hold over several gateways, through a real Valkey."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from footfall.ids import uuid7
from ingest_gateway.limits import AddressLimit, Bucket
from ingest_gateway.sharing import EVERY_S, QUIET_ROUNDS, Sharing
from tests.fixtures.valkey import ValkeyProcess
from tests.gateway.harness import GatewayProcess

SECRET = b"s" * 32
RATE, BURST = 1000.0, 2000.0


class Gateway:
    """The limits of a gateway, without the rest; time is the test's."""

    def __init__(self, valkey: ValkeyProcess) -> None:
        self.bucket = Bucket(RATE, BURST, 0.0)
        self.sharing = Sharing(valkey.url, "prod", SECRET, lambda: [("pub:shop", self.bucket)])
        self.let_in = 0

    def ask(self, now: float, times: int, events: int) -> None:
        for _ in range(times):
            if not self.bucket.wait_s(now):
                self.bucket.take(events)
                self.let_in += events


@pytest.fixture
def gateways(valkey: ValkeyProcess) -> Iterator[list[Gateway]]:
    made = [Gateway(valkey) for _ in range(3)]
    yield made
    for gateway in made:
        gateway.sharing.stop()


def drive(gateways: list[Gateway], seconds: float, share: bool = True) -> int:
    """Everybody is asked for five times the rate, all the time; what was let in."""
    rounds = round(seconds / EVERY_S)
    for number in range(rounds):
        for gateway in gateways:
            gateway.ask(number * EVERY_S, 50, 20)
        for gateway in gateways:
            if share:
                gateway.sharing.exchange()
    return sum(gateway.let_in for gateway in gateways)


def test_together_they_let_in_what_one_would(gateways: list[Gateway]) -> None:
    seconds = 30.0
    let_in = drive(gateways, seconds)
    others = len(gateways) - 1
    assert let_in <= BURST + RATE * seconds + others * BURST
    assert let_in >= RATE * seconds


def test_alone_each_lets_in_all_of_it(gateways: list[Gateway]) -> None:
    """What the sharing is for, and what comes of it where Redis is away."""
    assert drive(gateways, 30.0, share=False) > 2.5 * RATE * 30.0


def test_one_gateway_gets_all_of_it_while_the_others_rest(gateways: list[Gateway]) -> None:
    drive(gateways, 2.0)
    before, busy = gateways[0].let_in, gateways[0]
    for number in range(200):
        busy.ask(10 + number * EVERY_S, 50, 20)
        for gateway in gateways:
            gateway.sharing.exchange()
    assert busy.let_in - before >= RATE * 39
    assert not gateways[1].sharing._followed  # full again: nothing is asked about it


def test_a_wiped_or_dead_redis_costs_nobody_anything(gateways: list[Gateway], valkey: ValkeyProcess) -> None:
    first, second = gateways[:2]
    drive([first, second], 2.0)
    valkey.wipe()
    for gateway in (first, second):
        gateway.sharing.exchange()
        owed = gateway.bucket._owed
        gateway.sharing.exchange()
        assert gateway.bucket._owed == owed
    valkey.kill()
    first.ask(1000.0, 1, 20)
    with pytest.raises(redis.RedisError):
        first.sharing.exchange()
    assert first.bucket.wait_s(1010.0) == 0


def test_addresses_are_told_only_of_where_they_send_much(valkey: ValkeyProcess) -> None:
    limit = AddressLimit(200.0)
    sharing = Sharing(valkey.url, "prod", SECRET, limit.touched)
    for number in range(500):
        limit.check(f"192.0.2.{number}", 0.0)
    for _ in range(20):
        limit.check("198.51.100.7", 0.0)
    sharing.exchange()
    with valkey.client() as client:
        keys = client.keys("*")
        assert len(keys) == 1
        assert b"198.51" not in keys[0]
        assert client.get(keys[0]) == b"20"
        assert 0 < client.ttl(keys[0]) <= 60
    for _ in range(QUIET_ROUNDS + 1):
        sharing.exchange()
    assert not sharing._followed
    sharing.stop()


@pytest.fixture
def pair(tmp_path: Path, valkey: ValkeyProcess) -> Iterator[list[GatewayProcess]]:
    """Two gateways on one log and one control plane, as behind a load balancer."""
    shared = {"redis_url": valkey.url, "trusted_proxies": "127.0.0.1", "address_requests_per_second": 20}
    made = [GatewayProcess(tmp_path, **shared) for _ in range(2)]
    try:
        for gateway in made:
            gateway.start()
        yield made
    finally:
        for gateway in made:
            gateway.close()


def test_two_gateways_are_one(pair: list[GatewayProcess]) -> None:
    now = int(time.time() * 1000)
    site = pair[0].control.add_site("shop.example.com", now=now)
    headers = {
        "x-footfall-site": site.public_id,
        "origin": "https://shop.example.com",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/141.0",
        "x-forwarded-for": "203.0.113.9",
    }
    event = {"name": "page_view", "event_id": str(uuid7(now, b"0" * 10).hex()), "url": "https://shop.example.com/"}
    batch = {"batch_id": uuid7(now, b"1" * 10).hex(), "sent_at": now, "events": [event]}
    for gateway in pair:
        deadline = time.monotonic() + 10
        asking = {**headers, "x-forwarded-for": "192.0.2.1"}
        while gateway.client.post("/v1/batch", json={}, headers=asking).status_code in (401, 429):
            assert time.monotonic() < deadline, "the gateway did not hear of the site"
            time.sleep(0.1)  # between two questions
        answer = gateway.client.post("/v1/batch", json=batch, headers=headers)
        assert answer.status_code == 202, answer.text
    one, other = pair[0].records()
    # What the flow tells a repeated batch by, in the one partition that remembers it; and one visitor.
    assert one.batch_id == other.batch_id
    assert [found.event_id for found in one.events] == [found.event_id for found in other.events]
    assert one.visitor_id == other.visitor_id != 0
    began, let_in, seconds = time.monotonic(), 0, 3.0
    while time.monotonic() < began + seconds:
        for gateway in pair:
            let_in += gateway.client.post("/v1/batch", json=batch, headers=headers).status_code == 202
    took = time.monotonic() - began
    burst = 2.0 * 20
    assert let_in <= burst + 20 * took + burst
    assert sum(gateway.metric("footfall_gateway_refused_total") for gateway in pair) > 0

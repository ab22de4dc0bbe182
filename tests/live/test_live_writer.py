from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from footfall.live import LiveShard
from footfall.live_view import LiveValues, LiveView, sum_shards
from sinks import live
from sinks.live import LiveWriter, live_key, read_live
from tests.fixtures.valkey import ValkeyProcess
from tests.live.records import BASE, batch


@pytest.fixture
def writer(valkey: ValkeyProcess) -> Iterator[LiveWriter]:
    made = LiveWriter(valkey.url, "test")
    yield made
    made.close(1)


def wait_for(condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not within the time allowed"
        time.sleep(0.01)


def view(valkey: ValkeyProcess, site: str = "shop") -> LiveView:
    with valkey.client() as client:
        return read_live(client, "test", site, BASE)


def failed() -> float:
    return REGISTRY.get_sample_value("footfall_live_write_failures_total", {"stage": "test"}) or 0.0


def values(shard: int, visitors: int, log_time: int = BASE) -> LiveValues:
    return LiveValues(site_id="shop", shard=shard, log_time=log_time, visitors=visitors, day="2023-11-14")


def test_shards_add_up_expire_and_are_published(valkey: ValkeyProcess, writer: LiveWriter) -> None:
    with valkey.client() as client, client.pubsub() as channel:
        channel.subscribe(live_key("test", "shop"))
        assert channel.get_message(timeout=5)["type"] == "subscribe"
        started = time.monotonic()
        writer.put([values(0, 2), values(1, 3)])
        message = channel.get_message(timeout=5)
        assert time.monotonic() - started < 2
        assert (message["channel"], message["data"]) == (b"footfall:test:live:shop", str(BASE).encode())
        assert 0 < client.ttl(live_key("test", "shop")) <= live.EXPIRE_S
    assert view(valkey).visitors == 5
    writer.put([values(1, 7)])
    wait_for(lambda: view(valkey).visitors == 9)


def test_writing_the_same_again_changes_nothing(valkey: ValkeyProcess, writer: LiveWriter) -> None:
    def replay() -> list[LiveValues]:
        shard = LiveShard(0)
        for n in range(5):
            shard.absorb(batch("page_view", "purchase", revenue=2.5, goals=("buy",)), n + 1, BASE + n)
        return shard.take()

    writer.put(replay())
    wait_for(lambda: view(valkey).visitors == 5)
    before = view(valkey)
    assert (before.revenue, before.conversions) == (125_000, 10)
    writer.put(replay())
    writer.put([LiveValues(site_id="other", log_time=BASE, visitors=1)])  # written after it
    wait_for(lambda: view(valkey, "other").visitors == 1)
    assert view(valkey) == before


def test_a_site_that_is_gone_goes(valkey: ValkeyProcess, writer: LiveWriter) -> None:
    writer.put([values(0, 2)])
    wait_for(lambda: view(valkey).visitors == 2)
    writer.put([LiveValues(site_id="shop", shard=0, log_time=BASE + 1, gone=True)])
    with valkey.client() as client:
        wait_for(lambda: not client.exists(live_key("test", "shop")))
    wait_for(lambda: not writer._known)


def test_a_wiped_redis_is_right_again(valkey: ValkeyProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    assert live.REWRITE_EVERY_S <= 30
    monkeypatch.setattr(live, "REWRITE_EVERY_S", 0.5)
    writer = LiveWriter(valkey.url, "test")
    writer.put([values(0, 2), values(1, 3)])
    wait_for(lambda: view(valkey).visitors == 5)
    valkey.wipe()
    wait_for(lambda: view(valkey).visitors == 5)
    writer.close()


def test_redis_down_blocks_nobody_and_comes_back_whole(valkey: ValkeyProcess, writer: LiveWriter) -> None:
    writer.put([values(0, 2)])
    wait_for(lambda: view(valkey).visitors == 2)
    failures = failed()
    valkey.kill()
    started = time.monotonic()
    for n in range(1000):
        writer.put([values(1, n)])
    assert time.monotonic() - started < 0.5
    assert len(writer._known) == 2
    wait_for(lambda: failed() > failures)
    valkey.start()  # empty: nothing is kept on disk
    wait_for(lambda: view(valkey).visitors == 2 + 999)


def test_what_waits_is_bounded(valkey: ValkeyProcess, writer: LiveWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey.kill()
    monkeypatch.setattr(live, "MAX_KNOWN", 50)
    writer.put(LiveValues(site_id=f"site{n}", log_time=BASE) for n in range(500))
    assert len(writer._known) == 50
    assert len(writer._pending) <= 50


def test_close_writes_what_is_pending(valkey: ValkeyProcess) -> None:
    writer = LiveWriter(valkey.url, "test")
    writer.put([values(0, 1)])
    wait_for(lambda: view(valkey).visitors == 1)
    writer.put([values(0, 42)])
    writer.close(5)
    assert view(valkey).visitors == 42


def test_a_shard_that_stands_still_adds_no_visitors_now() -> None:
    old, new = values(0, 4, BASE - 600_000), values(1, 3)
    seen = sum_shards("shop", [old, new], BASE)
    assert (seen.visitors, seen.as_of) == (3, BASE - 600_000)
    yesterday = LiveValues(site_id="shop", shard=2, log_time=BASE, day="2023-11-13", revenue=5)
    assert sum_shards("shop", [new, yesterday], BASE).revenue == 0
    assert len(sum_shards("shop", [], BASE).views) == 30

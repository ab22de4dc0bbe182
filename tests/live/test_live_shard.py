from __future__ import annotations

import pickle
import random
from collections import Counter

import pytest

from footfall import live_site
from footfall.live import LiveShard
from footfall.live_view import MINUTE_MS, NOW_MS, OTHER, VIEW_MINUTES, LiveValues
from footfall.names import PAGE_EVENTS
from footfall.sites import Site
from tests.live.records import BASE, batch, traffic


def latest(shard: LiveShard) -> dict[str, LiveValues]:
    return {value.site_id: value for value in shard.take()}


def test_visitors_of_five_minutes_by_log_time() -> None:
    shard = LiveShard(0)
    shard.absorb(batch("page_view", country="DE"), 1, BASE)
    shard.absorb(batch("page_view", country="FR"), 2, BASE + 1)
    shard.absorb(batch("click", country="FR"), 1, BASE + 2)  # the same visitor, elsewhere now
    value = latest(shard)["shop"]
    assert (value.visitors, value.countries) == (2, {"FR": 2})
    assert not shard.take()
    shard.advance(BASE + 1 + NOW_MS)
    assert latest(shard)["shop"].countries == {"FR": 1}
    shard.advance(BASE + 10 + 2 * NOW_MS)
    assert latest(shard)["shop"].visitors == 0


def test_views_pages_and_events_fall_out_and_the_site_goes() -> None:
    shard = LiveShard(3)
    shard.absorb(batch("page_view", "click", "path_change", path="/a"), 1, BASE)
    value = latest(shard)["shop"]
    assert value.views == {BASE: 2}
    assert value.pages == {"/a": 2}
    assert [(e.name, e.path, e.country) for e in value.events] == [
        ("page_view", "/a", "DE"), ("click", "/a", "DE"), ("path_change", "/a", "DE"),
    ]  # fmt: skip
    shard.advance(BASE + VIEW_MINUTES * MINUTE_MS)
    assert latest(shard)["shop"] == LiveValues(
        site_id="shop", shard=3, log_time=BASE + VIEW_MINUTES * MINUTE_MS, gone=True
    )
    assert not shard.take()


def test_totals_are_of_the_sites_own_day() -> None:
    kathmandu = Site(site_id="shop", timezone="Asia/Kathmandu")  # +05:45
    midnight = 1_699_985_700_000  # 2023-11-14T18:15Z
    shard = LiveShard(0)
    shard.absorb(batch("purchase", at=midnight - 1, revenue=10.0, site=kathmandu), 1, midnight - 1)
    assert (value := latest(shard)["shop"]).day == "2023-11-14"
    assert value.revenue == 100_000
    shard.absorb(batch("purchase", at=midnight - 1, revenue=5.0, site=kathmandu), 1, midnight)
    shard.absorb(batch("click", at=midnight, goals=("buy",), site=kathmandu), 1, midnight + 1)
    value = latest(shard)["shop"]
    assert (value.day, value.conversions, value.revenue) == ("2023-11-15", 1, 0)


def test_bots_and_events_left_out_do_not_count() -> None:
    shard = LiveShard(0)
    shard.absorb(batch("page_view", bot="known_crawler"), 1, BASE)
    shard.absorb(batch("page_view"), 1, BASE, places=[])
    assert not shard.dirty
    shard.absorb(batch("page_view", "click", "page_view"), 1, BASE, places=[0, 1])
    assert latest(shard)["shop"].views == {BASE: 1}


def recount(records: list[tuple[object, ...]], site_id: str, now: int) -> tuple[int, dict[int, int], Counter[str]]:
    seen: dict[int, int] = {}
    views: Counter[int] = Counter()
    pages: Counter[str] = Counter()
    for made, visitor, at in traffic(7, 400):
        if made.record.site_id != site_id:
            continue
        seen[visitor] = at
        shown = sum(e.name in PAGE_EVENTS for e in made.events)
        views[at - at % MINUTE_MS] += shown
        if at - at % live_site.PAGE_BUCKET_MS > now - now % live_site.PAGE_BUCKET_MS - VIEW_MINUTES * MINUTE_MS:
            pages[made.pages[0].path] += shown
    first = now - now % MINUTE_MS - (VIEW_MINUTES - 1) * MINUTE_MS
    here = sum(at > now - NOW_MS for at in seen.values())
    return here, {at: n for at, n in views.items() if at >= first and n}, pages


def test_values_equal_a_recount() -> None:
    shard = LiveShard(0)
    records = traffic(7, 400)
    for made, visitor, at in records:
        shard.absorb(made, visitor, at)
    values = latest(shard)
    for site_id in ("shop", "blog"):
        visitors, views, pages = recount([], site_id, records[-1][2])
        assert values[site_id].visitors == visitors == sum(values[site_id].countries.values())
        assert values[site_id].views == views
        assert values[site_id].pages == {path: n for path, n in pages.items() if n}


@pytest.mark.parametrize("seed", range(5))
def test_the_same_input_gives_the_same_values_however_often_taken_and_restarted(seed: int) -> None:
    rnd = random.Random(seed)
    straight, broken = LiveShard(0), LiveShard(0)
    seen: dict[str, LiveValues] = {}
    for made, visitor, at in traffic(seed, 300):
        straight.absorb(made, visitor, at)
        broken.absorb(made, visitor, at)
        if rnd.random() < 0.2:
            seen |= latest(broken)
        if rnd.random() < 0.1:
            broken = LiveShard.restore(pickle.loads(pickle.dumps(broken.snapshot())))
    end = straight.log_time + 6_000
    straight.advance(end)
    broken.advance(end)
    expected = latest(LiveShard.restore(straight.snapshot()))
    assert latest(LiveShard.restore(broken.snapshot())) == expected
    assert set(expected) == {"shop", "blog"}


def test_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_site, "MAX_VISITORS", 10)
    monkeypatch.setattr("footfall.live.MAX_VISITORS", 10)
    monkeypatch.setattr(live_site, "MAX_PATHS", 5)
    shard = LiveShard(0)
    for i in range(100):
        shard.absorb(batch("page_view", path=f"/{i}", country=f"c{i % 3}"), i, BASE + i)
        assert len(shard._sites["shop"].visitors) <= 20
        assert len(shard._sites["shop"].recent) <= 20
    value = latest(shard)["shop"]
    assert (value.visitors, value.capped, sum(value.countries.values())) == (10, True, 10)
    assert value.pages == {"/0": 1, "/1": 1, "/2": 1, "/3": 1, "/4": 1, OTHER: 95}
    assert len(value.events) == 20


def test_a_server_without_a_visitor_is_nobody() -> None:
    shard = LiveShard(0)
    shard.absorb(batch("purchase", revenue=5.0, goals=("buy",)), 0, BASE)
    value = latest(shard)["shop"]
    assert (value.visitors, value.conversions, value.revenue) == (0, 1, 50_000)

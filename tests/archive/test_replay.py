"""A rule was wrong: after a replay everything is as if the right one had always held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.archive.world import World, site_with, worlds
from tests.fixtures.store import StoreServer
from tests.fixtures.valkey import ValkeyProcess

OLD = site_with(("/b",), "/")
NEW = site_with(("/a",), "/b")


@pytest.fixture
def two(tmp_path: Path, store: StoreServer, valkey: ValkeyProcess) -> Iterator[list[World]]:
    with worlds(tmp_path, store, valkey.url, 2) as made:
        yield made


def test_a_replay_comes_to_what_the_rule_would_have_made(two: list[World]) -> None:
    world, fresh = two
    world.site, fresh.site = OLD, NEW
    world.run()
    fresh.run()
    old, wanted = world.numbers_of(), fresh.numbers_of()
    ledger = world.ledger()
    assert old["events"] != wanted["events"]
    assert ledger["dropped", "excluded"] > 10
    assert ledger["duplicate", "batch"] > 2
    assert ledger["duplicate", "stored_before"] > 2

    stored = set(world.rows("SELECT DISTINCT log_partition, log_offset FROM events"))
    archived = world.archived()
    assert stored < archived  # what a rule dropped is there too

    # Killed when two thirds were in the log and half of it noted; the geo database is another one now.
    world.site, world.country = NEW, "FR"
    world.replay(1, share=0.66)
    world.run()
    world.replay(1, skip=0.5)
    world.run()
    assert_same(world.numbers_of(), wanted)
    now = world.ledger()
    assert {place: number for place, number in now.items() if place[0] != "replayed"} == ledger
    assert now["replayed", "excluded"] > 10
    assert now["replayed", "duplicate"] > 2

    replays = set(world.rows("SELECT DISTINCT log_partition, log_offset FROM events WHERE replay > 0"))
    assert replays
    assert world.archived() == archived  # no replay is archived

    # Once more; then the old rule holds again.
    world.replay(2)
    world.run()
    assert_same(world.numbers_of(), wanted)
    world.site = OLD
    world.replay(3)
    world.run()
    assert_same(world.numbers_of(), old)

    # The engine has merged older rows away, and a flow that has lost its state reads everything from
    # the beginning: it writes them again, and they stay the older ones.
    world.bench.client.execute("OPTIMIZE TABLE events FINAL")
    (before,) = world.rows("SELECT count() FROM events")
    world.forget_state()
    world.run()
    (after,) = world.rows("SELECT count() FROM events")
    assert after > before
    assert world.numbers_of()["events"] == old["events"]
    twice = "SELECT log_partition, log_offset, log_index FROM events GROUP BY ALL HAVING count() > 1"
    assert world.rows(twice) == []


def assert_same(found: dict[str, list[object]], wanted: dict[str, list[object]]) -> None:
    for name, rows in wanted.items():
        assert found[name] == rows, name

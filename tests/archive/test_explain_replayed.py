"""`footfall explain` of events that a replay withdrew, changed, or left as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.explaining import event, session, stored
from cli.explaining.arrivals import search
from footfall.sites import Sites
from tests.archive.world import LATENESS_MS, PARTITIONS, World, site_with, worlds
from tests.fixtures.store import StoreServer
from tests.fixtures.valkey import ValkeyProcess
from tests.flows.making import SITE


@pytest.fixture
def world(tmp_path: Path, store: StoreServer, valkey: ValkeyProcess) -> Iterator[World]:
    with worlds(tmp_path, store, valkey.url, 1) as made:
        yield made[0]


def explained(world: World, event_id: bytes) -> str:
    client = world.bench.client
    rows = stored.event_rows(client, event_id, "")
    with closing(world.log.reader()) as reader:
        searched = search(reader, list(range(PARTITIONS)), event_id, 0, 1 << 60, 1_000_000)
    sites = Sites(by_id={SITE.site_id: world.site})
    return "\n".join(event.tell(client, event_id, "", rows, searched, sites, LATENESS_MS))


def test_events_that_a_replay_changed(world: World) -> None:
    client = world.bench.client
    world.site = site_with(("/b",), "/")
    world.run()
    world.site = site_with(("/a",), "/b")
    world.replay(1)
    world.run()

    withdrawn = "SELECT event_id, visitor_id FROM events FINAL WHERE withdrawn ORDER BY event_id LIMIT 1"
    ((gone, visitor),) = world.rows(withdrawn)
    told = explained(world, gone)
    assert "again, by replay 1 of the raw archive" in told
    assert told.count("in time: it entered the live session") == told.count("door: browser") - 1
    assert "it counts no more: the row of replay 1 (below) has taken its place" in told
    assert told.endswith("withdrawn  by replay 1: a step dropped it then\nsession    none: it counts no more")
    rows = world.rows(f"SELECT session_id FROM sessions FINAL WHERE visitor_id = {visitor}")
    of_sessions = "\n".join(line for (one,) in rows for line in session.tell(client, one, ""))
    assert of_sessions.count(" page_view /") > 1
    assert gone.hex() not in of_sessions

    # The engine has merged the rows: the record still came in first, and was no duplicate.
    ((kept,),) = world.rows(
        "SELECT event_id FROM events FINAL WHERE replay = 1 AND NOT withdrawn ORDER BY 1 LIMIT 1"
    )
    client.execute("OPTIMIZE TABLE events FINAL")
    told = explained(world, kept)
    first = told.split("\n\n")[1]
    assert "became     a row of events, in whose place is that of a replay by now (below)" in first
    assert told.count("\nstored ") == 1
    assert "by replay 1\n" in told

"""Jobs while a log has several generations: visits that are open in two of them, log time of drained
partitions, and when a generation is drained."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from eventlog.local import LocalLog
from footfall.generations import ALWAYS, RETRY_MS, Generation
from footfall.record import LogEvent, Record, encode
from footfall.sessions.shard import Policy, SessionShard
from footfall.sites import Site
from jobs.draining import MAX_RECORDS, SLACK_MS, drain, drained_from
from jobs.marking import mark_new, marked_until
from jobs.repair import repair
from jobs.repair_list import mark_done, next_entries
from jobs.stored import stored_until
from sinks.insert import insert_block
from sinks.native import StringPieces
from sinks.session_block import encode_sessions
from tests.eventlog.contract import WAIT_S
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, HOUR, MINUTE, Bench, bench, event, ms, time_of
from tests.jobs.repairing import fact_of, milli, sort_and_split, stored, who_of

SITE = "shop.example"
START = ms("2026-03-10T08:00Z")
WINDOW, LATENESS = 30 * MINUTE, 10 * MINUTE
NEW = 4  # partitions of the second generation: 2 to 5


@pytest.fixture
def made(store: StoreServer, tmp_path: Path) -> Iterator[Bench]:
    with bench(store, tmp_path) as made:
        made.control.add_site(SITE, now=0)
        yield made


def grow(made: Bench, at: int = START) -> None:
    made.control.add_generation(made.stage, made.settings.partitions, NEW, now=at)
    made.control.open_generation(made.stage, 2, now=at)


def reached(made: Bench, times: dict[int, int], offset: int = 0) -> None:
    """All is stored up to these log times, by partition."""
    rows = [
        {"log_partition": n, "log_offset": max(offset, at), "log_time": time_of(at), "heartbeat_at": time_of(at),
         "stored_at": time_of(at)}
        for n, at in times.items()
    ]  # fmt: skip
    made.insert("progress", rows)


def split_history(seed: int, visitors: int = 25, count: int = 700) -> list[dict[str, Any]]:
    """Visitors of whom some go on in the new generation, some go to and fro, and some come late."""
    rnd = random.Random(seed)
    events = []
    for number in range(count):
        visitor = rnd.randrange(1, visitors)
        at = START + rnd.randrange(8 * HOUR) // 1000 * 1000 + number  # never two at once
        delay = rnd.choice([0, 0, 5_000, 9 * MINUTE, 3 * HOUR])
        newer = visitor % 3 == 0 or (visitor % 3 == 1 and at > START + 4 * HOUR) or rnd.random() < 0.2
        partition = 2 + visitor % NEW if newer else visitor % 2
        events.append(event(SITE, visitor, at, log_time=at + delay, log_partition=partition))
    return events


def cross_pairs(events: list[dict[str, Any]], after: dict[int, int], until: dict[int, int]) -> set[int]:
    """Visitors with two live events one after the other in different partitions, one of them new."""
    found = set()
    by_visitor: dict[int, list[tuple[int, int, bool]]] = {}
    for row in events:
        partition, log_time = row["log_partition"], milli(row["log_time"])
        if not row["late"] and log_time <= until[partition]:
            new = log_time > after.get(partition, -1)
            by_visitor.setdefault(row["visitor_id"], []).append((milli(row["occurred_at"]), partition, new))
    for visitor, rows in by_visitor.items():
        for one, other in pairwise(sorted(rows)):
            if one[1] != other[1] and other[0] - one[0] <= WINDOW and (one[2] or other[2]):
                found.add(visitor)
    return found


@pytest.mark.parametrize("seed", [1])
def test_each_visit_in_two_partitions_is_listed_when_its_second_half_is_stored(made: Bench, seed: int) -> None:
    """Partitions are stored up to different times, and what is listed is done before the next look."""
    grow(made)
    rnd = random.Random(seed)
    events = [row for row in split_history(seed) if not row["late"]]
    made.insert("events", events)
    after: dict[int, int] = {}
    total = 0
    for at in range(START, START + 9 * HOUR, 37 * MINUTE):
        until = {n: max(after.get(n, 0), at + rnd.randrange(-HOUR, HOUR)) for n in range(2 + NEW)}
        reached(made, until)
        mark_new(made.context(), made.stage, made.client)
        entries = next_entries(made.client, made.stage, SITE, START + 9 * DAY, None, 1000)
        wanted = cross_pairs(events, after, until)
        assert {entry.visitor_id for entry in entries} == wanted
        total += len(wanted)
        mark_done(made.client, SITE, entries)
        after = until
    assert total > 30
    assert marked_until(made.context(), made.stage) == after


@pytest.mark.parametrize("seed", [1])
def test_two_live_halves_become_one_session(made: Bench, seed: int) -> None:
    """Each partition has a live state of its own, and log time goes on in each at its own pace."""
    grow(made)
    events = split_history(seed + 10)
    site: Site = made.control.site(SITE)
    shards = {n: SessionShard(Policy(lateness_ms=LATENESS)) for n in range(2 + NEW)}
    rnd = random.Random(seed)
    done = dict.fromkeys(shards, -1)
    for at in range(START, START + 20 * HOUR, 2 * HOUR):
        until = {n: max(done[n], at - rnd.randrange(HOUR)) for n in shards}
        rows = []
        for n, shard in shards.items():
            came = [e for e in events if e["log_partition"] == n and done[n] < milli(e["log_time"]) <= until[n]]
            made.insert("events", came)
            for row in sorted(came, key=lambda e: e["log_time"]):
                if not row["late"]:
                    log_time = milli(row["log_time"])
                    shard.absorb(site, row["visitor_id"], who_of(row), [fact_of(row)], log_time)
                    rows += shard.advance(log_time)
            rows += shard.advance(until[n])
        if rows:
            block = encode_sessions(rows, StringPieces())
            insert_block(made.client, f"footfall_{made.stage}", "sessions", block)
        reached(made, until)
        repair(made.context())
        done = until
    reached(made, dict.fromkeys(shards, START + 2 * DAY))
    assert repair(made.context()).endswith(" 0 waiting")
    assert stored(made) == sort_and_split(events)


def test_nothing_is_known_to_be_stored_before_a_new_partition_was_heard_of(made: Bench) -> None:
    def until() -> int:
        return stored_until(made.client, lambda: made.context().layout(made.stage))

    reached(made, {0: START + 5, 1: START + 3})
    assert until() == START + 3
    grow(made)
    assert until() == 0
    reached(made, dict.fromkeys(range(2, 2 + NEW), START + 4))
    assert until() == START + 3
    reached(made, {0: START + 9, 1: START + 9})
    made.control.mark_drained(made.stage, 1, now=START)
    reached(made, dict.fromkeys(range(2, 2 + NEW), START + DAY))
    assert until() == START + DAY, "a drained partition stands still, and holds nobody up"


class Old:
    """The first generation's log, at a time of the test's."""

    def __init__(self, made: Bench) -> None:
        self.now = START
        self._made = made
        self.log = LocalLog(made.settings.log_dir(made.stage), 2, min_free_bytes=0, clock=lambda: self.now)

    def append(self, at: int, record: Record, partition: int = 0, times: int = 1) -> None:
        self.now = at
        appender = self.log.appender()
        appender.append([(partition, encode(record))] * times).result(WAIT_S)
        appender.close(WAIT_S)

    def stored(self, until: int) -> None:
        """All of it, and log time is there everywhere."""
        reader = self.log.reader()
        end = max(reader.bounds(n)[1] for n in range(2))
        reader.close()
        reached(self._made, dict.fromkeys(range(2 + NEW), until), offset=end)
        repair(self._made.context())


BEAT_OF_OLD = Record(kind="heartbeat", generation=1)
BEAT_OF_NEW = Record(kind="heartbeat", generation=2)
EVENT = Record(site_id=SITE, events=[LogEvent(name="page_view", event_id=bytes(16))])
QUIET = 60 * MINUTE + SLACK_MS  # the horizon of retries is longer than window and lateness


def is_drained(made: Bench) -> bool:
    drain(made.context())
    return made.context().layout(made.stage).generations[0].is_drained


@pytest.mark.parametrize("record", [EVENT, BEAT_OF_OLD, Record(kind="heartbeat"), Record()])
def test_it_is_drained_when_nobody_has_written_to_it_for_long(made: Bench, record: Record) -> None:
    """Be it events, or heartbeats of a gateway that goes on with it, or does not know of generations."""
    old = Old(made)
    grow(made)
    old.append(START + MINUTE, EVENT)
    assert not is_drained(made)
    old.append(START + HOUR, record, partition=1)
    for minutes in range(61, 61 + QUIET // MINUTE, 30):
        old.append(START + minutes * MINUTE, BEAT_OF_NEW)
        old.stored(START + minutes * MINUTE)
        assert not is_drained(made)
    old.stored(START + HOUR + QUIET)
    assert not is_drained(made)
    old.stored(START + HOUR + QUIET + 1)
    assert is_drained(made)
    one = made.context().layout(made.stage)
    assert drained_from(made.context(), made.stage, one, one.generations[0]) == START + HOUR + QUIET


def test_it_is_left_when_nobody_has_written_to_it_for_a_minute(made: Bench) -> None:
    def left_at() -> int:
        drain(made.context())
        return made.context().layout(made.stage).generations[0].left_at

    old = Old(made)
    grow(made)
    old.append(START + MINUTE, EVENT)
    old.stored(START + MINUTE)
    assert left_at() == 0
    old.append(START + 2 * MINUTE, BEAT_OF_NEW)
    old.stored(START + 2 * MINUTE)
    assert left_at() == 0, "not for longer than a minute"
    old.stored(START + 2 * MINUTE + 1)
    assert left_at() == START + MINUTE
    layout = made.context().layout(made.stage)
    assert layout.unsure_until(0) == ALWAYS
    assert layout.unsure_until(2) == START + MINUTE + RETRY_MS
    old.append(START + 3 * MINUTE, BEAT_OF_OLD)
    assert left_at() == 0
    assert made.context().layout(made.stage).unsure_until(2) == ALWAYS


def test_it_is_not_drained_before_all_is_stored_and_looked_at_by_repair(made: Bench) -> None:
    old = Old(made)
    grow(made)
    old.append(START + MINUTE, EVENT, times=3)
    is_drained(made)
    late = START + DAY
    reached(made, dict.fromkeys(range(2 + NEW), late))
    made.client.execute("TRUNCATE TABLE progress")
    rows = [
        {"log_partition": n, "log_offset": 2, "log_time": time_of(late), "heartbeat_at": time_of(late),
         "stored_at": time_of(late)}
        for n in range(2 + NEW)
    ]  # fmt: skip
    made.insert("progress", rows)
    repair(made.context())
    assert not is_drained(made), "of three records two are stored"
    made.control.set_cursor(f"repair:{made.stage}", "{}")
    reached(made, dict.fromkeys(range(2 + NEW), late))
    assert not is_drained(made), "repair has not looked yet"
    repair(made.context())
    assert is_drained(made)


def test_a_log_that_is_much_written_to_is_not_read_for_it(made: Bench) -> None:
    old = Old(made)
    grow(made)
    is_drained(made)
    old.append(START + HOUR, BEAT_OF_NEW, times=MAX_RECORDS + 1)
    is_drained(made)
    layout = made.context().layout(made.stage)
    assert drained_from(made.context(), made.stage, layout, layout.generations[0]) == START + HOUR + QUIET


def test_what_is_written_after_all_is_served_again_as_long_as_the_log_keeps_it(made: Bench) -> None:
    old = Old(made)
    grow(made)
    old.append(START, EVENT)
    is_drained(made)
    old.stored(START + 2 * DAY)
    made.now = START + 2 * DAY
    assert is_drained(made)
    old.append(START + 2 * DAY, BEAT_OF_NEW)  # of a gateway that has not heard yet
    assert is_drained(made)
    old.append(START + 3 * DAY, EVENT)
    assert "is written to again" in drain(made.context())
    assert not made.context().layout(made.stage).generations[0].is_drained
    old.stored(START + 6 * DAY)
    assert is_drained(made)
    made.now = START + 2 * DAY + int(made.settings.log_retention_hours * HOUR) + 1
    old.append(START + 7 * DAY, EVENT)
    assert is_drained(made), "nobody looks any more"


def test_a_drained_log_that_was_deleted_is_not_made_anew(made: Bench) -> None:
    old = Old(made)
    grow(made)
    is_drained(made)
    old.stored(START + DAY)
    made.now = START + DAY
    assert is_drained(made)
    directory = made.settings.log_dir(made.stage)
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    assert drain(made.context()) == "no log has an older generation"
    assert not directory.exists()


def test_a_log_that_never_grew_has_nothing_to_drain(made: Bench) -> None:
    assert drain(made.context()) == "no log has an older generation"
    assert made.context().layout(made.stage).generations == (
        Generation(number=1, first=0, partitions=2, opened_at=1),
    )

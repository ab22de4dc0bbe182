"""Of two rows of an event the one of the later replay counts, whichever was inserted last; tables
of before there were replays are taken over whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest
from clickhouse_driver import Client

from footfall.enrich.batch import EnrichedBatch
from footfall.record import Replay
from footfall.settings import Settings
from sinks import event_versions
from sinks import migrate as migrations
from sinks.buffer import Day
from sinks.event_versions import version_events
from sinks.migrate import load, migrate
from sinks.writer import StoreWriter
from tests.sinks.making import NOW, batch_of

Connect = Callable[[], Client]
SITE, TODAY = "shop.example", NOW // 86_400_000
MONTHS = "'2026-01-15', '2026-02-15', '2026-03-15'"


@pytest.fixture
def writer(connect: Connect, database: str) -> Iterator[StoreWriter]:
    made = StoreWriter(
        connect, database=database, flush_seconds=0.1, query_prefix="test-replay", retry_limit_s=20.0
    )
    yield made
    if made.is_alive():
        made.close()


def old_tables(client: Client, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the version before 0009 left them, with an event in each of three months."""
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "load", lambda: load()[:8])
        migrate(client, Settings(), database)
    client.execute(
        f"INSERT INTO {database}.events (site_id, event_day, name, event_id, path, log_time) "
        f"SELECT 's', arrayJoin([{MONTHS}]), 'page_view', toFixedString('0123456789abcdef', 16), '/old', now64(3)"
    )


def paths(client: Client, database: str) -> list[str]:
    return [path for (path,) in client.execute(f"SELECT path FROM {database}.events_v1 ORDER BY event_day")]


def engine(client: Client, database: str) -> str:
    sql = "SELECT engine_full FROM system.tables WHERE database = %(d)s AND name = 'events'"
    return str(client.execute(sql, {"d": database})[0][0])


def test_an_old_table_gets_its_version_and_keeps_its_rows(
    client: Client, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_tables(client, fresh_database, monkeypatch)
    migrate(client, Settings(), fresh_database)
    assert engine(client, fresh_database).startswith("ReplacingMergeTree(replay) PARTITION BY toYYYYMM(event_day)")
    assert "toIntervalDay(90) RECOMPRESS" in engine(client, fresh_database)
    assert paths(client, fresh_database) == ["/old"] * 3
    tables = client.execute("SELECT name FROM system.tables WHERE database = %(d)s", {"d": fresh_database})
    assert ("events_unversioned",) not in tables
    indices = client.execute(
        "SELECT name FROM system.data_skipping_indices WHERE database = %(d)s AND table = 'events' ORDER BY name",
        {"d": fresh_database},
    )
    assert indices == [("by_log_offset",), ("by_log_time",)]


def test_a_death_on_the_way_loses_nothing(
    client: Client, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every statement in turn; and a flow goes on inserting."""
    old_tables(client, fresh_database, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "AFTER", {})
        migrate(client, Settings(), fresh_database)
    inserted = 3
    # Before anything, after the creation, after the exchange, after each of three months.
    for allowed in (0, 1, 2, 1, 1, 1):
        with pytest.raises(ConnectionResetError):
            version_events(Dying(client, allowed), fresh_database)
        client.execute(
            f"INSERT INTO {fresh_database}.events (site_id, event_day, name, event_id, log_time) "
            "SELECT 's', '2026-03-15', 'click', toFixedString(leftPad(toString(%(n)s), 16, '0'), 16), now64(3)",
            {"n": inserted},
        )
        inserted += 1
    version_events(client, fresh_database)
    assert client.execute(f"SELECT count() FROM {fresh_database}.events") == [(inserted,)]
    assert engine(client, fresh_database).startswith("ReplacingMergeTree(replay)")
    version_events(client, fresh_database)
    assert client.execute(f"SELECT count() FROM {fresh_database}.events") == [(inserted,)]


class Dying(Client):  # type: ignore[misc] # the driver is not typed
    """Runs so many statements that change something, then dies."""

    def __init__(self, client: Client, statements: int) -> None:
        self._client, self._left = client, statements

    def execute(self, sql: str, *arguments: object) -> object:
        if not sql.startswith("SELECT"):
            if not self._left:
                raise ConnectionResetError
            self._left -= 1
        return self._client.execute(sql, *arguments)


@pytest.mark.parametrize("merged", [False, True])
def test_the_latest_replay_counts_and_not_the_last_insert(client: Client, database: str, merged: bool) -> None:
    """A restarted flow may insert an older row after a newer one."""
    for number, path in ((0, "/first"), (2, "/second replay"), (1, "/first replay"), (0, "/first")):
        client.execute(
            f"INSERT INTO {database}.events (site_id, event_day, name, event_id, log_time, path, replay) "
            "SELECT 's', '2026-03-15', 'page_view', toFixedString('0123456789abcdef', 16), now64(3), %(path)s, "
            "%(n)s",
            {"path": path, "n": number},
        )
    if merged:
        client.execute(f"SYSTEM START MERGES {database}.events")
        client.execute(f"OPTIMIZE TABLE {database}.events FINAL")
    assert client.execute(f"SELECT count() FROM {database}.events") == [(1 if merged else 4,)]
    assert paths(client, database) == ["/second replay"]


def replayed(batch: EnrichedBatch, offset: int, number: int = 1, path: str = "/new") -> EnrichedBatch:
    """The same record out of the archive, where it had this offset."""
    record = msgspec.structs.replace(batch.record, replay=Replay(number, 0, offset))
    again = EnrichedBatch(record, batch.site)
    again.occurred, again.traffic = batch.occurred, batch.traffic
    again.pages = [msgspec.structs.replace(page, path=path) for page in batch.pages]
    return again


def test_a_replay_replaces_its_own_row_and_no_other(writer: StoreWriter, client: Client, database: str) -> None:
    first, other = batch_of(1), batch_of(1, offset=1)
    writer.add_events(first, 7, None, None, 0, 10, NOW)
    writer.flush()
    # Offset 12 held the same event once more, which was found to be stored before.
    writer.add_events(replayed(first, 12, path="/duplicate"), 7, None, [True], 0, 20, NOW)
    writer.add_events(replayed(first, 10), 7, None, [True], 0, 21, NOW)
    # What was dropped when it first came has no row: the first to come makes it its own.
    writer.add_events(replayed(other, 11), 7, None, [True], 0, 22, NOW)
    writer.add_events(replayed(other, 13, path="/duplicate"), 7, None, [True], 0, 23, NOW)
    writer.flush()
    assert sorted(paths(client, database)) == ["/new", "/new"]
    told = {day: (stored, duplicate) for day, stored, duplicate in writer.take_results(0)}
    assert told == {Day(0, SITE, TODAY): (1, 0), Day(0, SITE, TODAY, replayed=True): (2, 2)}


def test_a_withdrawn_event_is_gone_for_readers(writer: StoreWriter, client: Client, database: str) -> None:
    there, never = batch_of(1), batch_of(1, offset=1)
    writer.add_events(there, 7, None, None, 0, 10, NOW)
    writer.flush()
    for batch, offset, position in ((there, 10, 20), (never, 11, 21)):
        gone = replayed(batch, offset)
        gone.withdrawn = True
        writer.add_events(gone, 7, None, [True], 0, position, NOW)
    writer.flush()
    assert paths(client, database) == []
    assert client.execute(f"SELECT count() FROM {database}.events WHERE withdrawn = 1") == [(1,)]
    assert writer.take_results(0) == [(Day(0, SITE, TODAY), 1, 0)]
    # A later replay, with the rule taken back, brings it back.
    writer.add_events(replayed(there, 10, number=2), 7, None, [True], 0, 30, NOW)
    writer.flush()
    assert paths(client, database) == ["/new"]


def test_a_restarted_flow_that_missed_the_merge_changes_nothing(
    writer: StoreWriter, connect: Connect, client: Client, database: str
) -> None:
    """The first row has gone in a merge, so its position counts as not stored and is written again."""
    batch = batch_of(1)
    writer.add_events(batch, 7, None, None, 0, 10, NOW)
    writer.flush()
    writer.add_events(replayed(batch, 10), 7, None, [True], 0, 20, NOW)
    writer.close()
    client.execute(f"SYSTEM START MERGES {database}.events")
    client.execute(f"OPTIMIZE TABLE {database}.events FINAL")
    second = StoreWriter(
        connect, database=database, flush_seconds=0.1, query_prefix="test-replay", retry_limit_s=20.0
    )
    stored = second.recover(0, 0)
    second.add_events(batch, 7, None, None, 0, 10, NOW, stored=stored)
    second.add_events(replayed(batch, 10), 7, None, [True], 0, 20, NOW, stored=stored)
    second.close()
    assert client.execute(f"SELECT count() FROM {database}.events WHERE replay = 0") == [(1,)]
    assert paths(client, database) == ["/new"]
    told = {day: (stored, duplicate) for day, stored, duplicate in second.take_results(0)}
    assert told == {Day(0, SITE, TODAY): (1, 0), Day(0, SITE, TODAY, replayed=True): (1, 0)}


def test_the_name_of_the_old_table_is_free(client: Client, database: str) -> None:
    sql = "SELECT count() FROM system.tables WHERE database = %(d)s AND name = %(t)s"
    assert client.execute(sql, {"d": database, "t": event_versions._OLD}) == [(0,)]

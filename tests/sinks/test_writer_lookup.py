"""Events that may be stored already are looked up, and stored only where they are not."""

from __future__ import annotations

import pytest
from clickhouse_driver import Client

from sinks.buffer import Day
from tests.sinks.making import NOW, batch_of
from tests.sinks.writing import DAY, Make, add, places, stored


def test_old_events_are_stored_only_where_they_are_not(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of()
    batch = batch_of(4)
    writer.add_events(batch, 7, [0, 1], None, 0, 0, NOW)
    writer.flush()
    writer.add_events(batch, 7, None, None, 0, 1, NOW, look_up_before=NOW + 10)  # 0 and 1 are there
    writer.add_events(batch, 7, [3], None, 1, 2, NOW, look_up_before=NOW + 10)  # in the same flush
    writer.flush()
    assert stored(client, database) == [(0, 0, 0), (0, 0, 1), (0, 1, 2), (0, 1, 3)]
    assert writer.take_results(0) == [(Day(0, "shop.example", DAY), 4, 2)]
    assert writer.take_results(1) == [(Day(1, "shop.example", DAY), 0, 1)]


def test_only_events_before_the_horizon_are_looked_up(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of()
    batch = batch_of(4)
    writer.add_events(batch, 7, None, None, 0, 0, NOW)
    writer.flush()
    writer.add_events(batch, 7, None, None, 0, 1, NOW, look_up_before=NOW + 2)
    writer.flush()
    assert stored(client, database) == [*places(range(1), 4), (0, 1, 2), (0, 1, 3)]


def test_events_taken_for_new_are_looked_up_by_the_age_of_their_ids(
    writer_of: Make, client: Client, database: str
) -> None:
    """A request repeated word for word after three hours: its old `sent_at` makes its events look
    new. They have entered an open session by then, which repair is told of."""
    writer = writer_of()
    batch = batch_of(4)
    writer.add_events(batch, 7, [0, 1], None, 0, 0, NOW)
    writer.flush()
    later = NOW + 3 * 3_600_000
    again = batch_of(4)
    again.occurred = [at + 3 * 3_600_000 for at in again.occurred]
    writer.add_events(again, 7, None, None, 0, 1, later, look_up_before=later - 3_600_000)
    writer.flush()
    assert stored(client, database) == [(0, 0, 0), (0, 0, 1), (0, 1, 2), (0, 1, 3)]
    repairs = client.execute(
        "SELECT site_id, visitor_id, mark, toUnixTimestamp64Milli(first_at), toUnixTimestamp64Milli(last_at), "
        f"events, is_deleted FROM {database}.repair_list"
    )
    assert repairs == [("shop.example", 7, later, later, later + 1, 2, 0)]


def test_late_duplicates_and_nobodys_need_no_repair(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of()
    for offset, visitor, late in ((0, 7, None), (1, 7, [True] * 3), (2, 0, None)):
        writer.add_events(batch_of(3), visitor, None, late, 0, offset, NOW, look_up_before=NOW + 10)
        writer.flush()
    assert stored(client, database) == places(range(1))
    assert client.execute(f"SELECT count() FROM {database}.repair_list") == [(0,)]


def test_many_old_events_are_looked_up_in_several_queries(
    writer_of: Make, client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.lookup.IDS_A_QUERY", 7)
    writer = writer_of()
    for offset in range(20):
        add(writer, offset)
    writer.flush()
    for offset in range(20):  # the same events again, at other positions
        batch = batch_of(3, offset=offset, at=NOW + offset * 1000)
        writer.add_events(batch, 7, None, None, 1, offset, NOW, look_up_before=NOW + 10**9)
    writer.flush()
    assert stored(client, database) == places(range(20))
    assert writer.take_results(1) == [(Day(1, "shop.example", DAY), 0, 60)]

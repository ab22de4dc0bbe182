"""A writer that begins where another one ended: what is stored is not stored again."""

from __future__ import annotations

import pytest
from clickhouse_driver import Client

from footfall.duplicates import batch_key
from footfall.names import Outcome
from sinks.batches import load_batches
from sinks.buffer import Day
from sinks.writer import StoreBehind
from tests.sinks.making import NOW, batch_of
from tests.sinks.writing import DAY, Make, add, places, stored


def test_a_restarted_writer_skips_what_is_stored_and_tells_it_as_stored(
    writer_of: Make, client: Client, database: str
) -> None:
    first = writer_of()
    for offset in range(6):
        add(first, offset)
    first.progress(0, 4, NOW, 0)
    first.close()
    second = writer_of()
    known = second.recover(0, 4)
    assert known.last == 5
    for offset in range(4, 9):
        add(second, offset, stored=known)
    second.flush()
    assert stored(client, database) == places(range(9))
    assert second.take_results(0) == [(Day(0, "shop.example", DAY), 15, 0)]


def test_counts_told_later_take_the_place_of_those_of_an_earlier_life(
    writer_of: Make, client: Client, database: str
) -> None:
    """Even where the later life had not come as far in the log: it knows more of what was stored."""
    place = ("shop.example", DAY, Outcome.DUPLICATE, "stored_before")
    first = writer_of()
    for number in range(5):
        first.set_ledger(2, [(place, number)])
        first.flush()
    first.close()
    second = writer_of()
    second.recover(2, 0)
    second.set_ledger(2, [(place, 33)])
    second.close()
    assert client.execute(f"SELECT count FROM {database}.ledger_v1 WHERE log_partition = 2") == [(33,)]


def test_partly_stored_records_are_completed(writer_of: Make, client: Client, database: str) -> None:
    first = writer_of()
    batch = batch_of(5)
    first.add_events(batch, 7, [0, 3], None, 0, 0, NOW)
    first.close()
    second = writer_of()
    second.add_events(batch, 7, [0, 1, 3, 4], None, 0, 0, NOW, stored=second.recover(0, 0))
    second.flush()
    assert stored(client, database) == [(0, 0, 0), (0, 0, 1), (0, 0, 3), (0, 0, 4)]
    assert second.take_results(0) == [(Day(0, "shop.example", DAY), 4, 0)]


def test_a_store_behind_the_flow_is_refused(writer_of: Make) -> None:
    writer = writer_of()
    writer.progress(0, 4, NOW, 0)
    writer.flush()
    assert writer.recover(0, 4).last == -1
    with pytest.raises(StoreBehind, match="restored from an older backup"):
        writer.recover(0, 5)
    with pytest.raises(StoreBehind, match="restored from an older backup"):
        writer.recover(1, 1)


def test_batches_are_read_back_oldest_first(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of()
    for offset in range(5):
        add(writer, offset)
    writer.flush()
    client.execute(f"USE {database}")
    batches = list(load_batches(client, 0, 4, NOW + 1000))
    keys = [batch_key(batch_of(3, offset=o, at=NOW + o * 1000).record.batch_id) for o in range(5)]
    assert batches == [(keys[offset], NOW + offset * 1000) for offset in (1, 2, 3)]
    assert list(load_batches(client, 3, 4, NOW)) == []

"""Encoded rows read back equal what clickhouse-driver's own encoder stores of the same rows."""

from __future__ import annotations

import random

import pytest
from clickhouse_driver import Client

from sinks.event_block import EventBlock
from sinks.event_day import DAY_MS, common_day, event_day, month
from sinks.insert import insert_block
from sinks.native import Codes, EncodedBlock, StringPieces, low_cardinality, varint
from sinks.schema import EVENT_COLUMNS, EVENTS, SESSIONS
from tests.sinks.making import NOW, batch_of, event_rows, random_batch


def insert_events(client: Client, database: str, block: EventBlock) -> None:
    for encoded in block.encode():
        insert_block(client, database, "events", encoded)


def read_all(client: Client, table: str) -> list[tuple[object, ...]]:
    order = "log_partition, log_offset, log_index"
    columns = ["hex(event_id)" if name == "event_id" else name for name in EVENT_COLUMNS]
    return list(client.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}"))


@pytest.mark.parametrize("seed", range(5))
def test_rows_equal_the_drivers(client: Client, database: str, seed: int) -> None:
    chance = random.Random(seed)
    client.execute(f"CREATE TABLE {database}.expected AS {database}.events")
    block, rows = EventBlock(), []
    for offset in range(60):
        batch = random_batch(chance, chance.randint(1, 30))
        places = (
            sorted(chance.sample(range(len(batch)), chance.randint(1, len(batch))))
            if chance.random() < 0.5
            else None
        )
        late = [chance.random() < 0.5 for _ in range(len(batch))] if chance.random() < 0.5 else None
        arguments = (batch, chance.getrandbits(64), places, late, chance.randrange(65_536), offset, NOW + offset)
        block.add(*arguments)
        rows += event_rows(*arguments)
    assert block.rows == len(rows)
    insert_events(client, database, block)
    data = [[row[name] for row in rows] for name in EVENT_COLUMNS]
    client.execute(f"INSERT INTO {database}.expected ({', '.join(EVENT_COLUMNS)}) VALUES", data, columnar=True)
    expected = read_all(client, f"{database}.expected")
    assert len(expected) == len(rows)
    for got, wanted in zip(read_all(client, f"{database}.events"), expected, strict=True):
        assert dict(zip(EVENT_COLUMNS, got, strict=True)) == dict(zip(EVENT_COLUMNS, wanted, strict=True))


def test_columns_are_those_of_the_tables(client: Client, database: str) -> None:
    for table, columns in (("events", EVENTS), ("sessions", SESSIONS)):
        rows = client.execute(
            "SELECT name, type FROM system.columns WHERE database = %(d)s AND table = %(t)s ORDER BY position",
            {"d": database, "t": table},
        )
        assert tuple(rows) == columns


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_536, 65_537])
def test_low_cardinality_indexes_grow_with_the_dictionary(client: Client, fresh_database: str, size: int) -> None:
    client.execute(f"CREATE TABLE {fresh_database}.t (v LowCardinality(String)) ENGINE = Memory")
    values = [f"v{number}" for number in range(size)] * 2
    block = EncodedBlock(
        ("v",), ("LowCardinality(String)",), len(values), (low_cardinality(values, StringPieces()),)
    )
    insert_block(client, fresh_database, "t", block)
    rows = client.execute(f"SELECT v, count() FROM {fresh_database}.t GROUP BY v")
    assert dict(rows) == dict.fromkeys(values, 2)


def test_a_type_that_differs_from_the_store_is_refused(client: Client, fresh_database: str) -> None:
    client.execute(f"CREATE TABLE {fresh_database}.t (v UInt32) ENGINE = Memory")
    with pytest.raises(TypeError, match="run `footfall migrate`"):
        insert_block(client, fresh_database, "t", EncodedBlock(("v",), ("UInt64",), 1, (bytes(8),)))
    assert client.execute("SELECT 1") == [(1,)]


def test_string_pieces_are_bounded() -> None:
    pieces = StringPieces(limit=10, longest=5)
    for number in range(100):
        assert pieces[str(number)] == varint(len(str(number))) + str(number).encode()
    assert len(pieces) <= 10
    assert pieces["too long"] == b"\x08too long"
    assert "too long" not in pieces


def test_codes_count_up() -> None:
    codes = Codes()
    assert [codes[text] for text in ("a", "b", "a", "")] == [0, 1, 0, 2]


def test_a_record_over_a_month_end_makes_two_blocks() -> None:
    last_of_september = 1_790_812_799_990  # 23:59:59.990
    block = EventBlock()
    block.add(batch_of(20, at=last_of_september), 1, None, None, 0, 5, NOW)
    encoded = block.encode()
    assert sorted(part.rows for part in encoded) == [10, 10]
    assert block.rows == 20
    assert {position for position, _ in block.located_keys()} == {(0, 5, index) for index in range(20)}


def test_without_leaves_out_what_it_is_told() -> None:
    block = EventBlock()
    batch = batch_of(6)
    block.add(batch, 1, [1, 2, 4], [False, True, False, False, True, False], 3, 9, NOW)
    rest = block.without({(3, 9, 2)})
    assert [position for position, _ in rest.located_keys()] == [(3, 9, 1), (3, 9, 4)]
    assert rest.rows == 2
    direct = EventBlock()
    direct.add(batch, 1, [1, 4], [False, True, False, False, True, False], 3, 9, NOW)
    assert rest.encode() == direct.encode()
    assert block.rows == 3


def test_event_day() -> None:
    v7, v4 = batch_of(1).events[0].event_id, bytes(6) + b"\x40" + bytes(9)
    day = NOW // DAY_MS
    assert event_day(v7, NOW, NOW) == day
    assert event_day(v7, NOW, NOW + 5 * DAY_MS) == day  # an old event sent late: the id is believed
    assert event_day(v7, NOW + 3 * DAY_MS, NOW + 4 * DAY_MS) == day + 4  # the sender's clock is wrong
    assert event_day(v4, NOW, NOW + DAY_MS) == day + 1


def test_common_day_agrees_with_event_day() -> None:
    chance = random.Random(4)
    for _ in range(500):
        batch = random_batch(chance, chance.randint(1, 5))
        ids = [event.event_id for event in batch.events]
        received = batch.record.received_at
        days = {event_day(i, at, received) for i, at in zip(ids, batch.occurred, strict=True)}
        common = common_day(ids, batch.occurred)
        assert common is None or days == {common}


def test_month() -> None:
    assert [month(0), month(30), month(31), month(20_717)] == [197001, 197001, 197002, 202609]

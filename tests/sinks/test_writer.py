"""The writer against a real store: what is added is stored once, in order, and told once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from clickhouse_driver import Client

from footfall.names import Outcome, QuarantineReason
from footfall.sessions.row import SessionRow
from sinks import positions
from sinks.buffer import Day
from sinks.clickhouse import StoreUnreachableError
from sinks.writer import StoreWriter
from tests.fixtures.store import StoreServer, free_port
from tests.sinks.making import NOW
from tests.sinks.writing import DAY, Connect, Make, add, places, stored


@dataclass
class Bad:
    site_id: str
    reason: str
    detail: str
    payload: bytes
    index: int


def test_flush_stores_everything_added_before(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of(flush_seconds=3600.0)
    for offset in range(10):
        add(writer, offset)
    writer.progress(0, 10, NOW, 0)
    writer.flush()
    assert stored(client, database) == places(range(10))
    assert positions.progress_of(client, database, 0)[::2] == (10, 0)
    assert writer.take_results(0) == [(Day(0, "shop.example", DAY), 30, 0)]
    assert writer.take_results(0) == []


def test_rows_are_stored_without_being_asked(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of()
    add(writer, 0)
    deadline = time.monotonic() + 10
    while not stored(client, database):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_few_rows_wait_longer_than_many(writer_of: Make, client: Client, database: str) -> None:
    few, many = writer_of(flush_seconds=0.5), writer_of(flush_seconds=0.5, query_prefix="test-other")
    add(few, 0, count=1)
    for offset in range(100):
        add(many, offset, count=1, partition=1)
    deadline = time.monotonic() + 10
    while not (found := stored(client, database)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert {partition for partition, _, _ in found} == {1}
    while len(stored(client, database)) < 101:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_tables(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of()
    row = SessionRow(
        site_id="shop.example", session_id=2**64 - 1, visitor_id=7, start_at=NOW, end_at=NOW + 5,
        pages=["/a", "/é"], goals=["buy", "sign"],
        touch_at=[NOW + 1], touch_channel=["Email"], touch_source=["s"], touch_campaign=[""],
        revenue=199_900, is_bounce=True, version=5, log_time=NOW,
    )  # fmt: skip
    older = SessionRow(site_id="shop.example", session_id=3, visitor_id=8, start_at=NOW, version=1, log_time=NOW)
    gone = SessionRow(
        site_id="shop.example", session_id=3, visitor_id=8, start_at=NOW, version=2, is_deleted=True, log_time=NOW
    )
    writer.add_sessions([row, older, gone])
    writer.add_identities([("shop.example", 7, "user-é", NOW)])
    writer.add_quarantine(
        # Set aside now: what is older than the settings keep it would be gone at once.
        [
            (
                2,
                9,
                int(time.time() * 1000),
                Bad("shop.example", QuarantineReason.STEP_FAILED, "why", b"\x01\xff\0", 4),
            )
        ]
    )
    writer.set_ledger(2, [(("shop.example", DAY, Outcome.STORED, ""), 5)])
    writer.set_ledger(2, [(("shop.example", DAY, Outcome.STORED, ""), 6)])
    writer.progress(2, 10, NOW, NOW - 1)
    writer.flush()
    columns = "session_id, pages, touch_at, goals, revenue, is_bounce, is_closed, start_at"
    at = datetime.fromtimestamp(NOW / 1000, UTC)
    assert client.execute(f"SELECT {columns} FROM {database}.sessions_v1") == [
        (
            2**64 - 1,
            ["/a", "/é"],
            [at.replace(microsecond=1000)],
            ["buy", "sign"],
            Decimal("19.99"),
            True,
            False,
            at,
        )
    ]
    assert client.execute(f"SELECT user_id, since FROM {database}.identities_v1") == [("user-é", at)]
    assert client.execute(
        f"SELECT reason, detail, hex(payload), log_partition, log_offset, log_index FROM {database}.quarantine_v1"
    ) == [("step_failed", "why", "01FF00", 2, 9, 4)]
    day = date.fromordinal(date(1970, 1, 1).toordinal() + DAY)
    assert client.execute(f"SELECT day, outcome, count FROM {database}.ledger_v1") == [(day, "stored", 6)]
    assert positions.progress_of(client, database, 2)[::2] == (10, NOW - 1)


def test_progress_is_written_after_the_rows_and_keeps_the_last_heartbeat(
    writer_of: Make, client: Client, database: str
) -> None:
    writer = writer_of(progress_seconds=0.0)
    for offset in range(40):
        add(writer, offset)
        writer.progress(0, offset + 1, NOW, NOW if offset == 0 else 0)
        reached, _, heartbeat_at = positions.progress_of(client, database, 0)
        assert stored(client, database)[: reached * 3] == places(range(reached))
        assert heartbeat_at in (0, NOW)
    writer.close()
    assert positions.progress_of(client, database, 0)[::2] == (40, NOW)


def test_adding_waits_while_both_buffers_are_full(connect: Connect, database: str) -> None:
    gate = threading.Event()

    def blocked() -> Client:
        assert gate.wait(30)
        return connect()

    writer = StoreWriter(
        blocked,
        database=database,
        flush_seconds=0.01,
        query_prefix="test-flow",
        buffer_rows=30,
        retry_limit_s=20.0,
    )
    added: list[int] = []

    def fill() -> None:
        for offset in range(100):
            add(writer, offset)
            added.append(offset)

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive()
    assert len(added) <= 20  # two buffers of ten records
    gate.set()
    thread.join(30)
    assert not thread.is_alive()
    writer.close()
    client = connect()
    assert stored(client, database) == places(range(100))
    client.disconnect()


def test_a_store_that_is_away_for_too_long_is_an_error_for_whoever_waits(store: StoreServer) -> None:
    port = free_port()
    writer = StoreWriter(
        lambda: Client("127.0.0.1", port=port),
        database="d",
        flush_seconds=0.01,
        query_prefix="t-f",
        retry_limit_s=0.5,
    )
    add(writer, 0)
    with pytest.raises(StoreUnreachableError, match="footfall doctor"):
        writer.flush()
    with pytest.raises(StoreUnreachableError):
        add(writer, 1)
    with pytest.raises(StoreUnreachableError):
        writer.close()


def test_a_query_that_is_wrong_is_not_tried_again(writer_of: Make, client: Client, database: str) -> None:
    writer = writer_of()
    client.execute(f"DROP TABLE {database}.events SYNC")
    add(writer, 0)
    begun = time.monotonic()
    with pytest.raises(Exception, match="events"):
        writer.flush()
    assert time.monotonic() - begun < 10

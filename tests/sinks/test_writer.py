"""The writer against a real store: what is added is stored once, in order, and told once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from clickhouse_driver import Client

from footfall.duplicates import batch_key
from footfall.names import Outcome, QuarantineReason
from footfall.sessions.row import SessionRow
from sinks import positions
from sinks.batches import load_batches
from sinks.buffer import Day
from sinks.clickhouse import StoreUnreachableError
from sinks.writer import StoreBehind, StoreWriter
from tests.fixtures.store import StoreServer, free_port
from tests.sinks.making import NOW, batch_of

DAY = NOW // 86_400_000
Connect = Callable[[], Client]
Make = Callable[..., StoreWriter]


@dataclass
class Bad:
    site_id: str
    reason: str
    detail: str
    payload: bytes
    index: int


@pytest.fixture
def writer_of(connect: Connect, database: str) -> Iterator[Make]:
    made: list[StoreWriter] = []

    def make(**options: object) -> StoreWriter:
        arguments = {
            "database": database,
            "flush_seconds": 0.1,
            "query_prefix": "test-flow",
            "retry_limit_s": 20.0,
        }
        writer = StoreWriter(connect, **(arguments | options))  # type: ignore[arg-type] # tests override any of them
        made.append(writer)
        return writer

    yield make
    for writer in made:
        if writer.is_alive():
            writer.close()


def add(writer: StoreWriter, offset: int, count: int = 3, partition: int = 0, **options: object) -> None:
    batch = batch_of(count, offset=offset, at=NOW + offset * 1000)
    writer.add_events(batch, 7, None, None, partition, offset, NOW + offset * 1000, **options)  # type: ignore[arg-type]


def stored(client: Client, database: str) -> list[tuple[int, int, int]]:
    rows = client.execute(f"SELECT log_partition, log_offset, log_index FROM {database}.events ORDER BY ALL")
    return list(rows)


def places(offsets: range, count: int = 3, partition: int = 0) -> list[tuple[int, int, int]]:
    return [(partition, offset, index) for offset in offsets for index in range(count)]


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

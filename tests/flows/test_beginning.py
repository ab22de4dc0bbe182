"""A flow without state of its own goes on from what the store knows: as if it had never stopped."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from eventlog.local import LocalLog
from eventlog.protocol import LogRecord, Reader
from flows.beginning import Beginnings
from flows.enriching import enrich_chunk
from flows.items import PartitionKey
from flows.metrics import FlowStats
from flows.partition import PartitionLogic, PartitionState
from flows.sink import SinkState, StorePartition, StoreSink
from flows.source import LogPartition, LogSource, Position, Quiet, StageReader
from flows.store_answers import store_answers
from footfall.enrich.context import Context
from footfall.record import Record, encode
from footfall.settings import Settings
from sinks.batches import load_batches
from sinks.clickhouse import connect
from sinks.migrate import migrate
from sinks.positions import LogReplaced
from sinks.writer import StoreWriter
from tests.backup.making import new_stage, settings_of
from tests.fixtures.store import StoreServer
from tests.flows.making import KEY, MINUTE, POLICY, SITE, T0, event, record

QUIET_MS = 40 * MINUTE
BEGIN = T0 - T0 % 86_400_000 - 5 * 3_600_000  # five hours before midnight


def make_log(directory: Path, seed: int, begin: int = BEGIN) -> tuple[LocalLog, int]:
    """Two visitors' worth of traffic across midnight: visits, retries, late events, heartbeats; the end."""
    chance = random.Random(seed)
    now = begin
    log = LocalLog(directory, 1, min_free_bytes=0, synchronous="OFF", clock=lambda: now)
    appender = log.appender()
    sent: list[Record] = []
    count = 0
    for number in range(240):
        now += chance.choice((1, 5, 30, 120, 1500)) * 1000
        if number % 6 == 5:
            made = Record(kind="heartbeat", received_at=now)
        elif sent and chance.random() < 0.1:
            made = chance.choice(sent[-10:])
        else:
            late = chance.choice((0, 0, 0, 20 * MINUTE))
            kinds = ("page_view", "page_view", "purchase")
            events = [event(count + n, now - late - n, chance.choice(kinds)) for n in range(chance.randint(1, 3))]
            count += len(events)
            made = record(number, now, events, visitor=chance.randint(1, 5))
            sent.append(made)
        appender.append([(0, encode(made))]).result(10)
    now += 2 * QUIET_MS
    appender.append([(0, encode(Record(kind="heartbeat", received_at=now)))]).result(10)
    appender.close(10)
    return log, log.reader().bounds(0)[1]


class Kept:
    """A reader of a log whose records before an offset went with retention."""

    def __init__(self, reader: Reader, first: int) -> None:
        self._reader, self._first = reader, first

    def bounds(self, partition: int) -> tuple[int, int]:
        return self._first, self._reader.bounds(partition)[1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


class Life:
    """One life of a flow: source, logic and sink as Bytewax drives them, few records at a time."""

    def __init__(self, settings: Settings, log: LocalLog, state: tuple[Any, ...] = (), first: int = 0) -> None:
        self.writer = StoreWriter(
            lambda: connect(settings, database=f"footfall_{settings.stage}"),
            database=f"footfall_{settings.stage}",
            flush_seconds=0.02,
            query_prefix="test-begin",
            progress_seconds=0.0,
        )
        key = KEY._replace(stage=settings.stage)
        beginnings = Beginnings(store_answers(settings, QUIET_MS), lambda _stage: self._reader(log, first))
        at, logic, sink = state or (None, None, None)
        source = LogSource([key], lambda _stage: self._reader(log, first), threading.Event(), beginnings)
        read = source.build_part("raw", str(key), at)
        assert isinstance(read, LogPartition)
        self.source = read
        self.logic = PartitionLogic(key, POLICY, lambda _key, *before: batches(settings, *before), logic)
        stored = StoreSink([key], lambda _stage: self.writer, FlowStats(), beginnings).build_part(
            "s", str(key), sink
        )
        assert isinstance(stored, StorePartition)
        self.sink = stored

    def _reader(self, log: LocalLog, first: int) -> Any:
        return Kept(log.reader(), first)

    def run(self, until: int, most: int = 7) -> tuple[Position, PartitionState, SinkState]:
        """Up to an offset; a recovery point."""
        reader = self.source._reader
        self.source._reader = Few(reader._reader if isinstance(reader, Few) else reader, most, until)
        idle = 0
        while idle < 3:  # a step of a start may hand out nothing
            chunks = list(self.source.next_batch())
            idle = 0 if chunks else idle + 1
            self.source._idle = False
            for chunk in chunks:
                self.sink.write_batch([self.logic.admit(enrich_chunk(chunk, {"shop": SITE}.get, Context()))])
        return self.source.snapshot(), self.logic.snapshot(), self.sink.snapshot()

    @property
    def offset(self) -> int:
        """What is read next."""
        at = self.source.snapshot()
        return at if isinstance(at, int) else at[0]

    def end(self) -> None:
        self.writer.close()


def batches(settings: Settings, before: int, since: int) -> list[tuple[int, int]]:
    client = connect(settings, database=f"footfall_{settings.stage}")
    try:
        return list(load_batches(client, 0, before, since))
    finally:
        client.disconnect()


class Few:
    """A reader that hands out a few records at once, up to an offset."""

    def __init__(self, reader: Any, most: int, until: int) -> None:
        self._reader, self._most, self._until = reader, most, until

    def read(self, partition: int, offset: int, _records: int, size: int) -> list[LogRecord]:
        if offset >= self._until:
            return []
        found: list[LogRecord] = self._reader.read(partition, offset, min(self._most, self._until - offset), size)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


@pytest.fixture
def settings(store: StoreServer, tmp_path: Path) -> Iterator[Settings]:
    made = new_settings(store, tmp_path)
    yield made
    drop(made)


def new_settings(store: StoreServer, tmp_path: Path) -> Settings:
    settings = settings_of(store, tmp_path, new_stage())
    client = connect(settings)
    migrate(client, settings, f"footfall_{settings.stage}")
    client.execute(f"SYSTEM STOP MERGES footfall_{settings.stage}.events")
    client.disconnect()
    return settings


def drop(settings: Settings) -> None:
    client = connect(settings)
    client.execute(f"DROP DATABASE footfall_{settings.stage} SYNC")
    client.disconnect()


def outcome(settings: Settings) -> dict[str, list[Any]]:
    """What readers see, and every physical row of `events` by its position."""
    client = connect(settings, database=f"footfall_{settings.stage}")
    try:
        return {
            "events": client.execute("SELECT log_offset, log_index, hex(event_id), late FROM events ORDER BY ALL"),
            "sessions": client.execute(
                "SELECT * EXCEPT (log_time) FROM sessions_v1 ORDER BY visitor_id, start_at"
            ),
            # How a duplicate was found depends on what the flow remembers.
            "ledger": client.execute(
                "SELECT day, outcome, sum(count) n FROM ledger_v1 GROUP BY ALL HAVING n > 0 ORDER BY ALL"
            ),
        }
    finally:
        client.disconnect()


def truth(store: StoreServer, tmp_path: Path, log: LocalLog, end: int) -> dict[str, list[Any]]:
    """One life from the beginning to the end."""
    settings = new_settings(store, tmp_path)
    life = Life(settings, log)
    life.run(end)
    life.end()
    found = outcome(settings)
    drop(settings)
    assert len(found["events"]) > 100
    assert len(found["sessions"]) > 10
    assert len({day for day, *_ in found["ledger"]}) > 1
    return found


@pytest.mark.parametrize("seed", range(2))
def test_it_is_as_if_it_had_never_stopped(
    store: StoreServer, settings: Settings, tmp_path: Path, seed: int
) -> None:
    """Lost at any point, a second time while it reads again, and then once more with its state."""
    chance = random.Random(seed)
    log, end = make_log(tmp_path / "log", seed)
    wanted = truth(store, tmp_path, log, end)
    stops = sorted(chance.sample(range(1, end), 3))
    for number, stop in enumerate(stops):
        life = Life(settings, log)  # no state of its own, whatever is stored
        begun = life.offset
        assert begun <= (stops[number - 1] if number else 0)
        state = life.run(chance.randint(begun, stop), most=chance.choice((1, 7, 50)))  # perhaps in what is stored
        life.end()
        life = Life(settings, log, state)
        life.run(stop, most=chance.choice((1, 7, 50)))
        life.end()
    life = Life(settings, log)
    life.run(end)
    life.end()
    found = outcome(settings)
    for table, rows in wanted.items():
        assert [row for row in rows if row not in found[table]] == [], f"{table} lacks"
        assert found[table] == rows


def test_no_chunk_spans_what_is_stored_and_what_is_not(tmp_path: Path) -> None:
    """Whatever is made of a chunk is either written or not."""
    log, end = make_log(tmp_path / "log", 1)
    stop = threading.Event()
    partition = LogPartition(KEY, StageReader(log.reader()), 20, stop, Quiet(stop, 1), stored=100)
    chunks = [chunk for _ in range(2) for chunk in partition.next_batch()]
    assert [(chunk.records[0].offset, chunk.records[-1].offset) for chunk in chunks] == [(20, 99), (100, end - 1)]


def test_it_reads_no_more_than_it_needs(settings: Settings, tmp_path: Path) -> None:
    """From the beginning of the day, not of the log."""
    log, end = make_log(tmp_path / "log", 5)
    life = Life(settings, log)
    life.run(end)
    life.end()
    life = Life(settings, log)
    (first,) = log.reader().read(0, life.offset, 1, 1)
    assert first.offset > 0
    assert first.log_time >= BEGIN + 5 * 3_600_000 - 15 * 3_600_000
    life.end()


def test_what_the_log_lost_is_named_and_its_open_sessions_are_repaired(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log, end = make_log(tmp_path / "log", 1)
    life = Life(settings, log)
    life.run(100)
    life.end()
    client = connect(settings, database=f"footfall_{settings.stage}")
    (open_before,) = client.execute("SELECT groupUniqArray(visitor_id) FROM sessions_v1 WHERE NOT is_closed")[0]
    assert open_before
    life = Life(settings, log, first=130)
    said = caplog.text
    life.run(end)
    life.end()
    assert "stored up to offset 100" in said
    assert "keeps its records from 130 on" in said
    assert "footfall replay --site SITE --from" in said
    listed = client.execute("SELECT groupUniqArray(visitor_id) FROM repair_list FINAL WHERE mark > 0")[0][0]
    assert set(open_before) <= set(listed)
    assert client.execute("SELECT count() FROM sessions_v1 WHERE NOT is_closed") == [(0,)]
    stored = client.execute("SELECT count(), uniqExact(log_offset, log_index), min(log_offset) FROM events")[0]
    assert stored[0] == stored[1]
    gone = client.execute("SELECT count() FROM events WHERE log_offset BETWEEN 100 AND 129")
    assert gone == [(0,)]
    sums = dict(client.execute("SELECT outcome, sum(count) FROM ledger_v1 GROUP BY outcome"))
    assert sums["accepted"] == sums["stored"] + sums.get("duplicate", 0)
    assert sums["stored"] == stored[0]
    client.disconnect()


def test_killed_beyond_what_it_read_again_it_counts_nothing_twice(settings: Settings, tmp_path: Path) -> None:
    """The newer life stored more than the one whose counts its recovery point goes on from."""
    log, end = make_log(tmp_path / "log", 1)
    life = Life(settings, log)
    life.run(100)
    life.end()
    life = Life(settings, log, first=50)  # retention took the rest: counts go on from what is stored
    state = life.run(80)
    life.run(130)
    life.end()  # killed: the recovery point is of before
    life = Life(settings, log, state, first=50)
    life.run(end, most=1000)
    life.end()
    client = connect(settings, database=f"footfall_{settings.stage}")
    sums = dict(client.execute("SELECT outcome, sum(count) FROM ledger_v1 GROUP BY outcome"))
    assert sums["stored"] == client.execute("SELECT count() FROM events")[0][0]
    assert sums["accepted"] == sums["stored"] + sums["duplicate"]
    client.disconnect()


def test_a_log_that_is_slow_is_not_empty(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the sessions of everybody would be closed at a start on a slow broker."""
    log, _ = make_log(tmp_path / "log", 1)
    life = Life(settings, log)
    life.run(100)
    life.end()
    reader = log.reader()
    reads, read = [0], reader.read

    def slow(*given: int) -> list[LogRecord]:
        reads[0] += 1
        return read(*given) if reads[0] > 3 else []

    monkeypatch.setattr(reader, "read", slow)
    first = 90
    beginnings = Beginnings(store_answers(settings, QUIET_MS), lambda _stage: cast(Reader, Kept(reader, first)))
    closed: list[int] = []

    def close_orphans(_key: PartitionKey, before: int) -> int:
        closed.append(before)
        return 0

    beginnings._store = beginnings._store._replace(close_orphans=close_orphans)
    assert beginnings.of(KEY._replace(stage=settings.stage)).offset == first
    (wanted,) = read(0, first, 1, 1)
    assert closed == [wanted.log_time]


def test_a_visit_so_new_that_it_has_no_session_yet_is_repaired(settings: Settings, tmp_path: Path) -> None:
    now = BEGIN
    log = LocalLog(tmp_path / "log", 1, min_free_bytes=0, synchronous="OFF", clock=lambda: now)
    appender = log.appender()
    for number in range(3):  # ten minutes apart
        now += 10 * MINUTE
        made = record(number, now, [event(number, now - 100)], visitor=number + 1)
        appender.append([(0, encode(made))]).result(10)
    appender.close(10)
    life = Life(settings, log)
    life.run(3)
    life.end()
    client = connect(settings, database=f"footfall_{settings.stage}")
    assert client.execute("SELECT groupArray(visitor_id) FROM (FROM sessions_v1 ORDER BY 1)") == [([1, 2],)]
    Life(settings, log, first=3).end()
    listed = client.execute("SELECT visitor_id, mark > 0 FROM repair_list FINAL ORDER BY visitor_id")
    assert listed == [(1, 1), (2, 1), (3, 1)]
    client.disconnect()


def test_another_log_is_refused(settings: Settings, tmp_path: Path) -> None:
    log, end = make_log(tmp_path / "log", 1)
    life = Life(settings, log)
    life.run(end)
    life.end()
    empty = LocalLog(tmp_path / "empty", 1, min_free_bytes=0)
    with pytest.raises(LogReplaced, match="it is another log"):
        Life(settings, empty)
    longer, _ = make_log(tmp_path / "other", 2, begin=BEGIN + 60_000)
    life = Life(settings, longer)
    with pytest.raises(LogReplaced, match="another record"):
        life.run(end)

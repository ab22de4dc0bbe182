"""Three hours of traffic in a log whose clock is the test's, and a flow that may be there or not."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from clickhouse_driver import Client

from eventlog.local import LocalLog
from flows.app import Parts, build
from flows.items import PartitionKey
from flows.partition import PartitionPolicy
from footfall.enrich.context import Context
from footfall.record import Record, encode
from footfall.sessions import Policy
from footfall.settings import Settings
from sinks.batches import load_batches
from sinks.live import LiveWriter
from sinks.migrate import migrate
from sinks.writer import StoreWriter
from tests.drill.checker import check_sessions, raw_rows
from tests.drill.oracle import Row, split
from tests.fixtures.store import StoreServer
from tests.flows.making import GOALS, MINUTE, SITE, T0, event, record

SETTINGS = Settings()
WINDOW_MS, LATENESS_MS = int(SETTINGS.session_window_minutes * MINUTE), SETTINGS.lateness_ms
PARTITIONS = 2
VISITORS = 60
STEP = 6 * MINUTE
BEAT = MINUTE
BEFORE, DOWN, AFTER = 30 * MINUTE, 60 * MINUTE, 90 * MINUTE
QUIET = 45 * MINUTE  # at the end only heartbeats come, until every session is closed
END = T0 + BEFORE + DOWN + AFTER


def traffic() -> list[tuple[int, Record]]:
    """(time of the append, record): visitors who come, pause for less or more than the window, and
    whose events take up to nearly the lateness to arrive."""
    chance, records = random.Random(5), []
    number = 0
    for visitor in range(1, VISITORS + 1):
        at = T0 + chance.randrange(20 * MINUTE)
        while at < END - QUIET - LATENESS_MS:
            times = [at + n * 7_000 for n in range(chance.randint(1, 4))]
            events = []
            for moment in times:
                number += 1
                name = chance.choice(("page_view", "page_view", "click", "purchase"))
                events.append(event(number, moment, name, chance.choice(("/", "/a", "/b?utm_source=x"))))
            came = times[-1] + chance.randrange(LATENESS_MS - 60_000)
            records.append((came, record(number, came, events, visitor=visitor)))
            at = times[-1] + chance.choice((MINUTE, 5 * MINUTE, 29 * MINUTE, 31 * MINUTE, 50 * MINUTE))
    return sorted(records, key=lambda pair: pair[0])


TRAFFIC = traffic()
EVENTS = sum(len(made.events) for _, made in TRAFFIC)

Outcome = tuple[list[Any], list[Any], list[Row]]  # sessions, ledger, events: as readers see them


class Run:
    """A log, and a flow that may be there or not, into a database of its own."""

    def __init__(self, folder: Path, store: StoreServer, redis_url: str, database: str) -> None:
        self._now = T0
        self._store = store
        self._redis_url = redis_url
        self._database = database
        self._state, self._recovery = folder / "state", folder / "recovery"
        self._recovery.mkdir(parents=True)
        init_db_dir(self._recovery, 1)
        self._log = LocalLog(folder / "log", PARTITIONS, min_free_bytes=0, clock=lambda: self._now)
        self._appender = self._log.appender()
        self._left = iter(TRAFFIC)
        self._next = next(self._left, None)
        client = store.client()
        migrate(client, Settings(), database)
        client.disconnect()

    def append_until(self, until: int) -> None:
        """What comes in up to then: traffic, and every minute a heartbeat to each partition."""
        for beat in range(self._now, until, BEAT):
            while self._next is not None and self._next[0] < beat + BEAT:
                self._now, made = self._next
                self._append([(made.visitor_id % PARTITIONS, made)])
                self._next = next(self._left, None)
            self._now = beat + BEAT
            beats = [(n, Record(kind="heartbeat", received_at=self._now)) for n in range(PARTITIONS)]
            self._append(beats)

    def _append(self, records: list[tuple[int, Record]]) -> None:
        self._appender.append([(partition, encode(made)) for partition, made in records]).result(30)

    def flow(self, until: Callable[[], bool], retry_limit_s: float = 60.0) -> None:
        """Run the flow in this thread until something is true, and end it in order."""
        stop = threading.Event()

        def watch() -> None:
            while not until() and not stop.wait(0.02):
                pass
            stop.set()

        threading.Thread(target=watch, daemon=True).start()
        writer = StoreWriter(
            self._connect, database=self._database, flush_seconds=0.05, query_prefix="prod-flow",
            retry_limit_s=retry_limit_s, progress_seconds=0.05,
        )  # fmt: skip
        live = LiveWriter(self._redis_url, "prod")
        parts = Parts(
            keys=[PartitionKey("prod", n) for n in range(PARTITIONS)],
            open_reader=lambda _stage: self._log.reader(),
            sites={SITE.site_id: SITE}.get,
            context=Context(),
            policy=PartitionPolicy(Policy(lateness_ms=LATENESS_MS), 60 * MINUTE, 10),
            load_batches=self._load_batches,
            store_writer=lambda _stage: writer,
            live_writer=lambda _stage: live,
            stop=stop,
            state_dir=self._state,
        )
        try:
            config = RecoveryConfig(self._recovery, timedelta(0))
            cli_main(build(parts), epoch_interval=timedelta(milliseconds=200), recovery_config=config)
        finally:
            stop.set()
            live.close()
            if writer.is_alive():
                writer.close()

    def _connect(self) -> Client:
        return self._store.client(database=self._database, compression="lz4")

    def _load_batches(self, key: PartitionKey, before: int, since: int) -> list[tuple[int, int]]:
        client = self._connect()
        try:
            return list(load_batches(client, key.partition, before, since))
        finally:
            client.disconnect()

    def all_stored(self) -> bool:
        """Whether the store has what is in the log by now."""
        client, reader = self._connect(), self._log.reader()
        try:
            rows = client.execute("SELECT log_partition, max(log_offset) FROM progress GROUP BY log_partition")
            reached = dict(rows)
            return all(reached.get(n, 0) == reader.bounds(n)[1] for n in range(PARTITIONS))
        finally:
            client.disconnect()
            reader.close()

    def outcome(self) -> Outcome:
        """What came of it: nothing late, and sessions that follow from the events."""
        client = self._connect()
        sessions = client.execute("SELECT * EXCEPT (log_time) FROM sessions_v1 ORDER BY visitor_id, start_at")
        ledger = client.execute("SELECT toString(outcome), sum(count) FROM ledger_v1 GROUP BY outcome ORDER BY 1")
        rows = raw_rows(client, SITE.site_id)
        assert client.execute("SELECT countIf(late), count() FROM events") == [(0, EVENTS)]
        wanted = split(rows, WINDOW_MS, reached, SITE.currency)
        assert check_sessions(client, wanted, SITE.site_id) == []
        client.disconnect()
        return sessions, ledger, rows

    def stepping(self, until: int) -> Callable[[], bool]:
        """For `flow`: traffic goes on whenever all of it is stored, up to a time of the log."""

        def step() -> bool:
            if not self.all_stored():
                return False
            if self._now >= until:
                return True
            self.append_until(min(until, self._now + STEP))
            return False

        return step

    def close(self) -> None:
        self._appender.close(10)


def reached(row: Row) -> set[str]:
    return {goal.name for goal in GOALS if goal.event == row.name}

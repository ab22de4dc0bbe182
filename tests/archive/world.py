"""Three hours of traffic in a log whose clock is the test's, flows with rules of the test's, an archive."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from cli.replaying.reading import BEGINNING, days_between, entries_after, find, record_of
from eventlog.local import LocalLog
from flows.app import Parts, build
from flows.items import PartitionKey
from flows.partition import PartitionPolicy
from flows.shipping import Shipper
from flows.spool import Spool
from footfall.enrich.batch import Geo
from footfall.enrich.context import Context
from footfall.names import database_name
from footfall.record import Record, encode
from footfall.sessions import Policy
from footfall.sites import Site, Sites
from jobs.repair import repair
from jobs.rollups import DAYS, HOURS, rollup
from objects.directory import DirectoryStore
from sinks.clickhouse import connect
from sinks.live import LiveWriter
from sinks.writer import StoreWriter
from tests.archive.reading import stored_entries
from tests.fixtures.store import StoreServer
from tests.flows.making import GOALS, MINUTE, SITE, T0, event, record
from tests.jobs.data import Bench, bench

PARTITIONS = 2
LATENESS_MS = 10 * MINUTE
TRAFFIC_MS = 180 * MINUTE
BOT = "Mozilla/5.0 (compatible; SomeBot/1.0; +https://bot.example)"
OF_THE_RUN = "log_partition, log_offset, log_time, late, replay"


def traffic() -> list[tuple[int, Record]]:
    """(time of the append, record): some late, some sent again at once or hours later."""
    chance, records, number = random.Random(9), [], 0
    for visitor in range(1, 22):
        at = T0 + chance.randrange(60 * MINUTE)
        while at < T0 + TRAFFIC_MS - 30 * MINUTE:
            events = []
            for moment in range(at, at + chance.randint(1, 4) * 7_000, 7_000):
                number += 1
                path = chance.choice(("/", "/a", "/b?utm_source=x&utm_medium=email"))
                events.append(event(number, moment, chance.choice(("page_view", "click", "purchase")), path))
            delay = chance.choice((1_000, 1_000, 1_000, 25 * MINUTE))
            agent = {"user_agent": BOT} if visitor % 7 == 0 else {}
            made = record(number, at + 30_000 + delay, events, visitor=visitor, address="192.0.2.0", **agent)
            if delay > LATENESS_MS:
                made.sent_at = made.received_at
            records.append((made.received_at, made))
            if chance.random() < 0.2:
                records.append((made.received_at + chance.choice((5_000, 90 * MINUTE)), made))
            at += chance.choice((5, 20, 31, 50)) * MINUTE
    return sorted(records, key=lambda pair: pair[0])


class Places:
    """A geo database that knows one country."""

    def __init__(self, country: str) -> None:
        self._country = country

    def find(self, address: str) -> Geo:
        return Geo(self._country, "R", "C")


class World:
    """A log and an archive, and the tables of a stage of their own."""

    def __init__(self, folder: Path, made: Bench, redis_url: str, log: LocalLog, clock: list[int]) -> None:
        self.bench, self.log, self.clock = made, log, clock
        self._redis_url = redis_url
        self._state, self._recovery = folder / "state", folder / "recovery"
        self._spool = folder / "spool"
        self._appender = log.appender()
        self.archive = DirectoryStore(folder / "objects", "prod")
        self.site: Site = SITE
        self.country = "DE"
        self.numbers = iter(range(1, 100))

    def run(self) -> None:
        """The flow until all in the log is stored and archived, then repair and rollups."""
        self._recovery.mkdir(parents=True, exist_ok=True)
        if not any(self._recovery.iterdir()):
            init_db_dir(self._recovery, 1)
        stop, stage = threading.Event(), self.bench.stage
        settings, database = self.bench.settings, database_name(stage)
        writer = StoreWriter(
            lambda: connect(settings, database=database), database=database, flush_seconds=0.05,
            query_prefix=f"{stage}-flow", progress_seconds=0.05,
        )  # fmt: skip
        live = LiveWriter(self._redis_url, stage)
        shipper = Shipper(lambda _stage: self.archive, 1 << 30, stop)
        spools: list[Spool] = []

        def open_spool(key: PartitionKey) -> Spool:
            spools.append(Spool(self._spool / str(key), 1 << 20, 0.1))
            return spools[-1]

        parts = Parts(
            keys=[PartitionKey(stage, n) for n in range(PARTITIONS)],
            open_reader=lambda _stage: self.log.reader(),
            sites={self.site.site_id: self.site}.get,
            context=Context(geo=Places(self.country)),
            policy=PartitionPolicy(Policy(lateness_ms=LATENESS_MS), 60 * MINUTE, 10, archive=True),
            load_batches=lambda *_: (),
            store_writer=lambda _stage: writer,
            live_writer=lambda _stage: live,
            stop=stop,
            state_dir=self._state,
            archive=(open_spool, shipper),
        )

        def archived(positions: set[tuple[int, int]]) -> bool:
            self.heartbeat(1)  # wakes the sinks
            idle = not any(spool._size for spool in spools) and not shipper._waiting and not shipper._busy
            return idle and positions <= self.archived()

        threading.Thread(target=self._stop_when_stored, args=(stop, archived), daemon=True).start()
        try:
            config = RecoveryConfig(self._recovery, timedelta(0))
            cli_main(build(parts), epoch_interval=timedelta(milliseconds=100), recovery_config=config)
        finally:
            stop.set()
            live.close()
            writer.close()
            shipper.close()
        self._jobs()

    def _stop_when_stored(self, stop: threading.Event, archived: Callable[[set[tuple[int, int]]], bool]) -> None:
        reader = self.log.reader()
        ends = {n: reader.bounds(n)[1] for n in range(PARTITIONS)}
        reader.close()
        client = connect(self.bench.settings, database=database_name(self.bench.stage))
        sql = "SELECT log_partition, max(log_offset) FROM progress GROUP BY log_partition"

        def is_stored() -> bool:
            reached = dict(client.execute(sql))
            return all(reached.get(n, 0) >= end for n, end in ends.items())

        while not stop.wait(0.05) and not is_stored():
            pass
        stored = set(client.execute("SELECT DISTINCT log_partition, log_offset FROM events WHERE replay = 0"))
        while not stop.wait(0.05) and not archived(stored):
            pass
        stop.set()
        client.disconnect()

    def _jobs(self) -> None:
        context = self.bench.context()
        sites = Sites(by_id={self.site.site_id: self.site})
        self.bench.control.__dict__["sites"] = lambda: sites  # the flow's
        assert repair(context).endswith(" 0 waiting")
        for kind in (HOURS, DAYS):
            rollup(context, kind)

    def archived(self) -> set[tuple[int, int]]:
        """(partition, offset) of everything in the archive."""
        found = stored_entries(self.archive)
        return {(partition, offset) for partition, entries in found.items() for offset, _ in entries}

    def forget_state(self) -> None:
        """As when flow/ of the data directory was moved away: the log is read from its beginning."""
        for path in (self._state, self._recovery, self._spool):
            shutil.rmtree(path)

    def replay(self, number: int, share: float = 1.0, skip: float = 0.0) -> int:
        """Put a part of the archive into the log again; how many records."""
        day = datetime.fromtimestamp(T0 / 1000, UTC).date()
        objects = find(self.archive, SITE.site_id, days_between(day, day + timedelta(days=1)))
        found = list(entries_after(self.archive, objects, BEGINNING))
        chosen = found[int(skip * len(found)) : int(share * len(found))]
        again = [
            (position.partition, record_of(SITE.site_id, position.partition, entry, number))
            for position, entry in chosen
        ]
        self.append(again)
        self.heartbeats()
        return len(again)

    def append(self, records: list[tuple[int, Record]]) -> None:
        """At the log's time."""
        self._appender.append([(partition, encode(made)) for partition, made in records]).result(30)

    def heartbeats(self) -> None:
        """An hour of quiet, so that every session is closed and every late event is old enough."""
        for _ in range(6):
            self.heartbeat(10 * MINUTE)

    def heartbeat(self, after: int) -> None:
        """One for each partition, so many ms later."""
        self.clock[0] += after
        self.append([(n, Record(kind="heartbeat", received_at=self.clock[0])) for n in range(PARTITIONS)])

    def rows(self, sql: str) -> list[Any]:
        return self.bench.rows(sql)

    def numbers_of(self) -> dict[str, list[Any]]:
        """Everything readers see, but for what is of the run."""
        hours = "SELECT * EXCEPT (visitors), uniqExactMerge(visitors) FROM {}_v1 GROUP BY ALL ORDER BY ALL"
        return {
            "events": self.rows(f"SELECT * EXCEPT ({OF_THE_RUN}) FROM events_v1 ORDER BY event_id"),
            "sessions": self.rows("SELECT * EXCEPT (log_time) FROM sessions_v1 ORDER BY visitor_id, start_at"),
            "hours": self.rows(hours.format("rollup_hour")),
            "days": self.rows(hours.format("rollup_day")),
            "visitor_days": self.rows("SELECT * FROM visitor_days_v1 ORDER BY ALL"),
        }

    def ledger(self) -> dict[tuple[str, str], int]:
        rows = self.rows("SELECT outcome, reason, sum(count) FROM ledger_v1 GROUP BY outcome, reason")
        return {(outcome, reason): number for outcome, reason, number in rows if number}


def site_with(excluded: tuple[str, ...], goal_path: str) -> Site:
    """The rules that a test changes."""
    goals = (*GOALS, msgspec.structs.replace(GOALS[0], name="seen", event="page_view", path=goal_path))
    return msgspec.structs.replace(SITE, excluded_paths=excluded, goals=goals)


@contextmanager
def worlds(folder: Path, store: StoreServer, redis_url: str, count: int) -> Iterator[list[World]]:
    """Worlds with the same traffic in logs of their own."""
    made: list[World] = []
    with ExitStack() as stack:
        for number in range(count):
            clock = [T0]
            own = folder / str(number)
            log = LocalLog(own / "log", PARTITIONS, min_free_bytes=0, clock=partial(clock.__getitem__, 0))
            world = World(own, stack.enter_context(bench(store, own)), redis_url, log, clock)
            world.bench.now = T0 + TRAFFIC_MS
            for at, one in traffic():
                clock[0] = max(clock[0], at)
                world.append([(one.visitor_id % PARTITIONS, one)])
            world.heartbeats()
            made.append(world)
        yield made

"""What the jobs process shows: asked of store, log and control plane when somebody looks, so that it is
there however the other parts are."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as StoreError
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from control.errors import ControlError
from control.plane import Control
from eventlog.opening import is_made, open_log
from eventlog.protocol import LogDamaged, LogUnreachable, OffsetLost, Reader, WrongLogError
from footfall.generations import Layout
from footfall.names import database_name
from footfall.settings import Settings
from jobs.job import Job
from jobs.repair_list import backlog
from jobs.silence import known
from jobs.stored import has_tables
from sinks.clickhouse import StoreUnreachableError, connect

KEEP_S = 2.0  # an answer, for several who ask at once
PATIENCE_S = 3.0
HISTORY = 50
PLACE = ("stage", "partition")
STORE_ERRORS = (StoreError, StoreUnreachableError, OSError, EOFError)
LOG_ERRORS = (LogUnreachable, WrongLogError, LogDamaged, OffsetLost, OSError, sqlite3.Error)

PROGRESS = """
    SELECT log_partition, max(log_offset), max(toUnixTimestamp64Milli(log_time)),
        argMax(toUnixTimestamp64Milli(heartbeat_at), (log_offset, stored_at))
    FROM progress GROUP BY log_partition ORDER BY log_partition
"""
LEDGER = """
    SELECT outcome, reason, sum(count) FROM ledger_v1 WHERE day = toDate(now('UTC'))
    GROUP BY outcome, reason ORDER BY outcome, reason
"""

Rows = list[tuple[tuple[str, ...], float]]
# name: (what it says, labels)
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "store_up": ("1: the store answers.", ("stage",)),
    "log_up": ("1: the log can be read.", ("stage",)),
    "log_end_offset": ("Offset that the log gives to the next record.", PLACE),
    "stored_offset": ("Offset below which everything is stored.", PLACE),
    "lag_records": ("Records in the log that are not in the store yet.", PLACE),
    "stored_log_time_seconds": ("Log time up to which everything is stored (Unix time).", PLACE),
    "stored_heartbeat_timestamp_seconds": (
        "When the gateway made the newest heartbeat that is stored; its age says how late data are.",
        PLACE,
    ),
    "ledger_events": (
        "The ledger: events since midnight UTC by what became of them, over all restarts.",
        ("stage", "outcome", "reason"),
    ),
    "repair_visitors": ("Visitors whose sessions wait for repair.", ("stage",)),
    "repair_events": ("Their late events.", ("stage",)),
    "repair_oldest_seconds": ("How long the first of them has been waiting.", ("stage",)),
    "job_last_done_timestamp_seconds": ("When the job last ended well (Unix time).", ("job",)),
    "job_last_run_seconds": ("How long that run took.", ("job",)),
    "job_failed_runs": ("Runs that failed since the job last ended well; 50 stands for more.", ("job",)),
    "site_silent": (
        "1: next to nothing comes from the site, against the same hours of its past weeks (docs/jobs.md); "
        "only of sites with a usual week.",
        ("stage", "site"),
    ),
    "control_up": ("1: the jobs process can read the control plane.", ()),
}


class Seen(Collector):
    """Everything of `GAUGES`, at most `KEEP_S` old. What cannot be asked is left out, and its `_up` is 0."""

    def __init__(
        self, settings: Settings, control: Control, jobs: Sequence[Job], clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._control = control
        self._jobs = jobs
        self._clock = clock
        self._readers: dict[str, tuple[Layout, Reader]] = {}
        self._asking = threading.Lock()
        self._rows: dict[str, Rows] = {}
        self._asked = 0.0  # monotonic

    def describe(self) -> Iterator[Metric]:
        """The names alone: registering asks nothing."""
        yield from families({})

    def collect(self) -> Iterator[Metric]:
        """For prometheus_client."""
        with self._asking:
            if not self._asked or time.monotonic() > self._asked + KEEP_S:
                self._rows = self._look()
                self._asked = time.monotonic()
            rows = self._rows
        yield from families(rows)

    def _look(self) -> dict[str, Rows]:
        rows: dict[str, Rows] = {name: [] for name in GAUGES}
        for stage, partitions in self._settings.topics().items():
            layout = None
            ends: dict[int, int] = {}
            with suppress(ControlError):
                layout = self._control.log_layout(stage, partitions)
                ends = self._log(stage, layout, rows)
            self._store(stage, layout, ends, rows)
        self._job_runs(rows)
        return rows

    def _log(self, stage: str, layout: Layout, rows: dict[str, Rows]) -> dict[int, int]:
        """Partition -> offset of its next record."""
        try:
            if not is_made(self._settings, stage, layout):
                return {}
            reader = self._reader(stage, layout)
            ends = {n: reader.bounds(n)[1] for n in layout.partitions}
        except LOG_ERRORS:
            self._forget(stage)
            rows["log_up"].append(((stage,), 0))
            return {}
        rows["log_up"].append(((stage,), 1))
        rows["log_end_offset"] += [((stage, str(n)), end) for n, end in ends.items()]
        return ends

    def _reader(self, stage: str, layout: Layout) -> Reader:
        known = self._readers.get(stage)
        if known is not None and known[0] == layout:
            return known[1]
        self._forget(stage)
        reader = open_log(self._settings, stage, layout, patience_s=PATIENCE_S).reader()
        self._readers[stage] = layout, reader
        return reader

    def _forget(self, stage: str) -> None:
        known = self._readers.pop(stage, None)
        if known is not None:
            with suppress(*LOG_ERRORS):
                known[1].close()

    def _store(self, stage: str, layout: Layout | None, ends: dict[int, int], rows: dict[str, Rows]) -> None:
        try:
            client = _impatient(self._settings, stage)
            try:
                if has_tables(client):
                    self._tables(client, stage, layout, ends, rows)
            finally:
                client.disconnect()
        except STORE_ERRORS:
            rows["store_up"].append(((stage,), 0))
        else:
            rows["store_up"].append(((stage,), 1))

    def _tables(
        self, client: Client, stage: str, layout: Layout | None, ends: dict[int, int], rows: dict[str, Rows]
    ) -> None:
        for number, offset, log_time, heartbeat_at in client.execute(PROGRESS):
            if layout is not None and number not in layout.partitions:
                continue  # drained: it stands still, and is not late
            at = (stage, str(number))
            rows["stored_offset"].append((at, offset))
            rows["stored_log_time_seconds"].append((at, log_time / 1000))
            rows["stored_heartbeat_timestamp_seconds"].append((at, heartbeat_at / 1000))
            if number in ends:
                rows["lag_records"].append((at, max(0, ends[number] - offset)))
        rows["ledger_events"] += [((stage, outcome, why), n) for outcome, why, n in client.execute(LEDGER)]
        left = backlog(client)
        age = 0.0 if left.oldest_mark is None else max(0.0, self._clock() - left.oldest_mark.timestamp())
        for name, value in (("visitors", left.visitors), ("events", left.events), ("oldest_seconds", age)):
            rows[f"repair_{name}"].append(((stage,), value))

    def _job_runs(self, rows: dict[str, Rows]) -> None:
        try:
            for job in self._jobs:
                runs = [
                    run for run in self._control.job_runs(job.name, HISTORY) if run.state in ("done", "failed")
                ]
                failed = next((n for n, run in enumerate(runs) if run.state == "done"), len(runs))
                rows["job_failed_runs"].append(((job.name,), failed))
                if (last := self._control.last_done(job.name)) is not None:
                    rows["job_last_done_timestamp_seconds"].append(((job.name,), last.finished_at / 1000))
                    took = (last.finished_at - last.started_at) / 1000
                    rows["job_last_run_seconds"].append(((job.name,), took))
            for stage in self._settings.topics():
                watched = known(self._control, stage)
                rows["site_silent"] += [((stage, site), watch.since > 0) for site, watch in watched.items()]
        except ControlError:
            rows["control_up"] = [((), 0)]
        else:
            rows["control_up"] = [((), 1)]


def _impatient(settings: Settings, stage: str) -> Client:
    """A store that hangs must not keep whoever asks waiting for a minute."""
    client = connect(settings, database=database_name(stage))
    connection = client.connection
    connection.connect_timeout = connection.send_receive_timeout = connection.sync_request_timeout = PATIENCE_S
    return client


def families(rows: dict[str, Rows]) -> Iterator[Metric]:
    """The gauges with these rows."""
    for name, (told, labels) in GAUGES.items():
        family = GaugeMetricFamily(f"footfall_{name}", told, labels=labels)
        for values, value in rows.get(name, ()):
            family.add_metric(values, value)
        yield family

"""What `footfall status` finds out. Whatever cannot be asked becomes a problem, not an
error: status must work best when things do not."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from embedded.probe import StoreError, query_store
from embedded.view import duration
from footfall.cli.room import disks
from footfall.cli.running import read_status
from footfall.names import Outcome, database_name
from footfall.settings import Settings

FAILING_RESTARTS = 5  # a part that keeps dying is not well, even if data still arrive
STUCK_AFTER_BEATS = 3  # missing heartbeats; 30 s by default
LOW_DISK_BYTES = 2 * 1024**3


class PartHealth(Struct):
    """One process of `footfall up`."""

    name: str
    state: str
    pid: int
    up_s: float
    restarts: int


class PartitionHealth(Struct):
    """One log partition: what is stored of it, and what waits."""

    partition: int
    heartbeat_age_s: float | None = None
    waiting_records: int = 0  # in the log, not in the store
    end: int = 0  # offset of the next append


class SiteLedger(Struct):
    """What became of one site's events since midnight UTC."""

    site_id: str
    counts: dict[str, int]

    @property
    def open(self) -> int:
        """Accepted events that are neither stored, duplicate, dropped nor set aside (yet)."""
        get = self.counts.get
        ends = (Outcome.STORED, Outcome.DUPLICATE, Outcome.DROPPED, Outcome.QUARANTINED)
        return get(Outcome.ACCEPTED, 0) - sum(get(outcome, 0) for outcome in ends)


class Health(Struct):
    """Everything at one moment."""

    ok: bool = False
    verdict: str = ""
    heartbeat_age_s: float | None = None
    parts: list[PartHealth] = []
    partitions: list[PartitionHealth] = []
    ledger: list[SiteLedger] = []
    open_sessions: int | None = None
    repair_backlog: int | None = None
    disk_free_bytes: int = 0
    data_bytes: int = 0
    problems: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**msgspec.to_builtins(self), "ledger_open": sum(site.open for site in self.ledger)}

    def lines(self) -> list[str]:
        """What follows the table of parts."""
        waiting = ", ".join(f"{p.waiting_records:,}" for p in self.partitions)
        lines = [f"log      records waiting to be stored, by partition: {waiting}"]
        for site in self.ledger:
            got = {name: count for name, count in site.counts.items() if count}
            sums = ", ".join(f"{name} {count:,}" for name, count in got.items())
            lines.append(
                f"today    {site.site_id}: {sums}" + (f"; {site.open:,} on their way" if site.open else "")
            )
        lines.append(
            f"sessions {_number(self.open_sessions)} open; {_number(self.repair_backlog)} visitors wait for repair"
        )
        lines.append(
            f"disk     {self.data_bytes / 1024**2:,.0f} MiB used, {self.disk_free_bytes / 1024**3:,.1f} GiB free"
        )
        return lines + [f"problem  {text}" for text in self.problems]


def look(settings: Settings) -> Health:
    """The state now. Never raises for what does not run."""
    health = Health()
    status = read_status(settings)
    if status is not None:
        health.parts = _parts(status)
    _log(settings, health)
    try:
        _store(settings, health)
    except StoreError as error:
        health.problems.append(f"store: {error}")
    _disk(settings, health)
    _judge(settings, health, status is not None)
    return health


def _parts(status: dict[str, Any]) -> list[PartHealth]:
    now = time.time()
    return [
        PartHealth(name, part["state"], part["pid"], max(0.0, now - part["up_since"]), part["restarts"])
        for name, part in status["parts"].items()
        if part["state"] != "done"
    ]


def _log(settings: Settings, health: Health) -> None:
    directory = settings.log_dir(settings.stage)
    health.partitions = [PartitionHealth(number) for number in range(settings.topics()[settings.stage])]
    if not directory.exists():
        return
    from eventlog.local import LocalLog

    reader = LocalLog(directory, len(health.partitions)).reader()
    for partition in health.partitions:
        first, partition.end = reader.bounds(partition.partition)
        partition.waiting_records = partition.end - first
    reader.close()


def _store(settings: Settings, health: Health) -> None:
    for line in _rows(
        settings,
        "SELECT log_partition, toUnixTimestamp64Milli(argMax(heartbeat_at, (log_offset, stored_at))), "
        "max(log_offset) FROM {}.progress "
        "GROUP BY log_partition",
    ):
        number, at_ms, offset = map(int, line)
        if number < len(health.partitions):
            partition = health.partitions[number]
            partition.waiting_records = max(0, partition.end - offset)
            if at_ms:
                # A heartbeat of the future is as wrong as one of long ago: a clock was set back.
                partition.heartbeat_age_s = abs(time.time() - at_ms / 1000)
    ages = [partition.heartbeat_age_s for partition in health.partitions]
    known = [age for age in ages if age is not None]
    health.heartbeat_age_s = max(known) if len(known) == len(ages) and known else None
    ledger: dict[str, dict[str, int]] = {}
    for site_id, outcome, count in _rows(
        settings,
        "SELECT site_id, outcome, sum(count) FROM {}.ledger_v1 WHERE day = toDate(now('UTC')) "
        "GROUP BY site_id, outcome ORDER BY site_id, outcome",
    ):
        ledger.setdefault(site_id, {})[outcome] = int(count)
    health.ledger = [SiteLedger(site_id or "(unknown site)", counts) for site_id, counts in ledger.items()]
    ((open_sessions, waiting),) = _rows(
        settings,
        "SELECT (SELECT count() FROM {}.sessions_v1 WHERE NOT is_closed), "
        "(SELECT uniqExact((site_id, visitor_id)) FROM {}.repair_list FINAL)",
    )
    health.open_sessions, health.repair_backlog = int(open_sessions), int(waiting)


def _rows(settings: Settings, query: str) -> list[list[str]]:
    text = query_store(settings, query.replace("{}", database_name(settings.stage)) + " FORMAT TSV")
    return [line.split("\t") for line in text.splitlines()]


def _disk(settings: Settings, health: Health) -> None:
    rooms = disks(settings)
    health.disk_free_bytes = rooms[0].free if rooms else 0
    health.data_bytes = sum(_size(path) for path in settings.data_dir.rglob("*"))
    for room in rooms:
        if room.free < LOW_DISK_BYTES:
            free = f"{room.free / 1024**2:,.0f} MiB free"
            health.problems.append(f"the disk of {room.path} is nearly full ({free}); once it is: {room.stops}")


def _size(path: Path) -> int:
    """Bytes of a file; 0 for anything else, and for one that has gone meanwhile."""
    try:
        found = path.lstat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _judge(settings: Settings, health: Health, runs: bool) -> None:
    limit = max(5.0, STUCK_AFTER_BEATS * settings.heartbeat_seconds)
    age = health.heartbeat_age_s
    if age is not None and age < limit:
        health.ok, health.verdict = True, f"the last heartbeat reached the store {age:.0f} s ago"
    elif age is not None:
        late = f"the last heartbeat reached the store {duration(age)} ago: nothing gets through"
        health.verdict = late if runs else f"Footfall does not run; {late}"
    else:
        health.verdict = (
            "no heartbeat is in the store" if runs else "Footfall does not run: start it with `footfall up`"
        )
    wrong = [site.site_id for site in health.ledger if site.open < 0]
    if wrong:
        health.ok = False
        health.problems.append(f"the books do not add up for {', '.join(wrong)}: more was stored than accepted")
    for part in health.parts:
        if part.state not in ("ready", "done"):
            health.ok = health.ok and part.restarts < FAILING_RESTARTS
            health.problems.append(
                f"{part.name} is {part.state}: see {settings.data_dir / 'logs' / (part.name + '.log')}"
            )


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"

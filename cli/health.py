"""What `footfall status` finds out. Whatever cannot be asked becomes a problem, not an
error: status must work best when things do not."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from cli.layout import layout_of
from cli.room import disks
from cli.running import read_status
from cli.state import Health, PartHealth, PartitionHealth, SiteLedger
from cli.verdict import judge
from embedded.probe import StoreError, query_store
from footfall.generations import Layout, one_generation
from footfall.names import database_name
from footfall.settings import Settings

LOW_DISK_BYTES = 2 * 1024**3
PATIENCE_S = 3.0  # with brokers that do not answer


def look(settings: Settings) -> Health:
    """The state now. Never raises for what does not run."""
    health = Health()
    status = read_status(settings)
    if status is not None:
        health.parts = _parts(status)
    _log(settings, health)
    try:
        _store(settings, health)
        _dev(settings, health)
    except StoreError as error:
        health.problems.append(f"store: {error}")
    _disk(settings, health)
    judge(settings, health, status)
    return health


def _parts(status: dict[str, Any]) -> list[PartHealth]:
    now = time.time()
    return [
        PartHealth(name, part["state"], part["pid"], max(0.0, now - part["up_since"]), part["restarts"])
        for name, part in status["parts"].items()
        if part["state"] != "done"
    ]


def _log(settings: Settings, health: Health) -> None:
    from eventlog.opening import is_made, open_log
    from eventlog.protocol import LogUnreachable, WrongLogError

    layout = _layout(settings, settings.stage, health)
    health.partitions = [PartitionHealth(number) for number in layout.partitions]
    if not is_made(settings, settings.stage, layout):
        return
    try:
        with closing(open_log(settings, settings.stage, layout, patience_s=PATIENCE_S).reader()) as reader:
            for partition in health.partitions:
                first, partition.end = reader.bounds(partition.partition)
                partition.waiting_records = partition.end - first
    except (LogUnreachable, WrongLogError) as error:
        health.problems.append(f"log: {error}")


def _store(settings: Settings, health: Health) -> None:
    stored = _progress(settings, settings.stage)
    for partition in health.partitions:
        if partition.partition in stored:
            partition.heartbeat_age_s, offset = stored[partition.partition]
            partition.waiting_records = max(0, partition.end - offset)
    health.heartbeat_age_s = _oldest([partition.heartbeat_age_s for partition in health.partitions])
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


def _dev(settings: Settings, health: Health) -> None:
    stage = settings.dev_stage
    if stage in settings.topics():
        found = _progress(settings, stage)
        numbers = _layout(settings, stage, health).partitions
        health.dev_heartbeat_age_s = _oldest([found.get(number, (None, 0))[0] for number in numbers])


def _layout(settings: Settings, stage: str, health: Health) -> Layout:
    """What the log consists of; while the control plane is away, what the settings say."""
    from control import ControlError

    try:
        return layout_of(settings, stage)
    except ControlError as error:
        if str(error) not in health.problems:
            health.problems.append(str(error))
        return one_generation(settings.topics()[stage])


def _progress(settings: Settings, stage: str) -> dict[int, tuple[float | None, int]]:
    """Partition -> (age of its last stored heartbeat, offset up to which all is stored)."""
    found: dict[int, tuple[float | None, int]] = {}
    for line in _rows(
        settings,
        "SELECT log_partition, toUnixTimestamp64Milli(argMax(heartbeat_at, (log_offset, stored_at))), "
        "max(log_offset) FROM {}.progress "
        "GROUP BY log_partition",
        stage,
    ):
        number, at_ms, offset = map(int, line)
        # A heartbeat of the future is as wrong as one of long ago: a clock was set back.
        found[number] = (abs(time.time() - at_ms / 1000) if at_ms else None, offset)
    return found


def _oldest(ages: Sequence[float | None]) -> float | None:
    """The largest; None if one is not known."""
    known = [age for age in ages if age is not None]
    return max(known) if known and len(known) == len(ages) else None


def _rows(settings: Settings, query: str, stage: str = "") -> list[list[str]]:
    text = query_store(settings, query.replace("{}", database_name(stage or settings.stage)) + " FORMAT TSV")
    return [line.split("\t") for line in text.splitlines()]


def _disk(settings: Settings, health: Health) -> None:
    rooms = disks(settings)
    health.disk_free_bytes = rooms[0].free if rooms else 0
    health.data_bytes = _size_below(settings.data_dir)
    for room in rooms:
        if room.free < LOW_DISK_BYTES:
            free = f"{room.free / 1024**2:,.0f} MiB free"
            health.problems.append(f"the disk of {room.path} is nearly full ({free}); once it is: {room.stops}")


def _size_below(directory: Path) -> int:
    """Bytes of all files; parts come and go meanwhile, so that directories may vanish too."""
    return sum(_size(Path(where, name)) for where, _, names in os.walk(directory) for name in names)


def _size(path: Path) -> int:
    """Bytes of a file; 0 for anything else, and for one that has gone meanwhile."""
    try:
        found = path.lstat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0

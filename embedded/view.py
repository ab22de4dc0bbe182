"""What `footfall up` shows: one line per change, and in a terminal a table that stays."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from embedded.probe import StoreError, query_store
from footfall.names import database_name
from footfall.settings import Settings

if TYPE_CHECKING:
    from rich.console import Group

    from embedded.supervisor import Supervisor

HEARTBEAT_EVERY_S = 5.0
STUCK_AFTER_BEATS = 3  # missing heartbeats; 30 s by default
# Where little happens the store is told only every 5 s how far all is, so that with quick
# heartbeats the newest one it knows is often older than three of them.
SHORTEST_LIMIT_S = 10.0
COLOURS = {"ready": "green", "done": "green", "starting": "yellow", "waiting": "dim", "stopped": "dim"}


def heartbeat_age_s(settings: Settings) -> float | None:
    """Seconds since the oldest partition's last stored heartbeat; None where there is none."""
    newest = (
        "SELECT log_partition, toUnixTimestamp64Milli(max(heartbeat_at)) FROM {}.progress GROUP BY log_partition"
    )
    rows = query_store(settings, newest.format(database_name(settings.stage)), timeout_s=2.0).splitlines()
    beats = {int(partition): int(at) for partition, at in map(str.split, rows)}
    oldest = min(beats.get(number, 0) for number in _served(settings, beats))
    return max(0.0, time.time() - oldest / 1000) if oldest else None


def _served(settings: Settings, known: Collection[int]) -> Collection[int]:
    """The partitions that have heartbeats. The supervisor carries the control plane's modules only
    where the log grew."""
    if max(known, default=0) < settings.partitions:
        return range(settings.partitions)
    import control

    try:
        plane = control.open(settings.control_plane_url())
        try:
            return plane.log_layout(settings.stage, settings.partitions).partitions
        finally:
            plane.close()
    except control.ControlError:  # away: `footfall status` says so
        return known


def heartbeat_colour(age_s: float | None, settings: Settings) -> str:
    """Green while heartbeats arrive, as `footfall status` judges them."""
    if age_s is None:
        return "red"
    return "green" if age_s < heartbeat_limit_s(settings) else "red"


def heartbeat_limit_s(settings: Settings) -> float:
    """The age at which a heartbeat is too old."""
    return max(SHORTEST_LIMIT_S, STUCK_AFTER_BEATS * settings.heartbeat_seconds)


def plain_line(_supervisor: Supervisor, line: str) -> str:
    """A line for pipes and logs."""
    return f"{time.strftime('%H:%M:%S')} {line}"


class StatusTable:
    """The table of a running supervisor; asks the store now and then."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = 0.0
        self._heartbeat = "heartbeat: not yet"
        self._colour = "yellow"

    def render(self, supervisor: Supervisor) -> Group:
        """The table as it is now, and the heartbeat's age."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        self._ask(supervisor)
        table = Table(box=None, pad_edge=False)
        for column in ("part", "state", "process", "up", "restarts"):
            table.add_column(column, justify="right" if column in ("process", "up", "restarts") else "left")
        for name, child in supervisor.children.items():
            if child.part.once:
                continue
            state = "failing" if supervisor.is_failing(child) else child.state
            up = duration(time.time() - child.up_since) if child.pid else ""
            coloured = Text(state, style=COLOURS.get(state, "red"))
            table.add_row(name, coloured, str(child.pid or ""), up, str(child.restarts))
        return Group(table, Text(self._heartbeat, style=self._colour), Text("Ctrl-C stops it", style="dim"))

    def _ask(self, supervisor: Supervisor) -> None:
        if supervisor.state != "ready" or time.monotonic() < self._asked + HEARTBEAT_EVERY_S:
            return
        self._asked = time.monotonic()
        try:
            age = heartbeat_age_s(self._settings)
        except StoreError as error:
            self._heartbeat, self._colour = f"store: {str(error).splitlines()[0][:80]}", "red"
            return
        self._colour = heartbeat_colour(age, self._settings)
        self._heartbeat = "no heartbeat stored yet" if age is None else f"last heartbeat stored {age:.0f} s ago"


def duration(seconds: float) -> str:
    """`4 s`, `12 min`, `3 h`, `5 d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"

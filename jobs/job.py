"""What a job is, and what it is given when it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import TYPE_CHECKING

from footfall.generations import Layout
from footfall.settings import Settings

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from control.plane import Control


class StoppedError(Exception):
    """The process is to end: the job gave up between two steps."""


class LeaseLostError(Exception):
    """This process stood still for so long that another one may have taken the job."""


def wall_ms() -> int:
    """The clock of this machine, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass
class JobContext:
    """One run's surroundings. Between two steps a job calls `check`."""

    settings: Settings
    control: Control
    stop: threading.Event = field(default_factory=threading.Event)
    now_ms: Callable[[], int] = wall_ms
    progress: Callable[[int, int], None] = lambda _done, _total: None
    lost: threading.Event = field(default_factory=threading.Event)  # the lease of this run
    # (stage, visitor) -> (not before, ms; wait, ms): what repair has to come back to
    postponed: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)  # stages whose database is ours
    again: bool = False  # set by a job that has more to do: it runs again at once

    def check(self) -> None:
        """`StoppedError` if the run is to end here."""
        if self.lost.is_set():
            raise LeaseLostError("the lease was lost: another process goes on with it")
        if self.stop.is_set():
            raise StoppedError("stopped; the next run goes on from here")

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages the flow of this installation serves."""
        return tuple(self.settings.topics())

    def layout(self, stage: str) -> Layout:
        """The generations of a stage's log, as they are now."""
        return self.control.log_layout(stage, self.settings.topics()[stage])

    def store(self, stage: str) -> Client:
        """A connection to a stage's database; whoever takes it disconnects it. Raises
        `installations.ClaimedError` where another installation's flow writes it."""
        import installations
        from footfall.names import database_name
        from sinks.clickhouse import connect

        if stage not in self.checked:
            installation = installations.identify(self.control, self.settings.stage)
            installations.check(self.settings, installation, [stage], frozenset({installations.STORE}))
            self.checked.add(stage)
        return connect(self.settings, database=database_name(stage))

    def sync(self, client: Client, stage: str, *tables: str) -> None:
        """Before a job takes what is not there for never stored: let the replica at hand catch up."""
        from footfall.names import database_name
        from sinks.cluster import sync

        sync(client, self.settings.clickhouse_cluster, database_name(stage), *tables)


@dataclass(frozen=True)
class Job:
    """One line of the list: what runs when.

    Either `every` (counted from the start of the last run) or `daily_at` (UTC). A time
    missed while nothing ran is made up for once, at the next start, unless
    `catch_up` is off.
    """

    name: str
    what: str
    run: Callable[[JobContext], str]  # returns what it did, in a few words
    every: timedelta | None = None
    daily_at: clock_time | None = None
    catch_up: bool = True

    def due_after(self, last_ms: int) -> int:
        """When the job is due, having last run at `last_ms`."""
        if self.every is not None:
            return last_ms + int(self.every.total_seconds() * 1000)
        if self.daily_at is None:
            raise ValueError(f"job {self.name} has no schedule: give it `every` or `daily_at`")
        last = datetime.fromtimestamp(last_ms / 1000, UTC)
        due = datetime.combine(last.date(), self.daily_at, UTC)
        if due <= last:
            due += timedelta(days=1)
        return int(due.timestamp() * 1000)

    def schedule(self) -> str:
        """For people: `every 1 min`, `daily at 03:20 UTC`."""
        if self.daily_at is not None:
            return f"daily at {self.daily_at:%H:%M} UTC"
        seconds = int(self.every.total_seconds()) if self.every else 0
        return f"every {seconds // 60} min" if seconds % 60 == 0 else f"every {seconds} s"

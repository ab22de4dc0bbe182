"""How far a replay is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 5.0
SHOW_EVERY_S = 0.1


class Bar:
    """`total` is bytes of the archive; `tick` may be called at any rate."""

    def __init__(self, total: int) -> None:
        self._total = max(1, total)
        self._done = 0
        self._events = 0
        self._phase = "reading"
        self._started = time.monotonic()
        self._next = self._started
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task("reading", total=self._total, events=0) if self._bar else None

    def __enter__(self) -> Bar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def phase(self, name: str) -> None:
        """What goes on now."""
        self._phase, self._next = name, 0.0
        self.tick()

    def read(self, size: int) -> None:
        """So much more of the archive is behind us."""
        self._done += size

    def put(self, events: int) -> None:
        """So many more events are in the log."""
        self._events += events
        self.tick()

    def tick(self) -> None:
        """Show what is new, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        if self._bar is not None and self._task is not None:
            self._next = now + SHOW_EVERY_S
            self._bar.update(self._task, description=self._phase, completed=self._done, events=self._events)
            return
        self._next = now + LINE_EVERY_S
        rate = self._events / max(0.001, now - self._started)
        share = 100 * self._done / self._total
        click.echo(f"{self._phase}: {share:.0f} %, {self._events:,} events, {rate:,.0f} events/s", err=True)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[events]:,} events"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

"""How far a long command is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

BAR_EVERY_S = 0.1
LINE_EVERY_S = 5.0


class ProgressBar:
    """So many `unit` are through. The share that is done is measured in what `total` is of, bytes say;
    total 0: nobody knows it. All may be called at any rate."""

    def __init__(self, unit: str, total: int = 0) -> None:
        self._unit = unit
        self._total = total
        self._count = self._done = 0
        self._phase = "reading"
        self._started = time.monotonic()
        self._bar = _bar(unit) if sys.stderr.isatty() else None
        self._task = self._bar.add_task(self._phase, total=total or None, count=0) if self._bar else None
        self._next = self._started + (0.0 if self._bar else LINE_EVERY_S)

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expect(self, total: int, /) -> None:
        """How much there is, about."""
        self._total = total
        self.tick()

    def phase(self, name: str, /) -> None:
        """What goes on now."""
        self._phase = name
        if self._bar is not None:
            self._next = 0.0
        self.tick()

    def moved(self, count: int, /, size: int | None = None) -> None:
        """So many more are through; `size`: as the total measures it, where that is something else."""
        self._count += count
        self._done += count if size is None else size
        self.tick()

    def tick(self) -> None:
        """Show what is new, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        total = self._total and max(self._total, self._done)
        if self._bar is not None and self._task is not None:
            self._next = now + BAR_EVERY_S
            self._bar.update(
                self._task, description=self._phase, completed=self._done, total=total or None, count=self._count
            )
            return
        self._next = now + LINE_EVERY_S
        rate = self._count / max(0.001, now - self._started)
        share = f", {100 * self._done / total:.0f} %" if total else ""
        click.echo(f"{self._phase}: {self._count:,} {self._unit}{share}, {rate:,.0f} {self._unit}/s", err=True)


def _bar(unit: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.fields[count]:,}} {unit}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,  # what was done is told at the end
    )

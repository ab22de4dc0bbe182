"""How far an import is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from footfall.cli.importer.lines import Line, LogFile
from footfall.cli.importer.records import Counts

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

BAR_EVERY_S = 0.1
LINE_EVERY_S = 5.0


class Progress:
    """Shows lines read, the rate and the time left; `tick` may be called at any rate."""

    def __init__(self, files: Sequence[LogFile], counts: Counts) -> None:
        self._files = files
        self._counts = counts
        self._phase = "reading"
        self._started = time.monotonic()
        self._next = self._started + LINE_EVERY_S
        self._size = sum(file.size for file in files) if all(file.size for file in files) else 0
        self._bar: Bar | None = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task("reading", total=self._size or None, lines=0) if self._bar else None

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def lines(self) -> Iterator[Line]:
        """The lines of all files, telling of them on the way."""
        for file in self._files:
            for line in file.lines():
                self.tick()
                yield line

    def phase(self, name: str) -> None:
        """What goes on now."""
        self._phase = name
        self._next = 0.0
        self.tick()

    def tick(self) -> None:
        """Show what is new, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        done = sum(file.position for file in self._files)
        lines = self._counts.lines
        if self._bar is not None and self._task is not None:
            self._next = now + BAR_EVERY_S
            self._bar.update(self._task, description=self._phase, completed=done, lines=lines)
            return
        self._next = now + LINE_EVERY_S
        rate = lines / max(0.001, now - self._started)
        share = f", {100 * done / self._size:.0f} %" if self._size else ""
        click.echo(f"{self._phase}: {lines:,} lines{share}, {rate:,.0f} lines/s", err=True)


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

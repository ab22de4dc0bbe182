"""How far a backup or a restore is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from backup.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichBar

LINE_EVERY_S = 10.0


class Bar(Progress):
    """Rows through, of about so many."""

    def __init__(self) -> None:
        self._bar: RichBar | None = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task("beginning", total=None) if self._bar else None
        self._name = "beginning"
        self._total = self._done = 0
        self._next = time.monotonic() + LINE_EVERY_S

    def __enter__(self) -> Bar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expect(self, rows: int) -> None:
        """See `Progress`."""
        self._total = rows
        self._show()

    def phase(self, name: str) -> None:
        """See `Progress`."""
        self._name = name
        self._show()

    def moved(self, rows: int) -> None:
        """See `Progress`."""
        self._done += rows
        self._show()

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            total = max(self._total, self._done) or None
            self._bar.update(self._task, description=self._name, completed=self._done, total=total)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_EVERY_S
            click.echo(f"{self._name}: {self._done:,} of about {self._total:,} rows", err=True)


def _bar() -> RichBar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )

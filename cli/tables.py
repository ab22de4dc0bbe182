"""Tables: fitted to a terminal, plain and whole everywhere else.

In a pipe nothing is cut, wrapped or framed, so that `grep` and `awk` find what they look
for. In a terminal, columns named `whole` (ids, domains) keep every word in one piece,
for people paste them; if need be the line is longer than the terminal is wide.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

GAP = "  "


def show_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    whole: Sequence[str] = (),
    right: Sequence[str] = (),
    colours: dict[str, str] | None = None,
    framed: bool = True,
) -> None:
    """Print it. `whole` and `right` name columns, `colours` gives cells with that text a
    style; without headers `whole` may be `*`: all."""
    cells = [[_printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        click.echo("\n".join(plain_lines(headers, cells, right)))
        return
    from rich.console import Console

    table = fitted(headers, cells, whole, right, colours or {}, framed)
    Console(highlight=False).print(table, crop=False)


def plain_lines(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> list[str]:
    """Columns side by side, as wide as what they hold."""
    lines = [list(headers), *map(list, rows)] if headers else list(map(list, rows))
    lines = [[cell or "-" for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    names = headers or [""] * len(widths)
    return [
        GAP.join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(line, widths, names, strict=True)
        ).rstrip()
        for line in lines
    ]


def fitted(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    whole: Sequence[str],
    right: Sequence[str],
    colours: dict[str, str],
    framed: bool,
) -> Table:
    """The table for a terminal."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=bool(headers), box=box.HEAVY_HEAD if framed else None, pad_edge=framed)
    for place, name in enumerate(headers or [""] * len(rows[0])):
        words = [word for row in rows for word in row[place].split()]
        longest = max(map(cell_len, words), default=0) if name in whole or "*" in whole else None
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", min_width=longest)
    for row in rows:
        table.add_row(*(Text(cell, style=colours.get(cell, "")) for cell in row))
    return table


def _printable(text: str) -> str:
    """One line without control characters: what others sent must not move the cursor."""
    joined = " ".join(text.split())
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in joined)

"""Tables: nothing that is pasted is cut, wherever they are printed."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from cli.tables import fitted, plain_lines, show_table

KEY, SITE = "116a5d0c9f3e", "a-rather-long-name-of-a-shop.department.example.co.uk"
HEADERS = ("Key", "Site", "Label", "Detail")
ROWS = [[KEY, SITE, "backend of the shop", "word " * 40]]


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_in_a_terminal_ids_stay_in_one_piece(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    console.print(fitted(HEADERS, ROWS, ("Key", "Site"), (), {}, framed=True), crop=False)
    assert KEY in out.getvalue()
    assert SITE in out.getvalue()
    assert "\u2026" not in out.getvalue()


def test_in_a_pipe_lines_are_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(HEADERS, [*ROWS, ["2", "b.example", "", "two\nlines \x1b[31m"]], whole=("Key",))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:2] == [KEY, SITE]
    assert lines[1].endswith("word")
    assert lines[2].split() == ["2", "b.example", "-", "two", "lines", "\\x1b[31m"]


def test_columns_are_beside_one_another() -> None:
    assert plain_lines(("part", "process"), [["store", "7"]], right=("process",)) == [
        "part   process",
        "store        7",
    ]
    assert plain_lines((), [["Public id", "pub_x"]]) == ["Public id  pub_x"]


def test_a_real_terminal_of_80_columns() -> None:
    """Through a terminal's own eyes: what `isatty` decides."""
    ours, theirs = pty.openpty()
    code = (
        f"from cli.tables import show_table; show_table({HEADERS!r}, {ROWS!r}, whole=('Key', 'Site'));"
        f"show_table((), [('Public id', {SITE!r})], whole='*')"
    )
    env = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    done = subprocess.run([sys.executable, "-c", code], stdout=theirs, env=env, timeout=60, check=True)
    os.close(theirs)
    text = b""
    while len(text) < 10_000:
        try:
            text += os.read(ours, 4096)
        except OSError:
            break
    os.close(ours)
    assert done.returncode == 0
    assert "\u2503".encode() in text  # a frame
    assert KEY.encode() in text
    assert text.count(SITE.encode()) == 2

"""How far a long command is, in a terminal and elsewhere."""

from __future__ import annotations

import gzip
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cli import progress
from cli.importer.lines import LogFile
from cli.importing import told_lines
from cli.progress import ProgressBar

IN_A_TERMINAL = """
from cli.progress import ProgressBar
with ProgressBar("lines") as bar:
    bar.expect(4_000)
    bar.moved(1_500)
    bar.phase("storing")
"""


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """Elsewhere, and each time is time for a line."""
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    return capsys


def test_lines_tell_phase_count_share_and_rate(lines: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("events", total=2_000) as bar:
        bar.moved(1_500, 500)
        bar.phase("storing")
        bar.moved(0, 1_500)
    told = [line.rpartition(", ") for line in lines.readouterr().err.splitlines()]
    assert [said for said, _, _ in told] == [
        "reading: 1,500 events, 25 %", "storing: 1,500 events, 25 %", "storing: 1,500 events, 100 %"
    ]  # fmt: skip
    assert all(rate.endswith(" events/s") for _, _, rate in told)


def test_of_an_unknown_total_no_share_is_told(lines: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("lines") as bar:
        bar.moved(3)
    assert lines.readouterr().err.startswith("reading: 3 lines, ")


def test_more_than_was_expected_is_all(lines: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("rows") as bar:
        bar.expect(10)
        bar.moved(12)
    assert "12 rows, 100 %" in lines.readouterr().err.splitlines()[-1]


def test_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 60.0)
    with ProgressBar("lines") as bar:
        for _ in range(1_000):
            bar.moved(1)
    assert not capsys.readouterr().err


def test_an_import_has_come_to_the_end_of_its_files(lines: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\n\ntwo\n")
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(b"three\n" * 40_000))
    logs = [LogFile(str(tmp_path / name)) for name in ("a.log", "b.log.gz")]
    with ProgressBar("lines", sum(log.size for log in logs)) as bar:
        assert len(list(told_lines(logs, bar))) == 40_002
    assert lines.readouterr().err.splitlines()[-1].startswith("reading: 40,002 lines, 100 %")


def test_a_terminal_has_a_bar() -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TERMINAL], stderr=theirs, stdout=subprocess.PIPE, env=env, timeout=30
    )
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert done.stdout == b""  # what a command prints is for a pipe
    assert "storing" in shown
    assert "1,500 lines" in shown
    assert "lines/s" not in shown

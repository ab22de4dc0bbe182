"""The command line itself: quick, and plain about errors."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import footfall
from cli import COMMANDS, main


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from cli import main; main(sys.argv[1:], prog_name='footfall')"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, env=env, check=False
    )


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys\nfrom cli import main\n"
        "try: main(['--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        "heavy = {'pydantic', 'sqlalchemy', 'clickhouse_driver', 'chdb', 'bytewax', 'rich', 'granian'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for name, (_, text) in COMMANDS.items():
        assert name in done.stdout
        assert text.split()[0] in done.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_there_and_explains_itself(name: str) -> None:
    module = importlib.import_module(f"cli.{COMMANDS[name][0]}")
    assert isinstance(module.command, click.Command)
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert f"footfall {name}" in result.output or f"main {name}" in result.output


def test_version() -> None:
    assert footfall.__version__ in CliRunner().invoke(main, ["--version"]).output


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    done = run("up", FOOTFALL_DATA_DIR=str(tmp_path), FOOTFALL_GATEWAY_PORT="many")
    assert done.returncode == 2
    assert "FOOTFALL_GATEWAY_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_cannot_be_reached_is_said_plainly(tmp_path: Path) -> None:
    done = run("migrate", FOOTFALL_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "footfall up" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ValueError("odd"), 3, "unexpected ValueError: odd"),
        (PermissionError(13, "Permission denied", "/x"), 1, "Permission denied"),
        (ConnectionRefusedError(111, "Connection refused"), 1, "footfall up"),
        (ModuleNotFoundError("No module named 'x'"), 3, "make setup"),
    ],
)
def test_errors_become_one_message(
    error: Exception, code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def broken() -> None:
        raise error

    import cli.migrate

    monkeypatch.setattr(cli.migrate, "command", broken)
    result = CliRunner().invoke(main, ["migrate"])
    assert result.exit_code == code
    assert says in result.output
    assert isinstance(CliRunner().invoke(main, ["--debug", "migrate"]).exception, type(error))

"""In the wrong directory a command says so and makes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main

COMMANDS = [
    "site add a.example.com",
    "site list",
    "site show a.example.com",
    "site set a.example.com --currency EUR",
    "site remove a.example.com --yes",
    "key create a.example.com",
    "key list",
    "key rotate 1234",
    "key revoke 1234",
    "goal add a.example.com g --event x",
    "goal list a.example.com",
    "goal remove a.example.com g",
    "job list",
    "job run repair",
    "repair",
    "repair --status",
    "quarantine list",
    "quarantine show 0-0-0",
    "quarantine replay 0-0-0",
    "import access-log log --site a.example.com",
    "import access-log log --site a.example.com --start",
]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOOTFALL_DATA_DIR", raising=False)
    monkeypatch.delenv("FOOTFALL_CONTROL_URL", raising=False)
    (tmp_path / "log").write_text("")
    return tmp_path


@pytest.mark.parametrize("line", COMMANDS)
def test_the_wrong_directory_is_named(elsewhere: Path, line: str) -> None:
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 1, result.output
    assert str(elsewhere / "data") in result.output
    assert "FOOTFALL_DATA_DIR" in result.output
    assert "footfall up" in result.output
    assert [path.name for path in elsewhere.iterdir()] == ["log"]


def test_a_control_plane_of_another_name_is_named(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_CONTROL_URL", f"sqlite:///{elsewhere / 'mine.db'}")
    result = CliRunner().invoke(main, ["site", "list"])
    assert result.exit_code == 1
    assert f"{elsewhere / 'mine.db'}" in result.output
    assert "FOOTFALL_CONTROL_URL" in result.output
    assert [path.name for path in elsewhere.iterdir()] == ["log"]


@pytest.mark.parametrize(
    "url",
    [
        "nonsense", "sqlite:/x", "sqlite:///", "postgresql://", "mysql://user:secret@host/db", "://secret",
        # A password with characters of a URL's own: part of it would be taken for host, port or database.
        "postgresql://user:p@secret@host/db", "postgresql://user:p@x:secret@host/db",
        "postgresql://user:p@x/secret@host/db", "postgresql://user:secret/db",
    ],
)  # fmt: skip
def test_a_malformed_url_is_told_and_not_repeated(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("FOOTFALL_CONTROL_URL", url)
    result = CliRunner().invoke(main, ["site", "list"])
    assert result.exit_code == 2
    assert "FOOTFALL_CONTROL_URL: this is not a control plane's URL: give sqlite:////" in result.output
    assert "secret" not in result.output
    assert [path.name for path in elsewhere.iterdir()] == ["log"]


def test_a_database_without_a_driver_is_told(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_CONTROL_URL", "postgresql+nodriver://user:secret@host/db")
    result = CliRunner().invoke(main, ["site", "list"])
    assert result.exit_code == 1
    assert "write postgresql+psycopg://..." in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize("name", ["status", "doctor"])
def test_looking_makes_nothing(elsewhere: Path, name: str) -> None:
    result = CliRunner().invoke(main, [name])
    assert result.exit_code == 1
    assert str(elsewhere / "data") in result.output
    assert [path.name for path in elsewhere.iterdir()] == ["log"]

"""Each test that takes `url` or `plane` runs on both back ends. What only SQLite has (a file, its
permissions, its full disk) takes `sqlite_url`; what only a server has takes `postgres_url`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

import control
from control import Control
from tests.fixtures.postgres import PostgresServer, full

# What the files of the database's tables hold now.
Files = Callable[[], list[bytes]]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'control.db'}"


@pytest.fixture(scope="package")
def emptied_database(postgres: PostgresServer) -> Iterator[str]:
    """One for all tests of `url`: to make one takes longer than most of them do."""
    name = f"test_{secrets.token_hex(6)}"
    postgres.make_database(name)
    yield name
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    postgres: PostgresServer = request.getfixturevalue("postgres")
    name: str = request.getfixturevalue("emptied_database")
    postgres.empty(name)
    return full(postgres.url(name))


@pytest.fixture
def plane(url: str) -> Iterator[Control]:
    opened = control.open(url)
    yield opened
    opened.close()


@pytest.fixture
def files(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Files:
    if url.startswith("sqlite"):  # with its write-ahead log
        return lambda: [path.read_bytes() for path in tmp_path.iterdir()]
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return lambda: _tables(postgres, str(make_url(url).database))


def _tables(postgres: PostgresServer, database: str) -> list[bytes]:
    """The tables' files alone: how long PostgreSQL keeps its write-ahead log is the operator's to say."""
    with postgres.admin(database) as admin:
        admin.execute("CHECKPOINT")
        ((number,),) = admin.execute("SELECT oid FROM pg_database WHERE datname = %s", [database]).fetchall()
    folder = postgres.own.folder / "data" / "base" / str(number)
    return [path.read_bytes() for path in folder.iterdir()]

"""One database, read and written in transactions. All that differs by back end is here."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, select, update

from control.migrations import upgrade
from control.schema import meta

BUSY_TIMEOUT_MS = 10_000
OPEN_ATTEMPTS = 5


class ControlError(ValueError):
    """What was asked for cannot be; the message tells the person what to do."""


class NotFoundError(ControlError):
    """There is no such site, key or goal."""


class ControlFullError(ControlError):
    """The disk of the control plane is full. Nothing was changed; reading still works."""


class Database:
    """The engine and the two ways to use it. Thread-safe."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        _upgrade(self._engine)
        self._writer = self._engine.execution_options(footfall_write=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent snapshot."""
        with self._engine.connect() as connection:
            if not _is_sqlite(self._engine):
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self, announce: bool = True) -> Iterator[Connection]:
        """One transaction; `announce` changes what `version()` tells.

        Raises `ControlFullError` where the disk has no room for it.
        """
        with _said_plainly(self._engine), self._writer.begin() as connection:
            if announce:
                row = meta.c.name == "revision"
                connection.execute(update(meta).where(row).values(value=meta.c.value + 1))
            yield connection

    def version(self) -> int:
        """Changes with every change of sites, keys, goals or settings; cheap to poll."""
        with self._engine.connect() as connection:
            query = select(meta.c.value).where(meta.c.name == "revision")
            return int(connection.execute(query).scalar_one())

    def erase_traces(self) -> None:
        """Deleted rows leave SQLite's write-ahead log too. Best effort: readers may hold it."""
        if _is_sqlite(self._engine):
            with self._engine.connect() as connection:
                # The driver's own cursor: a checkpoint cannot run inside a transaction.
                driver = connection.connection.cursor()
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                driver.close()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def make_engine(url: str) -> Engine:
    """An engine for `url`; a SQLite file is made readable by its owner alone."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        try:
            return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
        except (ModuleNotFoundError, exc.NoSuchModuleError) as error:
            raise ControlError(
                f"the driver of {parsed.drivername} is not installed ({error}): use postgresql+psycopg, and "
                'install it beside Footfall with `pip install "psycopg[binary]"`'
            ) from error
    if not parsed.database or parsed.database == ":memory:":
        raise ControlError("the control plane is shared between processes: give a file, sqlite:///path")
    path = Path(parsed.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    # Parameters hold salts and secrets: they stay out of error messages.
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _prepare_sqlite(driver: sqlite3.Connection, _record: Any) -> None:
    driver.isolation_level = None  # we begin transactions ourselves, see _begin_sqlite
    driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # Several processes may switch a new file over at once, and that does not wait by itself.
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while driver.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            driver.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    driver.execute("PRAGMA synchronous=FULL")
    driver.execute("PRAGMA foreign_keys=ON")
    driver.execute("PRAGMA secure_delete=ON")  # a forgotten salt is overwritten


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: turning a read into a write later fails with
    # SQLITE_BUSY whatever the timeout, if somebody else has written in between.
    write = connection.get_execution_options().get("footfall_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _upgrade(engine: Engine) -> None:
    """Several processes may open a new database at once: the loser tries again."""
    for attempt in range(OPEN_ATTEMPTS):
        try:
            with _said_plainly(engine), engine.execution_options(footfall_write=True).begin() as connection:
                upgrade(connection)
            return
        except (exc.IntegrityError, exc.ProgrammingError, exc.OperationalError):
            if attempt == OPEN_ATTEMPTS - 1:
                raise
            time.sleep(0.1 * (attempt + 1))


# A full disk, in the words of SQLite (its shared memory is a file of its own) and of PostgreSQL.
_SQLITE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE}
_POSTGRES_FULL = "53100"


@contextmanager
def _said_plainly(engine: Engine) -> Iterator[None]:
    """A full disk as a message for a person."""
    try:
        yield
    except exc.DBAPIError as error:
        code, state = getattr(error.orig, "sqlite_errorcode", 0), getattr(error.orig, "sqlstate", "")
        if code not in _SQLITE_FULL and state != _POSTGRES_FULL:
            raise
        where = engine.url.database if _is_sqlite(engine) else engine.url.host
        raise ControlFullError(
            f"the control plane ({where}) cannot be written: {error.orig}. Nothing was changed. Make room and "
            "try again; what only reads goes on meanwhile"
        ) from error

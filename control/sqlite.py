"""What SQLite needs: the engine of a file, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from control.errors import ControlAwayError, ControlError, ControlFullError

BUSY_TIMEOUT_MS = 10_000

# A full disk; SQLite's shared memory is a file of its own.
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE}


def make_engine(url: URL) -> Engine:
    """An engine for a file, which is made readable by its owner alone."""
    if not url.database or url.database == ":memory:":
        raise ControlError("the control plane is shared between processes: give a file, sqlite:///path")
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    # Parameters hold salts and secrets: they stay out of error messages.
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def erase_traces(engine: Engine) -> None:
    """Deleted rows leave the write-ahead log too. Best effort: readers may hold it."""
    with engine.connect() as connection:
        # The driver's own cursor: a checkpoint cannot run inside a transaction.
        driver = connection.connection.cursor()
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        driver.close()


def explain(engine: Engine, error: exc.SQLAlchemyError) -> ControlError | None:
    """The error in plain words, if it is one a person can mend."""
    driver_error = getattr(error, "orig", None)
    if getattr(driver_error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY:
        return ControlAwayError(
            f"the control plane ({engine.url.database}) has been locked by another process for longer than "
            f"{BUSY_TIMEOUT_MS // 1000} s. If one hangs in the middle of a change, end it (kill -9) and try again"
        )
    if getattr(driver_error, "sqlite_errorcode", 0) not in _FULL:
        return None
    return ControlFullError(
        f"the control plane ({engine.url.database}) cannot be written: {driver_error}. Nothing was changed. Make "
        "room and try again; what only reads goes on meanwhile"
    )


def _prepare(driver: sqlite3.Connection, _record: Any) -> None:
    driver.isolation_level = None  # we begin transactions ourselves, see _begin
    driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # Several processes may switch a new file over at once, and that does not wait by itself.
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while driver.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            driver.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # between two looks
    driver.execute("PRAGMA synchronous=FULL")
    driver.execute("PRAGMA foreign_keys=ON")
    driver.execute("PRAGMA secure_delete=ON")  # a forgotten salt is overwritten


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: turning a read into a write later fails with
    # SQLITE_BUSY whatever the timeout, if somebody else has written in between.
    write = connection.get_execution_options().get("footfall_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

"""One database, read and written in transactions. What a back end needs of its own is in
sqlite.py and postgres.py."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, exc, make_url, select, update

from control import sqlite
from control.errors import ControlError
from control.migrations import pending, upgrade
from control.schema import meta

OPEN_ATTEMPTS = 5


class Database:
    """The engine and the two ways to use it. Thread-safe."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        try:
            _upgrade(self._engine)
        except BaseException:
            self._engine.dispose()
            raise
        self._writer = self._engine.execution_options(footfall_write=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent snapshot."""
        with _said_plainly(self._engine), self._engine.connect() as connection:
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
        with _said_plainly(self._engine), self._engine.connect() as connection:
            query = select(meta.c.value).where(meta.c.name == "revision")
            return int(connection.execute(query).scalar_one())

    def erase_traces(self) -> None:
        """Deleted salts leave the files as well. Best effort."""
        with _said_plainly(self._engine):
            if _is_sqlite(self._engine):
                sqlite.erase_traces(self._engine)
            else:
                from control import postgres

                postgres.erase_traces(self._engine)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def make_engine(url: str) -> Engine:
    """An engine for `url`, of which no message repeats the password."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):  # quotes what it cannot read: perhaps part of a password
        raise ControlError("the URL of the control plane cannot be read: see FOOTFALL_CONTROL_URL") from None
    if parsed.drivername.partition("+")[0] == "sqlite":
        return sqlite.make_engine(parsed)
    from control import postgres  # the driver is loaded where it is used

    return postgres.make_engine(parsed)


def missing_steps(url: str) -> list[str]:
    """What opening the control plane would do to its tables. Changes nothing, except that a
    SQLite file that is not there is made."""
    engine = make_engine(url)
    try:
        with _said_plainly(engine), engine.begin() as connection:
            return pending(connection)
    finally:
        engine.dispose()


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _upgrade(engine: Engine) -> None:
    """Several processes may open a new SQLite file at once: the loser tries again. (PostgreSQL's
    errors come as `ControlError`: there, one waits for the other.)"""
    for attempt in range(OPEN_ATTEMPTS):
        try:
            with _said_plainly(engine), engine.execution_options(footfall_write=True).begin() as connection:
                upgrade(connection)
            return
        except (exc.IntegrityError, exc.OperationalError):
            if attempt == OPEN_ATTEMPTS - 1:
                raise
            # The pause of a bounded retry; with jitter, so that the losers do not meet again.
            time.sleep(0.1 * (attempt + 1) * random.uniform(0.5, 1.5))


@contextmanager
def _said_plainly(engine: Engine) -> Iterator[None]:
    """What a person can mend, as a message for a person."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        if _is_sqlite(engine):
            plain = sqlite.explain(engine, error)
        else:
            from control import postgres

            plain = postgres.explain(engine, error)
        if plain is None:
            raise
        raise plain from error

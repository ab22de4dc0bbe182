"""What PostgreSQL needs: an engine whose every wait has an end, and what its errors mean.

What may make a caller wait, and what ends it:

- nobody takes the connection: `connect_timeout`, for each address of the host;
- a row that somebody else holds, a slow statement: `statement_timeout`. The server ends it,
  which undoes the transaction and lets the others go on;
- a server that stands still. Nothing on its side ends that, and as long as its kernel
  acknowledges what it is sent `tcp_user_timeout` does not either. So the wait for an answer
  has an end here, later than the server's own;
- a client that stands still and holds a row: `idle_in_transaction_session_timeout`.

Whatever the URL gives itself (`?connect_timeout=20`) is taken instead.

Tables are in a schema of the installation's own, which the URL names (`?schema=footfall_prod`): so
one database serves several. It is the whole search path, whatever the user's or server's is.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, create_engine, event, exc, text

from control.errors import ControlAwayError, ControlError, ControlFullError
from control.postgres_schema import HOW, OPTION, schema_of

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 5_000
ANSWER_TIMEOUT_S = 8.0
IDLE_TIMEOUT_MS = 30_000
POOL_TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)

_DEFAULTS: dict[str, Any] = {
    "application_name": "footfall",
    "connect_timeout": CONNECT_TIMEOUT_S,
    "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} "
    f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS}",
}
_FULL = "53100"
_NO_RIGHT = {"42501", "3F000"}  # nor a schema it may use
_READ_ONLY = "25006"
_NO_TABLE = {"42P01", "42703"}  # nor such a column


class _Connection(psycopg.Connection[tuple[Any, ...]]):
    """One that does not wait for an answer for ever."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, ANSWER_TIMEOUT_S if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()  # the answer may still come, and would be taken for that of the next statement
            raise psycopg.OperationalError("it does not answer, though it is connected") from error


def make_engine(url: URL) -> Engine:
    """An engine; nothing is connected yet."""
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ControlError(
            f"{url.drivername} is no driver Footfall can use: write postgresql+psycopg://..., its driver is "
            "installed with Footfall"
        )
    schema = schema_of(url)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["schema"]),
        execution_options={OPTION: schema},
        pool_pre_ping=True,  # of a server that was restarted the next call notices nothing
        pool_timeout=POOL_TIMEOUT_S,
        isolation_level="READ COMMITTED",  # whatever the server's default: conditional updates count on it
        client_encoding="utf8",
        use_native_hstore=False,
        hide_parameters=True,  # they hold salts and secrets
    )
    event.listen(engine, "do_connect", partial(_connect, schema))
    return engine


def _connect(schema: str, _dialect: Any, _record: Any, args: Any, params: dict[str, Any]) -> _Connection:
    chosen = {**_DEFAULTS, **params}
    chosen["options"] += f" -c search_path={schema}"  # the last one counts
    return _Connection.connect(*args, **chosen)


def erase_traces(engine: Engine) -> None:
    """A forgotten salt leaves the table's file too: a deleted row stays in it until the space is
    needed, in a table of three rows for ever. Best effort; the server's write-ahead log and
    backups are the operator's."""
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (FULL) salt"))
    except exc.DBAPIError as error:
        _log.warning("a forgotten salt may still be in the table's file: %s", _said(error.orig))


def explain(engine: Engine, error: exc.SQLAlchemyError) -> ControlError | None:
    """The error in plain words, if it is one a person can mend. Never the URL: it holds a password."""
    url = engine.url
    where = f"database {url.database or '(default)'} of {url.username or '(nobody)'} at {_address(url)}"
    if isinstance(error, exc.TimeoutError):
        return ControlAwayError(f"the control plane ({where}) is slow: all connections are busy. Try again")
    if not isinstance(error, exc.DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None) or ""
    said = _said(error.orig)
    if state == _FULL:
        return ControlFullError(
            f"the control plane ({where}) cannot be written: {said}. Nothing was changed. Make room and try "
            "again; what only reads goes on meanwhile"
        )
    if state in _NO_RIGHT:
        return ControlError(f"the control plane ({where}): {said}. {HOW}")
    if state == _READ_ONLY:
        return ControlError(f"the control plane ({where}) takes no changes: {said}. Name the primary server")
    if state in _NO_TABLE:
        return ControlError(
            f"the control plane ({where}) lacks what should be in it: {said}. Footfall needs a database of its "
            f"own; {HOW}"
        )
    if isinstance(error, exc.OperationalError) or error.connection_invalidated:
        return ControlAwayError(
            f"the control plane ({where}) cannot be used now: {said}. Does the server run, and is "
            "FOOTFALL_CONTROL_URL right?"
        )
    return None


def _address(url: URL) -> str:
    host = url.host or url.query.get("host") or "(default)"
    return f"{host}:{url.port}" if url.port else str(host)


def _said(error: BaseException | None) -> str:
    """The first line of what the driver says: after it come details, which may quote a row."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return (primary or str(error)).strip().partition("\n")[0][:300].rstrip(".")

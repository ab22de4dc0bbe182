"""The store's client: how to connect, what may be tried again, which names are safe.

A client is one connection and not thread-safe; `connect` is cheap and does no I/O.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ErrorCodes, NetworkError, ServerException, SocketTimeoutError

from footfall.settings import Settings

Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)
# The driver logs a traceback for every try that fails; what fails is raised as well, and told once by who asked.
logging.getLogger("clickhouse_driver.connection").setLevel(logging.CRITICAL)

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
CONNECT_TIMEOUT_S = 5
SEND_RECEIVE_TIMEOUT_S = 60
# Every server from 24.8 on speaks it, and the tests do: a later one would change how blocks are written.
REVISION = 54448
TELL_EVERY_S = 30.0  # while the store takes nothing

# Server errors that pass by themselves; any other says that the query is wrong.
RETRYABLE_CODES = frozenset(
    {
        ErrorCodes.TIMEOUT_EXCEEDED,
        ErrorCodes.TOO_MANY_SIMULTANEOUS_QUERIES,
        ErrorCodes.SOCKET_TIMEOUT,
        ErrorCodes.NETWORK_ERROR,
        ErrorCodes.ABORTED,
        ErrorCodes.MEMORY_LIMIT_EXCEEDED,
        ErrorCodes.TABLE_IS_READ_ONLY,
        ErrorCodes.NOT_ENOUGH_SPACE,
        ErrorCodes.TOO_MANY_PARTS,
        ErrorCodes.UNKNOWN_STATUS_OF_INSERT,
        ErrorCodes.QUERY_WAS_CANCELLED,
        ErrorCodes.KEEPER_EXCEPTION,
        ErrorCodes.UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE,
        ErrorCodes.NO_ZOOKEEPER,
        285,  # too few live replicas
    }
)
# A disk that fills up in the middle of a write, or has no inode left, has no code of its own.
NO_ROOM = ("No space left on device", "Disk quota exceeded")


# Sent with every query, whatever the server's own defaults are (one that does not know a setting passes it by).
ONE_SERVER: dict[str, object] = {
    "async_insert": 0,  # a row must be on disk when the insert returns
    "max_partitions_per_insert_block": 0,  # one insert may span years (an import)
    "optimize_on_insert": 0,  # each log position is a row of its own until a merge: it is how we know it is stored
    "session_timezone": "UTC",
    # Equal blocks are no error of ours: what must be there once is told apart by its key or, events, by a token.
    "insert_deduplicate": 0,
    "deduplicate_insert": "disable",  # the same from 26.x on
}
# With replicas, an insert counts once most of them have it. It says so within the time we wait for an answer.
REPLICAS: dict[str, object] = {
    "insert_quorum": "auto",
    "insert_quorum_parallel": 1,
    "insert_quorum_timeout": 30_000,  # ms
    "distributed_ddl_task_timeout": 50,  # s
    "distributed_ddl_output_mode": "throw",
}


def tokened(token: str) -> dict[str, object]:
    """Settings of an insert whose block is taken once, however often it is sent with this token."""
    return {"insert_deduplicate": 1, "deduplicate_insert": "enable", "insert_deduplication_token": token}


class StoreUnreachableError(Exception):
    """The store could not be reached, or took nothing, for the whole of the time allowed."""


# All that asking the store may raise. `is_retryable` says of which a later try may do better.
STORE_FAULTS = (Error, EOFError, OSError, StoreUnreachableError)


def identifier(name: str) -> str:
    """`name` if it is safe to stand in SQL as a database, table or column; else ValueError."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is no identifier: use letters, digits and underscores, at most 64")
    return name


def password_file(data_dir: Path, user: str) -> Path:
    """Where the embedded store keeps the password of `user`."""
    return data_dir / "secrets" / f"clickhouse_{identifier(user)}"


def password_of(settings: Settings, user: str) -> str:
    """The password: from the settings for the writing user, else from the embedded one's file."""
    if settings.clickhouse_password and user == settings.clickhouse_user:
        return settings.clickhouse_password
    path = password_file(settings.data_dir, user)
    try:
        return path.read_text().strip()
    except FileNotFoundError as error:
        raise StoreUnreachableError(
            f"no password for store user {user!r}: set FOOTFALL_CLICKHOUSE_PASSWORD, or start the embedded "
            f"store with `footfall up`, which writes {path}"
        ) from error


def connect(settings: Settings, user: str | None = None, database: str = "") -> Client:
    """A client that connects on its first query; `user` defaults to the writing one.

    Raises `StoreUnreachableError` where no password is known.
    """
    name = user or settings.clickhouse_user
    (host, port), *others = settings.store_hosts()
    client = Client(
        host,
        port=port,
        alt_hosts=",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in others)
        or None,
        user=name,
        password=password_of(settings, name),
        database=identifier(database) if database else "",
        compression="lz4",
        client_name="footfall",
        connect_timeout=CONNECT_TIMEOUT_S,
        send_receive_timeout=SEND_RECEIVE_TIMEOUT_S,
        sync_request_timeout=CONNECT_TIMEOUT_S,
        client_revision=REVISION,
        secure=settings.clickhouse_secure,
        ca_certs=str(settings.clickhouse_ca_file) if settings.clickhouse_ca_file else None,
        settings=ONE_SERVER | (REPLICAS if settings.clickhouse_cluster else {}),
    )
    if settings.clickhouse_ca_file is None:  # else the driver takes a list of its own, where there is one
        client.connection.ssl_options.pop("ca_certs", None)
    return client


def is_retryable(error: BaseException) -> bool:
    """Whether the same query may succeed later: the network, a restart, or no room for now."""
    if isinstance(error, NetworkError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return False
    if isinstance(error, NetworkError | EOFError | OSError | StoreUnreachableError):
        return True
    if isinstance(error, ServerException):
        return error.code in RETRYABLE_CODES or any(text in error.message for text in NO_ROOM)
    # What else the driver raises about itself (a half-read answer, an unexpected packet) is a broken connection.
    return isinstance(error, Error)


def retrying(
    action: Callable[[int], Answer],
    *,
    limit_s: float,
    what: str,
    on_retry: Callable[[BaseException], None] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    first_s: float = 0.1,
    cap_s: float = 5.0,
) -> Answer:
    """`action(attempt)` until it succeeds, waiting 0.1 s, 0.2 s ... 5 s, each with jitter.

    Raises at once what is not retryable, and `StoreUnreachableError` after `limit_s` seconds. Says in
    the log that it waits and for what, and that it went on.
    """
    begun = time.monotonic()
    told = 0.0  # when; 0: never
    attempt = 0
    while True:
        try:
            answer = action(attempt)
        except STORE_FAULTS as error:
            if not is_retryable(error):
                raise
            now = time.monotonic()
            if now >= begun + limit_s:
                raise StoreUnreachableError(
                    f"{what}: the store did not take it for {limit_s:g} s ({error}); "
                    "see `footfall doctor`; nothing is lost, the log keeps it"
                ) from error
            if not told or now >= told + TELL_EVERY_S:
                told = now
                logger.warning("%s: the store does not take it, trying again: %s", what, in_one_line(error))
            if on_retry is not None:
                on_retry(error)
        else:
            if told:
                logger.info("%s: the store took it after %.0f s", what, time.monotonic() - begun)
            return answer
        sleep(min(cap_s, first_s * 2 ** min(attempt, 10)) * random.uniform(0.5, 1.0))
        attempt += 1


def is_away(error: BaseException) -> bool:
    """Whether it says that the store does not answer, and nothing else."""
    return isinstance(error, NetworkError | SocketTimeoutError | TimeoutError | EOFError | StoreUnreachableError)


def in_one_line(error: BaseException) -> str:
    """What a person needs of it, without the server's stack trace."""
    text = " ".join(str(error).partition("Stack trace:")[0].split())
    if isinstance(error, SocketTimeoutError):  # of which the driver says a number and the address
        return f"no answer in time {text.partition('. ')[2]}".rstrip()
    if isinstance(error, TimeoutError):  # in the middle of an answer
        return "no answer in time"
    return text or type(error).__name__

"""The store over HTTP: rows as text, streamed out and sent in, without decoding any of them here."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
import uuid
from collections.abc import Iterator

from backup.errors import BackupError
from footfall.addresses import reachable
from footfall.settings import Settings
from sinks.clickhouse import RETRYABLE_CODES, StoreUnreachableError, in_one_line, password_of

TIMEOUT_S = 120.0  # for a piece of an answer
CHUNK = 1024 * 1024
NOT_TOLD = 0  # how many rows were written, where what stands before a server drops its headers
# A row that is here twice was there twice.
INSERT_SETTINGS = {
    "async_insert": "0",
    "optimize_on_insert": "0",
    "max_partitions_per_insert_block": "0",
    "wait_end_of_query": "1",
}
REPLICAS = {"insert_quorum": "auto", "insert_quorum_parallel": "1", "insert_quorum_timeout": "30000"}


class StoreRefused(BackupError):
    """The store does not do what it is asked; its own words."""


class Interrupted(BackupError):
    """Nobody knows whether rows that were sent are stored."""


def select(settings: Settings, sql: str) -> Iterator[bytes]:
    """The answer in pieces, cut anywhere. Raises `StoreUnreachableError`, also where it breaks off."""
    connection = _connection(settings)
    try:
        answer = _ask(settings, connection, "/", sql.encode())
        while data := answer.read(CHUNK):
            yield data
    except (OSError, http.client.HTTPException) as error:
        raise StoreUnreachableError(f"the store does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def insert(settings: Settings, sql: str, rows: bytes) -> int:
    """Send the rows of `INSERT INTO ... FORMAT ...`; how many the store says it wrote, or `NOT_TOLD`.

    Raises `StoreUnreachableError` where it takes none for now, `Interrupted` where no answer came: sent
    again, rows might be there twice.
    """
    connection = _connection(settings)
    try:
        # A token of its own: else a replica would leave out what it had before its table was emptied.
        given = {"query": sql, **INSERT_SETTINGS, "insert_deduplication_token": uuid.uuid4().hex}
        if settings.clickhouse_cluster:
            given |= REPLICAS
        path = "/?" + urllib.parse.urlencode(given)
        answer = _ask(settings, connection, path, rows)
        answer.read()
        summary = json.loads(answer.headers.get("X-ClickHouse-Summary") or "{}")
        return int(summary.get("written_rows", NOT_TOLD))
    except ConnectionRefusedError as error:
        raise StoreUnreachableError(f"the store does not answer: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise Interrupted(
            f"the store did not answer while rows were sent ({error or type(error).__name__}): run it again"
        ) from error
    finally:
        connection.close()


def on_one_host(settings: Settings) -> Settings:
    """The settings with one of the store's hosts, which answers now: replicas differ for moments, so that
    one and the same is asked for everything. Raises `StoreUnreachableError`."""
    hosts = settings.store_hosts()
    for host, port in hosts:
        named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        one = settings.model_copy(update={"clickhouse_host": named})
        try:
            for _ in select(one, "SELECT 1"):
                pass
            return one
        except StoreUnreachableError:
            if (host, port) == hosts[-1]:
                raise
    raise StoreUnreachableError("FOOTFALL_CLICKHOUSE_HOST names no host")


def _connection(settings: Settings) -> http.client.HTTPConnection:
    host = reachable(settings.store_hosts()[0][0])
    port = settings.clickhouse_http_port
    if settings.clickhouse_secure:
        context = ssl.create_default_context(cafile=settings.clickhouse_ca_file)
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def _ask(
    settings: Settings, connection: http.client.HTTPConnection, path: str, body: bytes
) -> http.client.HTTPResponse:
    user = settings.clickhouse_user
    connection.request(
        "POST", path, body, {"X-ClickHouse-User": user, "X-ClickHouse-Key": password_of(settings, user)}
    )
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        if int(answer.headers.get("X-ClickHouse-Exception-Code") or 0) in RETRYABLE_CODES:
            raise StoreUnreachableError(_said(answer))
        raise StoreRefused(f"the store refuses: {_said(answer)}")
    return answer


def _said(answer: http.client.HTTPResponse) -> str:
    text = answer.read(4096).decode("utf-8", "replace")
    return in_one_line(Exception(text))[:500]

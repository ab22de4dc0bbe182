"""Is it there? Quick questions to the parts; none blocks for more than `TIMEOUT_S`."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import urllib.parse
from contextlib import suppress
from pathlib import Path

from footfall.addresses import reachable
from footfall.settings import Settings

TIMEOUT_S = 1.0


class StoreError(Exception):
    """The store could not be reached or refused the query."""


def http_ok(host: str, port: int, path: str) -> bool:
    """Whether GET answers 200."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def tcp_open(host: str, port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection((reachable(host), port), timeout=TIMEOUT_S).close()
    except OSError:
        return False
    return True


def valkey_ok(path: Path) -> bool:
    """Whether a Redis server answers on the socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT_S)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def port_taken(host: str, port: int) -> str:
    """Why nothing can listen there; empty where it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "another program uses it"
            return error.strerror or str(error)
    return ""


def query_store(settings: Settings, sql: str, timeout_s: float = 5.0) -> str:
    """The store's answer over HTTP, as text; `StoreError` says why there is none."""
    headers = {
        "X-ClickHouse-User": settings.clickhouse_user,
        "X-ClickHouse-Key": settings.clickhouse_password or _password(settings),
    }
    *others, last = settings.store_hosts()
    for host, _ in others:
        with suppress(_NoAnswer):
            return _query_host(settings, reachable(host), sql, headers, timeout_s)
    return _query_host(settings, reachable(last[0]), sql, headers, timeout_s)


class _NoAnswer(StoreError):
    """Of this host; another one may answer."""


def _query_host(settings: Settings, host: str, sql: str, headers: dict[str, str], timeout_s: float) -> str:
    port = settings.clickhouse_http_port
    connection: http.client.HTTPConnection
    if settings.clickhouse_secure:
        context = ssl.create_default_context(cafile=settings.clickhouse_ca_file)
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("POST", "/?" + urllib.parse.urlencode({"wait_end_of_query": 1}), sql.encode(), headers)
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise _NoAnswer(f"no answer from the store at {host}:{port}: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise StoreError(body.strip()[:500] or f"HTTP {answer.status}")
    return body


def _password(settings: Settings) -> str:
    path = settings.data_dir / "secrets" / f"clickhouse_{settings.clickhouse_user}"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise StoreError(f"no password: {path} is made by the first `footfall up`") from None

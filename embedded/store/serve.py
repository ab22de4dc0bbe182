"""Put the store together, run it, take it apart in order."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from . import packets
from .access import ReaderGuard, Users
from .context import Limits, Store
from .engine import Engine
from .errors import TOO_MANY_QUERIES, StoreError
from .http import HttpClient
from .native import NativeClient
from .passwords import read_or_make_password
from .server import Listener, Serve
from .startup import StartupError, bind, lock_directory, prepare_directory
from .watch import Watcher

log = logging.getLogger(__name__)

ADMIN_PASSWORD, READER_PASSWORD = "clickhouse_footfall", "clickhouse_reader"


def serve(data_dir: Path, host: str, port: int, http_port: int, stop: threading.Event) -> None:
    """Serve until `stop` is set. Raises StartupError if it cannot begin."""
    prepare_directory(data_dir)
    with lock_directory(data_dir):
        secrets = data_dir / "secrets"
        users = Users(
            read_or_make_password(secrets / ADMIN_PASSWORD), read_or_make_password(secrets / READER_PASSWORD)
        )
        native = bind(host, port, "--port")
        web = bind(host, http_port, "--http-port")
        store = _open(data_dir, users)
        listeners = [
            Listener("native", native, store, _native(store), _refuse_native),
            Listener("http", web, store, _http(store), _refuse_http),
        ]
        Watcher(store.running, store.stopping).start()
        for listener in listeners:
            listener.start()
        ports = f"native {host}:{native.getsockname()[1]}, http {host}:{web.getsockname()[1]}"
        print(f"store ready: {ports}", flush=True)  # noqa: T201 - whoever started the store waits for this line
        while not stop.wait(1.0):
            pass
        _close(store, listeners)


def _open(data_dir: Path, users: Users) -> Store:
    limits = Limits()
    for left_over in (data_dir / "spool").iterdir():
        with suppress(OSError):
            left_over.unlink()
    try:
        engine = Engine(data_dir, limits.server_memory)
        session = engine.session()
        guard = ReaderGuard(session)
        session.close()
    except (RuntimeError, StoreError) as error:
        raise StartupError(f"the engine cannot open {data_dir}: {error}") from None
    return Store(engine, users, guard, data_dir / "spool", limits)


def _native(store: Store) -> Serve:
    return lambda sock, peer: NativeClient(sock, peer, store).serve()


def _refuse_native(sock: socket.socket, _peer: str) -> None:
    sock.sendall(
        packets.exception(StoreError(TOO_MANY_QUERIES, "Too many clients; close some or try again later."))
    )


def _http(store: Store) -> Serve:
    def serve_one(sock: socket.socket, peer: str) -> None:
        HttpClient(sock, peer, store)

    return serve_one


def _refuse_http(sock: socket.socket, _peer: str) -> None:
    body = StoreError(TOO_MANY_QUERIES, "Too many clients; close some or try again later.").text().encode()
    head = f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: {len(body)}\r\n"
    sock.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)


def _close(store: Store, listeners: list[Listener]) -> None:
    store.stopping.set()
    deadline = time.monotonic() + store.limits.drain_timeout
    for listener in listeners:
        listener.stop(deadline)
    store.engine.close()
    log.info("store stopped")

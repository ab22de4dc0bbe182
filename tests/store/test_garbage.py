"""Nonsense, half sentences and oversized claims: the connection ends, the store lives and stays small."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

import psutil
import pytest

from embedded.store.wire import pack_string, pack_varint
from tests.fixtures.store import StoreServer
from tests.store.wire_client import WireClient

HUGE = pack_varint(2**62)
HELLO = b"\x00" + pack_string("c") + b"\x01\x01" + pack_varint(54448)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionError:
        pass
    return data


def memory(store: StoreServer) -> int:
    return int(psutil.Process(store.process.pid).memory_info().rss) if store.process else 0


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 100,
        b"\x07",
        b"\x00" + HUGE,
        b"\x00" + pack_varint(1 << 20) + b"x" * (1 << 20),
        HELLO + pack_string("") + pack_string("footfall") + HUGE,
        HELLO + pack_string("\udcff".encode("utf-8", "surrogateescape").decode("latin-1")) + b"\x02\xff\xfe\x00",
        b"\x00" + pack_string("c") + b"\x01\x01" + pack_varint(1000) + b"\x00\x00\x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    ],
    ids=["http", "ones", "packet", "length", "long", "password", "encoding", "revision", "tls"],
)
def test_bad_hellos(store: StoreServer, data: bytes) -> None:
    before = memory(store)
    with socket.create_connection((store.host, store.port), timeout=20) as sock:
        with suppress(OSError):  # it may have hung up before all of it was sent
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        read_all(sock)
    assert store.client().execute("SELECT 1") == [(1,)]
    assert memory(store) - before < 64 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"\x09",
        b"\x01" + HUGE,
        b"\x01" + pack_string("id") + b"\x01" + HUGE,
        b"\x02\x00\x05",
        b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00" + HUGE + HUGE,
        b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x01" + HUGE + pack_string("a") + pack_string("UInt64"),
        b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x01\x03" + pack_string("a") + pack_string("String") + HUGE,
        b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01"
        + pack_string("a")
        + pack_string("Array(UInt8)")
        + b"\xff" * 8,
        b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01" + pack_string("a") + pack_string("Array(" * 40 + "X"),
        b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01"
        + pack_string("a")
        + pack_string("JSON")
        + b"\xff" * 50,
    ],
    ids=["packet", "id", "info", "head", "columns", "rows", "string", "array", "nesting", "json"],
)
@pytest.mark.parametrize("insert", [False, True])
def test_bad_packets_after_hello(store: StoreServer, fresh_database: str, data: bytes, insert: bool) -> None:
    admin = store.client(database=fresh_database)
    admin.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    before = memory(store)
    with WireClient(store) as wire:
        if insert:
            wire.begin_insert(f"INSERT INTO {fresh_database}.t VALUES", "")
            wire.send_uint64_block("a", [1])
        wire.send(data)
        wire.sock.shutdown(socket.SHUT_WR)
        read_all(wire.sock)
    assert admin.execute("SELECT count() FROM t") == [(0,)]
    assert memory(store) - before < 64 << 20


def test_random_bytes(store: StoreServer) -> None:
    random.seed(7)
    for _ in range(30):
        with WireClient(store) as wire:
            wire.send(random.choice([b"\x01", b"\x02", b""]) + random.randbytes(random.randrange(1, 300)))
            wire.sock.shutdown(socket.SHUT_WR)
            read_all(wire.sock)
    assert store.client().execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(200)) + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /?user=footfall HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
    ],
    ids=["binary", "long", "headers", "length", "chunk", "method"],
)
def test_bad_http(store: StoreServer, data: bytes) -> None:
    with socket.create_connection((store.host, store.http_port), timeout=20) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = read_all(sock)
    assert (
        b"HTTP/1.1 4" in answer
        or b"HTTP/1.1 5" in answer
        or b"Error code: 4" in answer
        or b"Error code: 5" in answer
    )
    assert store.client().execute("SELECT 1") == [(1,)]


def test_too_many_clients_are_told_so(store: StoreServer) -> None:
    sockets = []
    try:
        for _ in range(80):
            sock = socket.create_connection((store.host, store.port), timeout=5)
            sockets.append(sock)
        sockets[-1].settimeout(5)
        assert b"Too many clients" in read_all(sockets[-1])
    finally:
        for sock in sockets:
            sock.close()


def test_incidents_leave_one_line_each_and_no_traceback(store: StoreServer) -> None:
    if store.log:
        assert "Traceback" not in store.log[-1].read_text()

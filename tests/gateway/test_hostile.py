"""Hostile requests: an answer below 500 or a 503 is all they get."""

from __future__ import annotations

import gzip
import socket
import time
import zlib

import brotli
import httpx
import psutil
import pytest
import zstandard

from footfall.sites import Site
from tests.gateway.harness import GatewayProcess, wait_for

BOMB_BYTES = 200 * 1024 * 1024


@pytest.fixture(autouse=True)
def unharmed(gateway: GatewayProcess, site: Site):  # type: ignore[no-untyped-def]  # a generator fixture
    """After each: no fault, no traceback, still answering."""
    yield
    assert gateway.client.get("/healthz").status_code == 200
    assert gateway.metric("footfall_gateway_bugs_total") == 0, gateway.output.read_text()[-3000:]
    assert "Traceback" not in gateway.output.read_text()


def gzip_bomb(size: int) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    part = bytes(1024 * 1024)
    return b"".join([squeeze.compress(part) for _ in range(size // len(part))]) + squeeze.flush()


def bomb(encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip_bomb(BOMB_BYTES)
    if encoding == "br":
        return bytes(brotli.compress(bytes(BOMB_BYTES), quality=5))
    return zstandard.ZstdCompressor(level=3).compress(bytes(BOMB_BYTES))


def compress(encoding: str, data: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.compress(data)
    if encoding == "br":
        return bytes(brotli.compress(data))
    return zstandard.ZstdCompressor().compress(data)


def send(gateway: GatewayProcess, site: Site, body: bytes, encoding: str = "identity") -> tuple[int, str]:
    headers = {"x-footfall-site": site.public_id, "content-encoding": encoding}
    answer = gateway.client.post("/v1/batch", content=body, headers=headers)
    return answer.status_code, answer.text


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_zip_bomb_is_413_and_takes_no_memory(gateway: GatewayProcess, site: Site, encoding: str) -> None:
    packed = bomb(encoding)
    assert len(packed) < 1024 * 1024
    process = psutil.Process(gateway.process.pid)
    before = process.memory_info().rss
    for _ in range(5):
        assert send(gateway, site, packed, encoding)[0] == 413
    assert process.memory_info().rss - before < 64 * 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_encodings(gateway: GatewayProcess, site: Site, encoding: str) -> None:
    plain = b'{"events":[{"name":"packed","props":{"k":"' + b"x" * 900 + b'"}}]}'
    packed = compress(encoding, plain)
    assert send(gateway, site, packed, encoding) == (202, '{"accepted":1,"rejected":[]}')
    assert send(gateway, site, packed[:-3], encoding)[0] == 400  # cut off
    assert send(gateway, site, packed + b"junk", encoding)[0] == 400
    assert send(gateway, site, b"no " + encoding.encode(), encoding)[0] == 400
    assert send(gateway, site, b"", encoding)[0] == 400
    just = b'{"events":[{"name":"a"}]}'.ljust(1024 * 1024)
    assert send(gateway, site, compress(encoding, just), encoding)[0] == 202
    assert send(gateway, site, compress(encoding, just + b" "), encoding)[0] == 413


def test_zstd_with_a_huge_window_is_refused(gateway: GatewayProcess, site: Site) -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b'{"events":[{"name":"a"}]}') + packer.flush()
    assert send(gateway, site, packed, "zstd")[0] == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 1_000_000, 400),
        (b'{"events":' + b"[" * 1_000_000, 400),
        (b'{"events":[{"name":"a","props":' + b'{"a":' * 150_000, 400),
        (b'{"events":[{"name":"a","props":{"x":' + b"[" * 300_000 + b"]" * 300_000 + b"}}]}", 400),
        (b'{"events":[{"name":"a","engaged_ms":NaN}]}', 400),
        (b'{"events":[{"name":"a","props":{"x":Infinity}}]}', 400),
        (b'{"events":[{"name":"a","props":{"x":1e400}}]}', 202),
        (b'{"events":[{"name":"a","occurred_at":' + b"9" * 100_000 + b"}]}", 202),
        (b'{"events":[{"name":"a","props":{"x":' + b"9" * 30 + b"}}]}", 202),
        (b'{"events":[{"name":"\\ud800"}]}', 202),
        (b'{"events":[{"name":"a","title":"\xed\xa0\x80"}]}', 202),
        (b'{"events":[{"name":"a"}],"visitor_id":"\xff"}', 400),
        (b'{"events":[{"name":"a","name":"b"}],"events":[{"name":"c"}]}', 202),
        (b"\x00" * 1000, 400),
        (b"{" + b'"a":1,' * 150_000 + b'"events":[{"name":"a"}]}', 202),
        (b'{"events":[' + b"1," * 499 + b"1]}", 202),
        (b'{"events":[' + b"1," * 500_000 + b"1]}", 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_json(gateway: GatewayProcess, site: Site, body: bytes, status: int) -> None:
    found, text = send(gateway, site, body)
    assert found == status, text[:300]
    assert len(text) < 40_000


def talk(gateway: GatewayProcess, data: bytes, timeout_s: float = 10.0) -> bytes:
    """Raw bytes in, whatever comes until the gateway closes or is silent."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout_s) as connection:
        parts: list[bytes] = []
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                parts.append(part)
        except (ConnectionError, TimeoutError):
            pass  # what came before that is the answer
        return b"".join(parts)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + b"y" * 500_000 + b"\r\n\r\n",
    ],
    ids=lambda value: str(value)[:40],
)
def test_garbage_on_the_wire(gateway: GatewayProcess, data: bytes) -> None:
    answer = talk(gateway, data)
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:200]
    assert not answer.startswith(b"HTTP/1.1 2"), answer[:200]


@pytest.mark.parametrize(
    "header",
    [
        b"User-Agent: \xff\xfe\x80",
        b"User-Agent: " + b"x" * 30_000,
        b"Origin: \xe4\xf6",
        b"Origin: http://[",
        b"X-Forwarded-For: " + b"1," * 2000,
        b"X-Forwarded-For: \xff",
        b"X-Forwarded-For: fe80::1%eth0, [::1",
        b'Forwarded: for="[2001:db8::1]:4711";proto=http, for=;;;=',
        b"Authorization: Bearer sk_\xff_\xff",
        b"Authorization: Bearer sk_a_b\r\nAuthorization: Bearer sk_c_d",
        b"Content-Type: \xff",
        b"Content-Encoding: gzip, gzip, gzip",
        b"Sec-GPC: \xff",
        b"Sec-CH-UA: " + b'"x";' * 3000,
        b"CF-IPCountry: \xc3\x9f",
    ],
    ids=lambda value: str(value)[:40],
)
def test_headers(gateway: GatewayProcess, site: Site, header: bytes) -> None:
    body = b'{"events":[{"name":"a"}]}'
    head = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nConnection: close"
    site_id = b"X-Footfall-Site: " + site.public_id.encode()
    size = b"Content-Length: %d" % len(body)
    answer = talk(gateway, b"\r\n".join([head, site_id, header, size, b"", body]))
    assert answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), answer[:300]


def test_a_query_out_of_proportion(gateway: GatewayProcess) -> None:
    assert gateway.client.get("/v1/pixel.gif?" + "a=1&" * 100).status_code == 400
    assert gateway.client.get("/v1/pixel.gif?site=" + "a" * 9000).status_code == 400
    assert gateway.client.get("/v1/pixel.gif?site=%ff%00&%ff").status_code == 401


def head_of(site: Site) -> bytes:
    lines = ("POST /v1/batch HTTP/1.1", "Host: x", f"X-Footfall-Site: {site.public_id}", "Content-Length: 1000")
    return "\r\n".join((*lines, "", "")).encode()


def test_a_slow_client_is_let_go(gateway: GatewayProcess, site: Site) -> None:
    head = head_of(site)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(head + b"{")
        started = time.monotonic()
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
        assert 1.5 < time.monotonic() - started < 6


def test_a_client_slow_with_its_headers_is_let_go(gateway: GatewayProcess) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\n")
        started = time.monotonic()
        answer = connection.recv(4096)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - started < 6


def test_clients_that_go_leave_nothing_behind(gateway: GatewayProcess, site: Site) -> None:
    head = head_of(site)
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
            connection.sendall(head)
    process = psutil.Process(gateway.process.pid)
    wait_for(lambda: len(process.net_connections()) < 10, 10, "the sockets to be closed")
    assert gateway.metric("footfall_gateway_waiting_requests") == 0


def test_a_chunked_body_is_bounded(gateway: GatewayProcess, site: Site) -> None:
    def chunks(count: int):  # type: ignore[no-untyped-def]  # httpx takes any iterator
        yield b'{"events":[{"name":"a"}]}'
        for _ in range(count):
            yield b" " * 65536

    headers = {"x-footfall-site": site.public_id}
    assert gateway.client.post("/v1/batch", content=chunks(3), headers=headers).status_code == 202
    # On a connection of its own: the gateway reads no further, so it has to be closed after the answer.
    refused = httpx.post(f"{gateway.url}/v1/batch", content=chunks(17), headers=headers, timeout=30)
    assert refused.status_code == 413

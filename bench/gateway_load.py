"""A lean HTTP client for one core: pre-built requests, keep-alive, one in flight a connection."""

from __future__ import annotations

import os
import random
import selectors
import socket
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

import msgspec

from footfall import ids

EVENTS = 20
POOL = 2000
PAGES = 1000
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
)


@dataclass
class Load:
    """What one phase has seen."""

    requests: int = 0
    failures: int = 0
    seconds: float = 0.0
    client_cpu: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)


def make_requests(public_id: str, host: str, seed: int = 1) -> list[bytes]:
    """A pool of requests as a browser's SDK sends them."""
    rng = random.Random(seed)
    return [_request(public_id, host, rng) for _ in range(POOL)]


def _request(public_id: str, host: str, rng: random.Random) -> bytes:
    now = int(time.time() * 1000)
    events = [_event(rng, now - (EVENTS - place) * 400) for place in range(EVENTS)]
    known = rng.random() < 0.6
    batch = {
        "batch_id": str(uuid.UUID(bytes=ids.uuid7(now, os.urandom(10)))),
        "sent_at": now,
        "consent": "granted" if known else "denied",
        "visitor_id": f"v{rng.randrange(20_000)}",
        "language": "en-US",
        "viewport_width": 1280,
        "viewport_height": 720,
        "screen_width": 1920,
        "screen_height": 1080,
        "sdk": "js/1.0.0",
        "events": events,
    }
    body = msgspec.json.encode(batch)
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {rng.choice(AGENTS)}\r\n"
        f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n"
        "Accept: */*\r\nAccept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
        'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"\r\nsec-ch-ua-mobile: ?0\r\n'
        'sec-ch-ua-platform: "Windows"\r\nOrigin: https://shop.example.com\r\n'
        f"X-Forwarded-For: 10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}\r\n"
        f"Referer: https://shop.example.com/\r\nX-Footfall-Site: {public_id}\r\n\r\n"
    )
    return head.encode() + body


def _event(rng: random.Random, at: int) -> dict[str, object]:
    event: dict[str, object] = {
        "name": rng.choice(("page_view", "click", "scroll", "page_leave")),
        "event_id": str(uuid.UUID(bytes=ids.uuid7(at, os.urandom(10)))),
        "occurred_at": at,
        "url": f"https://shop.example.com/products/{rng.randrange(PAGES)}?utm_source=news&utm_campaign=spring",
        "title": "Trail running shoes - Example Shop",
        "session_id": "0199c0de1234",
    }
    name = event["name"]
    if name == "click":
        where = {"tag": "button", "id": "buy", "selector": "main > div.card > button.buy", "x": 120, "y": 840}
        event["element"] = {**where, "text": "Add to cart"}
    elif name == "page_view":
        event["referrer"] = "https://www.google.com/"
    elif name == "scroll":
        event["scroll_depth"] = 75
    else:
        event["engaged_ms"] = 12_000
    return event


class Client:
    """`connections` sockets, one request in flight on each."""

    def __init__(self, port: int, connections: int, requests: list[bytes]) -> None:
        self._requests = requests
        self._next = 0
        self._selector = selectors.DefaultSelector()
        # First come, first served: a connection left idle for long is closed by the gateway.
        self._idle: deque[socket.socket] = deque()
        self._busy: dict[socket.socket, float] = {}
        for _ in range(connections):
            made = socket.create_connection(("127.0.0.1", port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(made, selectors.EVENT_READ)
            self._idle.append(made)

    def run(self, seconds: float, rate: float = 0.0) -> Load:
        """As fast as answers come, or (`rate` requests a second) by the clock. A request that
        found every connection busy is measured from when it should have been sent."""
        load = Load()
        cpu, started = time.process_time(), time.perf_counter()
        due = started
        step = 1 / rate if rate else 0.0
        while (now := time.perf_counter()) < started + seconds:
            while self._idle and due <= now:
                self._send(self._idle.popleft(), due if rate else now)
                due = due + step if rate else now
            wait = max(0.0, due - now) if rate and self._idle else 0.1
            for key, _ in self._selector.select(wait):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                self._receive(connection, load)
            if not rate:
                due = 0.0
        load.seconds = time.perf_counter() - started
        load.client_cpu = time.process_time() - cpu
        self._settle(load)
        return load

    def _send(self, connection: socket.socket, at: float) -> None:
        self._busy[connection] = at
        self._next = (self._next + 1) % len(self._requests)
        connection.sendall(self._requests[self._next])

    def _receive(self, connection: socket.socket, load: Load) -> None:
        answer = connection.recv(4096)
        load.requests += 1
        load.failures += not answer.startswith(b"HTTP/1.1 202")
        load.latencies_ms.append((time.perf_counter() - self._busy.pop(connection)) * 1000)
        if not answer:
            raise ConnectionError("the gateway closed a connection")
        self._idle.append(connection)

    def _settle(self, load: Load) -> None:
        deadline = time.monotonic() + 15
        counted = load.requests
        while self._busy and time.monotonic() < deadline:
            for key, _ in self._selector.select(0.1):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                self._receive(connection, load)
        load.failures += len(self._busy)
        load.requests = counted  # only those answered in time make the rate

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            connection.close()
        self._selector.close()

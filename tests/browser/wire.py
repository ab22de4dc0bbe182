"""Between the browser and the gateway: sees what goes over the wire, and can be a bad network."""

from __future__ import annotations

import gzip
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Seen:
    """One request of a batch."""

    body: dict[str, Any]
    path: str
    headers: dict[str, str]
    at: float = field(default_factory=time.monotonic)
    packed: bool = False
    status: int = 0  # 0: no answer reached the browser
    ended: float = 0.0  # when the answer was there, before it went on


class Wire:
    """Passes every request on to the gateway, but for what a test does to batches."""

    def __init__(self, gateway_port: int) -> None:
        self.gateway_port = gateway_port
        self.batches: list[Seen] = []
        self.scripts: list[str] = []
        self.lock = threading.Lock()
        self.fault = ""  # refuse: no connection; lose: the gateway takes it, nobody hears; answer: `answer`
        self.answer: tuple[int, dict[str, str]] = (503, {})
        wire = self

        class Handler(_Handler):
            pass

        Handler.wire = wire
        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """No more."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def broken(self, fault: str, status: int = 503, **headers: str) -> Iterator[None]:
        """Within it batches meet this fault."""
        self.answer = status, {name.replace("_", "-"): value for name, value in headers.items()}
        self.fault = fault
        try:
            yield
        finally:
            self.fault = ""

    def of(self, path: str) -> list[Seen]:
        """Batches with an event of a page below this path."""
        with self.lock:
            return [
                seen
                for seen in self.batches
                if any(path in event.get("url", "") for event in seen.body.get("events", []))
            ]

    def events(self, path: str) -> list[dict[str, Any]]:
        """All events of pages below this path, as often as they were sent."""
        return [event for seen in self.of(path) for event in seen.body["events"] if path in event.get("url", "")]


class QuietServer(ThreadingHTTPServer):
    """A browser that goes away in the middle of a request is nothing to tell of."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Only what is no lost connection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*_)


class _Handler(BaseHTTPRequestHandler):
    wire: ClassVar[Wire]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_OPTIONS(self) -> None:
        self._handle()

    def _handle(self) -> None:
        wire = self.wire
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        seen = self._note(body)
        fault = wire.fault if seen else ""
        if fault == "refuse":
            self.close_connection = True
            return
        if fault == "answer":
            status, headers = wire.answer
            cors = {"access-control-allow-origin": "*", "access-control-expose-headers": "retry-after"}
            self._answer(status, {**cors, **headers}, b"{}", seen)
            return
        status, sent, content = self._forward(body)
        if seen:
            seen.ended = time.monotonic()
        if fault == "lose" or not status:
            self.close_connection = True
            return
        self._answer(status, sent, content, seen)

    def _note(self, body: bytes) -> Seen | None:
        path = self.path.partition("?")[0]
        if self.command != "POST":
            self.wire.scripts.append(path)
            return None
        packed = body[:2] == b"\x1f\x8b"
        with suppress(ValueError, OSError):
            read = json.loads(gzip.decompress(body) if packed else body)
            seen = Seen(read, path, {name.lower(): value for name, value in self.headers.items()}, packed=packed)
            with self.wire.lock:
                self.wire.batches.append(seen)
            return seen
        return None

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """(0, ...): the gateway is not there, or gave no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.wire.gateway_port, timeout=20)
        try:
            connection.request(self.command, self.path, body or None, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except (OSError, http.client.HTTPException):
            return 0, {}, b""
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, seen: Seen | None) -> None:
        with suppress(OSError):  # the page is gone
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            if seen:
                seen.status = status

    def log_message(self, *_: Any) -> None:
        """Quiet."""

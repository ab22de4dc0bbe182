"""A site's own web server, with the gateway behind it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from footfall.sites import Site

NAME = "shop.example.com"
HOSTS = {NAME: "127.0.0.1", "other.example.org": "127.0.0.1"}  # what names resolve to
JAVASCRIPT, JSON = {"content-type": "text/javascript"}, {"content-type": "application/json"}
Answer = tuple[int, dict[str, str], bytes]


class Web:
    """A web server of the site's: its pages, and for all else a proxy before the gateway."""

    def __init__(self, upstream: str, certificate: tuple[Path, Path] | None = None) -> None:
        self.pages: dict[str, Answer] = {}
        self.upstream = upstream
        self.sends: dict[str, str] = {}  # headers the proxy adds
        self.address = "127.0.0.1"  # the proxy's
        self.drips = False
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(web.pages.get(self.path) or web.ask("GET", self.path, b"", dict(self.headers)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self._answer(web.pages.get(self.path) or web.ask("POST", self.path, body, dict(self.headers)))

            def _answer(self, answer: Answer) -> None:
                status, headers, body = answer
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                for part in [body[place : place + 1] for place in range(len(body))] if web.drips else [body]:
                    self.wfile.write(part)
                    if web.drips and web.closing.wait(0.02):
                        return

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://{NAME}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if not self.upstream:
            return 404, {"content-type": "text/html"}, b"not found"
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        with httpx.Client(transport=httpx.HTTPTransport(local_address=self.address)) as client:
            answer = client.request(method, self.upstream + path, content=body, headers={**kept, **self.sends})
        told = {name: value for name, value in answer.headers.items() if name not in ("content-encoding", "date")}
        return answer.status_code, told, answer.content

    def page(self, html: str, path: str = "/", **headers: str) -> str:
        self.pages[path] = 200, {"content-type": "text/html"} | headers, html.encode()
        return self.url + path

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of shop.example.com, signed by itself."""
    found = folder / "cert.pem", folder / "key.pem"
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    out = ["-out", str(found[0]), "-keyout", str(found[1])]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    subprocess.run(["openssl", "req", "-x509", *kind, *names, *out], check=True, capture_output=True)
    return found


def tag(site: Site, src: str = "/shop.js", more: str = 'data-endpoint="/s/collect"') -> str:
    return f'<title>Shop</title><script defer src="{src}" data-site="{site.public_id}" {more}></script>'


def resolve_to_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a line in /etc/hosts would."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **given: resolve(HOSTS.get(host, host), *more, **given)
    )

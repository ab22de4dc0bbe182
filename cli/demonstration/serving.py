"""The demo shop's web server: `sdk-js/demo` on a loopback address, with a site's tag in every page."""

from __future__ import annotations

import errno
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import click

from footfall.addresses import reachable
from footfall.settings import Settings

FOLDER = Path(__file__).parents[2] / "sdk-js" / "demo"
LOOPBACK = "127.0.0.1"
DELAY_S = 3.0  # of the slow page
IDLE_S = 10.0  # a connection that says nothing is closed
KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
PAGES = ("/", "/search", "/cart", "/checkout", "/thanks", "/workshop", "/studio")
APP = "/app"  # the same pages again, in one document
SLOW = frozenset({"/workshop", "/slow.json"})


class Answer(NamedTuple):
    """What a path is answered with."""

    status: HTTPStatus
    kind: str
    body: bytes


class Shop:
    """Paths and what they are answered with. Only these paths are: no path of a request meets a file system."""

    def __init__(self, gateway: str, public_id: str, folder: Path = FOLDER) -> None:
        if not folder.is_dir():
            raise click.ClickException(
                "The demo shop is not part of an installed package: run this in a checkout of Footfall."
            )
        self._shell = Template((folder / "shell.html").read_text())
        goods = json.loads((folder / "products.json").read_text())
        inline = json.dumps(goods).replace("<", "\\u003c")  # nothing in it ends the script element
        self._values = {"gateway": gateway, "site": public_id, "title": "Tidewood", "goods": inline}
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.suffix in KINDS
        }
        self.pages = _pages(goods)

    def answer(self, path: str) -> Answer:
        """Of a path without its query."""
        if path == "/slow.json":
            return Answer(HTTPStatus.OK, "application/json", b"{}")
        if (file := self._files.get(path)) is not None:
            return Answer(HTTPStatus.OK, f"{KINDS[file.suffix]}; charset=utf-8", file.read_bytes())
        return self._page(path)

    def _page(self, path: str) -> Answer:
        in_app = path == APP or path.startswith(f"{APP}/")
        status = HTTPStatus.OK if path in self.pages else HTTPStatus.NOT_FOUND
        html = self._shell.substitute(self._values, script="/js/app.js" if in_app else "/js/shop.js")
        return Answer(status, "text/html; charset=utf-8", html.encode())


def _pages(goods: dict[str, list[dict[str, str]]]) -> frozenset[str]:
    made = [f"/c/{category['id']}" for category in goods["categories"]]
    made += [f"/p/{product['id']}" for product in goods["products"]]
    whole = (*PAGES, *made)
    return frozenset((*whole, APP, *(APP + path for path in whole)))


class Server(ThreadingHTTPServer):
    """Bound to the loopback address; `closing` ends the wait of slow pages."""

    daemon_threads = True

    def __init__(self, shop: Shop, port: int) -> None:
        self.shop = shop
        self.closing = threading.Event()
        super().__init__((LOOPBACK, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers hang up as they please, which is nothing to tell; a fault of ours is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def do_GET(self) -> None:
        """The answer, after a while where the page is the slow one."""
        path = self.path.partition("?")[0]
        if path in SLOW:
            self.server.closing.wait(DELAY_S)
        answer = self.server.shop.answer(path)
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        self.send_header("content-length", str(len(answer.body)))
        self.send_header("cache-control", "no-cache")
        self.send_header("x-content-type-options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what the shop hears is in the store."""


@contextmanager
def serving(settings: Settings, public_id: str, port: int) -> Iterator[str]:
    """The shop's address for the time of the block; the tag's script comes from the settings' gateway.

    `click.ClickException` where the port is taken. `port` 0: any that is free.
    """
    server = _server(Shop(gateway_of(settings), public_id), port)
    thread = threading.Thread(target=server.serve_forever, name="shop", daemon=True)
    thread.start()
    try:
        # localhost, not the number: that is the host whose events go to the stage for development.
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(IDLE_S)


def _server(shop: Shop, port: int) -> Server:
    try:
        return Server(shop, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise click.ClickException(f"Port {port} is in use: give another one with --port.") from None


def gateway_of(settings: Settings) -> str:
    """The gateway's own address as a browser on this machine reaches it, whatever its public one is."""
    here = {"public_url": "", "gateway_host": reachable(settings.gateway_host)}
    return settings.model_copy(update=here).gateway_address()

"""Chromium driven by Playwright, and pages to open in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

# Chrome's own name, without "Headless", by which visitors of tests would be taken for bots.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
ARGUMENTS = ("--no-sandbox", "--host-resolver-rules=MAP *.example.com 127.0.0.1")
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium_path() -> str:
    """Where Chromium is; without one the test is skipped."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"needs a Chromium: install one of {', '.join(NAMES)}")
    return found


@contextmanager
def chromium(*secure: str, arguments: tuple[str, ...] = ()) -> Iterator[Browser]:
    """A browser that finds every `*.example.com` on this machine; origins named are as good as HTTPS."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(),
            args=[
                *ARGUMENTS,
                f"--unsafely-treat-insecure-origin-as-secure={','.join(secure)}",
                *arguments,
            ],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def shown_alone(url: str, profile: Path, *, secure: str) -> Iterator[None]:
    """A browser that nobody drives shows a page."""
    command = [
        chromium_path(), "--headless", f"--user-data-dir={profile}", f"--user-agent={AGENT}", "--no-first-run",
        *ARGUMENTS, f"--unsafely-treat-insecure-origin-as-secure={secure}", url,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


class Pages:
    """A web server of pages that a test writes: path -> HTML; with headers where it gives them."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {}
        self.headers: dict[str, Mapping[str, str]] = {}
        self.served: list[str] = []
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                pages.served.append(path)
                body = pages.html.get(path, "").encode()
                self.send_response(200 if path in pages.html else 404)
                kind = "text/javascript" if path.endswith(".js") else "text/html; charset=utf-8"
                for name, value in {"content-type": kind, **pages.headers.get(path, {})}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """No more."""
        self._server.shutdown()
        self._server.server_close()

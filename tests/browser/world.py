"""A running Footfall, a site of it, its pages, and a browser: from a click to the rows it became."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

import control
from cli.running import started
from tests.browser.chromium import AGENT, Pages, chromium
from tests.browser.wire import Wire
from tests.cli.conftest import Installation

HOST = "shop.example.com"
ALL_BUT_VIEWS = "engagement clicks links forms products search attributes"
CAPTURING = 'data-off="none"'


def wait_for(found: Callable[[], Any], what: Callable[[], object], seconds: float = 20.0) -> Any:
    """The first true answer; an assertion error that shows `what` after the time."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)  # between two looks at the condition
    return answer


class World:
    """Pages on `origin`; the gateway is another origin, as on most sites, behind a wire that can be cut."""

    def __init__(self, installation: Installation, browser: Browser, pages: Pages, public_id: str) -> None:
        self.installation, self.browser, self.pages, self.public_id = installation, browser, pages, public_id
        self.origin = f"http://{HOST}:{pages.port}"
        self.wire = Wire(installation.settings.gateway_port)
        self.gateway = f"http://stats.example.com:{self.wire.port}"

    def tag(self, attributes: str = "") -> str:
        """The tag as `footfall site add` prints it, with more attributes. It captures views alone, so that
        rows are as many as a test has made, unless the attributes have a `data-off` of their own."""
        if "data-off" not in attributes:
            attributes += f' data-off="{ALL_BUT_VIEWS}"'
        return f'<script defer src="{self.gateway}/f.js" data-site="{self.public_id}" {attributes}></script>'

    def write(self, path: str, body: str = "", attributes: str = "", title: str = "") -> str:
        """A page with the tag; its address."""
        head = f"<!doctype html><title>{title or path}</title>{self.tag(attributes)}"
        self.pages.html[path] = f"{head}<body>{body}</body>"
        return self.origin + path

    def visitor(self, **options: Any) -> BrowserContext:
        """Somebody with a device of their own."""
        context = self.browser.new_context(**{"user_agent": AGENT, "locale": "en-GB", **options})
        context.set_default_timeout(10_000)
        return context

    def rows(self, path: str, columns: str = "name", by: str = "occurred_at, event_id") -> list[list[str]]:
        """Stored events whose path begins so."""
        prefix = path.replace("'", "")
        return self.installation.query(
            f"SELECT {columns} FROM {{db}}.events_v1 WHERE startsWith(path, '{prefix}') ORDER BY {by}"
        )

    def wait_for_rows(
        self,
        path: str,
        wanted: list[list[str]],
        columns: str = "name",
        seconds: float = 20.0,
        by: str = "occurred_at, event_id",
    ) -> None:
        """Until exactly these are stored."""
        wait_for(lambda: self.rows(path, columns, by) == wanted, lambda: self.rows(path, columns, by), seconds)


@contextmanager
def world(directory: Path, **settings: Any) -> Iterator[World]:
    """Started; ends with everything in it."""
    installation = Installation(directory / "data", **{"flush_seconds": 0.2, **settings})
    plane = control.open(installation.settings.control_plane_url())
    public_id = plane.add_site(HOST, now=0).public_id
    plane.close()
    pages = Pages()
    try:
        with (
            started(installation.settings),
            chromium(f"http://{HOST}:{pages.port}") as browser,
        ):
            made = World(installation, browser, pages, public_id)
            try:
                yield made
            finally:
                made.wire.close()
    finally:
        pages.close()


def stored_on_device(context: BrowserContext) -> dict[str, str]:
    """What the site has in local storage, in cookies and in databases of the visitor's browser."""
    page = context.pages[0]
    text = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage, cookie: document.cookie})")
    found: dict[str, str] = {name: value for name, value in json.loads(text).items() if value}
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For the tests of one file."""
    with world(tmp_path_factory.mktemp("browser")) as made:
        yield made

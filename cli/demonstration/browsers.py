"""Headless Chromiums that visit the demo shop: bounded in time, and closed whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.demonstration.personas import PERSONAS, Persona, Visitor, prefer_privacy

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LAUNCH_S = 30.0
STEP_MS = 10_000.0  # for each thing that a page is to do
VISIT_S = 60.0
CLOSE_S = 10.0
MOST_ERRORS = 5
HALVES = ("", "/app")  # of the shop: page by page, as a single-page app
OLDEST = 5  # versions
DESKTOPS = ("X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7")
LOCALES = ("de-DE", "en-US", "fr-FR", "en-GB", "ne-NP")
NO_PLAYWRIGHT = (
    "--browsers needs Playwright for Python, which is not installed: `.venv/bin/pip install playwright==1.65.2` "
    "(the extra `browsers`)."
)
NO_CHROMIUM = (
    "--browsers needs a Chromium, and none was found: install one with your system's package manager (Debian: "
    "apt-get install chromium) or with `.venv/bin/playwright install chromium`, or name its program: --chromium."
)


def require_playwright() -> None:
    """A plain message where it is not installed."""
    if find_spec("playwright") is None:
        raise click.ClickException(NO_PLAYWRIGHT)


def find_chromium(named: str, playwrights_own: str) -> str:
    """The program: the one that is named, else Playwright's own, else one on the PATH."""
    if named:
        found = shutil.which(named)
        if found is None:
            raise click.ClickException(f"There is no program {named}: --chromium names a Chromium or Chrome.")
        return found
    if Path(playwrights_own).exists():
        return playwrights_own
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise click.ClickException(NO_CHROMIUM)
    return found


def agent_of(version: str, mobile: bool, desktop: str = DESKTOPS[0]) -> str:
    """Chrome's own user agent of this version, as it calls itself with a window.

    Headless it says "HeadlessChrome", and Footfall rightly takes whoever says so for a bot. These are told
    apart in other ways: by who starts them. `version` is the main one, as in "140".
    """
    platform, kind = ("Linux; Android 10; K", "Mobile ") if mobile else (desktop, "")
    return (
        f"Mozilla/5.0 ({platform}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{version}.0.0.0 {kind}Safari/537.36"
    )


@contextlib.asynccontextmanager
async def chromium(playwright: Playwright, named: str, host: str, agent: str) -> AsyncIterator[Browser]:
    """A browser, closed after the block. It finds `host` on this machine, and calls itself `agent`: as a whole,
    since what Playwright lets a single page call itself is not held to by requests that outlive the page."""
    arguments = [f"--user-agent={agent}"] if agent else []
    if host:
        arguments.append(f"--host-resolver-rules=MAP {host} 127.0.0.1")
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox does not work for root; the pages are ours
    browser = await playwright.chromium.launch(
        executable_path=find_chromium(named, playwright.chromium.executable_path),
        args=arguments,
        timeout=LAUNCH_S * 1000,
    )
    try:
        yield browser
    finally:
        with contextlib.suppress(Exception):  # whatever it died of: it is to be gone
            await asyncio.wait_for(browser.close(), CLOSE_S)


async def visit(
    browser: Browser, persona: Persona, origin: str, rng: random.Random, pace: float, half: str
) -> None:
    """One visit; two of them where the persona comes back. `TimeoutError` after `VISIT_S`."""
    kept: Any = None
    options = {**persona.device, "locale": rng.choice(LOCALES)}
    async with asyncio.timeout(VISIT_S):
        for _ in range(2 if persona.again else 1):
            context = await browser.new_context(**options, storage_state=kept)
            try:
                await _inside(context, persona, Visitor(await context.new_page(), origin, rng, pace, half))
                kept = await context.storage_state()
            finally:
                await _close(context)


async def _inside(context: BrowserContext, persona: Persona, visitor: Visitor) -> None:
    context.set_default_timeout(STEP_MS)
    if persona.gpc:
        await prefer_privacy(context)
    await persona.script(visitor)
    await visitor.page.close(run_before_unload=False)


async def _close(context: BrowserContext) -> None:
    with contextlib.suppress(Exception):
        await asyncio.wait_for(context.close(), CLOSE_S)


def _agent(version: str, persona: Persona, rng: random.Random) -> str:
    # All come from this machine's address, so those without an id differ by their agents alone. Headers of our
    # own (another address, Sec-GPC) would make the browser ask first: requests as no page of a site makes them.
    main = int(version.partition(".")[0]) - rng.randrange(OLDEST)
    return agent_of(str(main), persona.mobile, rng.choice(DESKTOPS))


class Browsers(threading.Thread):
    """`count` browsers at a time, one for each visit, for `seconds`; a visit that has begun is carried through.

    `visits` counts those that ended well, by persona; `errors` says what went wrong with others, in a line each.
    """

    def __init__(
        self,
        origin: str,
        *,
        count: int,
        seconds: float,
        seed: int,
        pace: float,
        named: str = "",
        host: str = "",
        personas: Sequence[Persona] = PERSONAS,
    ) -> None:
        super().__init__(name="browsers", daemon=True)
        self.visits: Counter[str] = Counter()
        self.errors: list[str] = []
        self._origin, self._count, self._seconds, self._seed, self._pace = origin, count, seconds, seed, pace
        self._named, self._host, self._personas = named, host, personas
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[None] | None = None

    def run(self) -> None:
        """All visits."""
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._all())

    def stop(self) -> None:
        """End early; browsers are closed."""
        if self._loop is not None and self._work is not None and self.is_alive():
            with contextlib.suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self._work.cancel)

    async def _all(self) -> None:
        from playwright.async_api import async_playwright

        self._loop, self._work = asyncio.get_running_loop(), asyncio.current_task()
        try:
            async with async_playwright() as playwright:
                async with chromium(playwright, self._named, self._host, "") as browser:
                    version = browser.version  # and one knows that it starts
                await asyncio.gather(*(self._one(playwright, version, number) for number in range(self._count)))
        except click.ClickException as error:
            self._tell(error.message)
        except Exception as error:  # noqa: BLE001 - told to the person; the demo goes on
            self._tell(f"the browsers ended: {_line(error)}")

    async def _one(self, playwright: Playwright, version: str, number: int) -> None:
        rng = random.Random(f"{self._seed}.{number}")
        until = time.monotonic() + self._seconds
        for place, persona in enumerate(_who(self._personas, rng, number)):
            half = HALVES[(number + place) % len(HALVES)]
            try:
                agent = _agent(version, persona, rng)
                async with chromium(playwright, self._named, self._host, agent) as browser:
                    await visit(browser, persona, self._origin, rng, self._pace, half)
                self.visits[persona.name] += 1
            except Exception as error:  # noqa: BLE001 - one visit that fails leaves the others alone
                self._tell(f"{persona.name}: {_line(error)}")
            if time.monotonic() > until:
                return

    def _tell(self, error: str) -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(error)


def _who(personas: Sequence[Persona], rng: random.Random, number: int) -> Iterator[Persona]:
    """Each of them once, so that short demos show all; then by their weights."""
    first = number % len(personas)
    yield from (*personas[first:], *personas[:first])
    while True:
        yield rng.choices(personas, [persona.weight for persona in personas])[0]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

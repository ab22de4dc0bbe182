"""The demo's script: one event traced, then traffic, then what it came to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import click

from cli.demonstration.looking import clicks_told
from cli.demonstration.sender import Sender
from cli.demonstration.shown import Numbers, ask, by_name, one_line, table
from cli.demonstration.trace import Trace
from cli.importer.summary import NEWEST_SESSIONS, curl
from embedded.traffic import ORIGIN
from footfall.settings import Settings
from footfall.sites import Site

LIVE_EVERY_S = 0.5
PLAIN_EVERY_S = 5.0
SHOWN_CLOSED = 5  # plain lines of closed sessions
END_TIMEOUT_S = 60.0

Show = Callable[[Numbers, str], None]


class Place(NamedTuple):
    """What is visited: the site, a server key of it, and the demo shop's address (empty: there is none)."""

    site: Site
    key: str
    shop: str


class Source(Protocol):
    """Where visits come from, in a thread of its own."""

    @property
    def accepted(self) -> int:
        """Events the gateway took."""

    @property
    def repeated(self) -> int:
        """Of these, those that had been taken before: rightly no rows."""

    @property
    def visit_count(self) -> int:
        """Visits so far."""

    def problems(self) -> list[str]:
        """What did not go as it should."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End early."""

    def is_alive(self) -> bool:
        """Whether visits go on."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end."""


def demonstrate(
    settings: Settings, place: Place, *, source: Callable[[], Source], told: str, window_s: float, live: bool
) -> bool:
    """Run it against a started Footfall; whether all that was promised was seen.

    `source` makes what visits, when all else is ready; `told` says what that will be.
    """
    since_ms = time.time_ns() // 1_000_000
    trace = Trace(settings, place.site)
    trace.send(Sender(settings.gateway_host, settings.gateway_port, place.site.public_id))
    trace.wait_row(lambda: None)
    click.echo(f"event {trace.event_id} accepted -> row in events after {trace.row_after_ms:.0f} ms")
    if place.shop:
        click.echo(f"A shop to click through: {place.shop}/")
    click.echo(f"{told}; a session closes {window_s:g} s after its last event.")
    thread = source()
    thread.start()
    try:
        with _display(live) as show:
            numbers = _watch(settings, thread, trace, since_ms, show)
    finally:
        thread.stop()
        thread.join(20)
    return _report(settings, place, thread, trace, numbers, since_ms)


def _watch(settings: Settings, thread: Source, trace: Trace, since_ms: int, show: Show) -> Numbers:
    """Until all that was sent is stored and in closed sessions, or `END_TIMEOUT_S` after the end."""
    told = False
    deadline = float("inf")
    while True:
        numbers = ask(settings, since_ms)
        numbers.accepted, numbers.visits = thread.accepted + 1, thread.visit_count + 1
        numbers.repeated = thread.repeated
        news = ""
        if trace.look_for_session() and not told:
            told = True
            news = f"session {trace.session_id} of that event closed after {trace.closed_after_s:.0f} s"
        show(numbers, news)
        if not thread.is_alive():
            deadline = min(deadline, time.monotonic() + END_TIMEOUT_S)
            if told and _all_stored(numbers) and not numbers.open_sessions:
                return numbers
        if time.monotonic() > deadline:
            return numbers
        time.sleep(LIVE_EVERY_S)


def _all_stored(numbers: Numbers) -> bool:
    return numbers.stored + numbers.repeated == numbers.accepted


@contextlib.contextmanager
def _display(live: bool) -> Iterator[Show]:
    if live:
        with _rich_display() as show:
            yield show
    else:
        yield _plain_display()


@contextlib.contextmanager
def _rich_display() -> Iterator[Show]:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(), auto_refresh=False) as display:

        def show(numbers: Numbers, news: str) -> None:
            if news:
                display.console.print(news, highlight=False)
            display.update(table(numbers, ORIGIN), refresh=True)

        yield show


def _plain_display() -> Show:
    shown: set[str] = set()
    due = 0.0

    def show(numbers: Numbers, news: str) -> None:
        nonlocal due
        if news:
            click.echo(news)
        for closed in reversed(numbers.newest):
            if len(shown) < SHOWN_CLOSED and closed.id not in shown:
                shown.add(closed.id)
                click.echo(f"  closed: {closed.line}")
        if time.monotonic() >= due:
            due = time.monotonic() + PLAIN_EVERY_S
            click.echo(one_line(numbers))

    return show


def _report(
    settings: Settings, place: Place, thread: Source, trace: Trace, numbers: Numbers, since_ms: int
) -> bool:
    """Print what came of it and where to look; False where something promised is missing."""
    click.echo("\n" + one_line(numbers))
    _show_names(settings, since_ms)
    problems = thread.problems()
    if not _all_stored(numbers):
        twice = f" and {numbers.repeated} came twice" if numbers.repeated else ""
        problems.append(f"{numbers.accepted} events were accepted, but {numbers.stored} are stored{twice}")
    if trace.closed_after_s is None or numbers.open_sessions:
        problems.append("not all sessions closed in time")
    for problem in problems:
        click.echo(f"NOT AS PROMISED: {problem}. The logs are in {settings.data_dir / 'logs'}", err=True)
    base = f"http://{settings.gateway_host}:{settings.gateway_port}"
    event = f'{{"events":[{{"name":"page_view","url":"{ORIGIN}/from-curl"}}]}}'
    click.echo(
        f"""
Where to look (while it runs: `footfall demo --keep`, or `footfall --data-dir {settings.data_dir} up`):
  send an event   curl -H 'X-Footfall-Site: {place.site.public_id}' -H 'Origin: {ORIGIN}' \\
                    -H 'Content-Type: application/json' -d '{event}' {base}/v1/batch
  ask the store   {curl(settings, NEWEST_SESSIONS)}
  metrics         {base}/metrics
  server key      {place.key}  (may name visitor, user, time; shown once)
Your own site: `footfall up`, then `footfall site add www.your-site.example`, or first its history:
  footfall import access-log /var/log/nginx/access.log* --site www.your-site.example"""
    )
    if place.shop:
        click.echo("\n" + clicks_told(settings, place.shop))
    return not problems


def _show_names(settings: Settings, since_ms: int) -> None:
    rows = by_name(settings, since_ms)
    bots = sum(of_bots for *_, of_bots in rows)
    click.echo("by name: " + ", ".join(f"{name} {count}" for name, count, _ in rows) + f"; {bots} of them bots'")

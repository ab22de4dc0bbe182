"""The demo's script: one event traced, then traffic, then what it came to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import click

from cli.demonstration.sender import Sender, TrafficThread
from cli.demonstration.shop import make_shop
from cli.demonstration.shown import Numbers, ask, one_line, table
from cli.demonstration.trace import Trace
from cli.importer.summary import NEWEST_SESSIONS, curl
from embedded.traffic import ORIGIN, traffic
from footfall.settings import Settings
from footfall.sites import Site

WINDOW_S = 15.0  # of the shop's sessions: one closes while one watches
PACE = 0.25  # of the pauses inside a visit
LIVE_EVERY_S = 0.5
PLAIN_EVERY_S = 5.0
SHOWN_CLOSED = 5  # plain lines of closed sessions
END_TIMEOUT_S = 60.0

Show = Callable[[Numbers, str], None]


def demonstrate(settings: Settings, *, seconds: float, rate: float, seed: int, live: bool) -> bool:
    """Run it against a started Footfall; whether all that was promised was seen."""
    site, key = make_shop(settings, WINDOW_S)
    since_ms = time.time_ns() // 1_000_000
    trace = Trace(settings, site)
    trace.send(Sender(settings.gateway_host, settings.gateway_port, site.public_id))
    trace.wait_row(lambda: None)
    click.echo(f"event {trace.event_id} accepted -> row in events after {trace.row_after_ms:.0f} ms")
    click.echo(
        f"Sending {rate:g} events/s for {seconds:g} s; a session closes {WINDOW_S:g} s after its last event."
    )
    thread = TrafficThread(
        Sender(settings.gateway_host, settings.gateway_port, site.public_id), traffic(seed, seconds, rate, PACE)
    )
    thread.start()
    try:
        with _display(live) as show:
            numbers = _watch(settings, thread, trace, since_ms, show)
    finally:
        thread.stop()
        thread.join(10)
    return _report(settings, site, key, thread, trace, numbers)


def _watch(settings: Settings, thread: TrafficThread, trace: Trace, since_ms: int, show: Show) -> Numbers:
    """Until all that was sent is stored and in closed sessions, or `END_TIMEOUT_S` after the end."""
    told = False
    deadline = float("inf")
    while True:
        numbers = ask(settings, since_ms)
        numbers.accepted, numbers.visits = thread.accepted + 1, len(thread.visits) + 1
        news = ""
        if trace.look_for_session() and not told:
            told = True
            news = f"session {trace.session_id} of that event closed after {trace.closed_after_s:.0f} s"
        show(numbers, news)
        if not thread.is_alive():
            deadline = min(deadline, time.monotonic() + END_TIMEOUT_S)
            if told and numbers.stored >= numbers.accepted and not numbers.open_sessions:
                return numbers
        if time.monotonic() > deadline:
            return numbers
        time.sleep(LIVE_EVERY_S)


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
    settings: Settings, site: Site, key: str, thread: TrafficThread, trace: Trace, numbers: Numbers
) -> bool:
    """Print what came of it and where to look; False where something promised is missing."""
    click.echo("\n" + one_line(numbers))
    problems = []
    if thread.error or thread.refused:
        problems.append(f"the gateway refused requests: {thread.error or thread.refused}")
    if numbers.stored != numbers.accepted:
        problems.append(f"{numbers.accepted} events were accepted, but {numbers.stored} are stored")
    if trace.closed_after_s is None or numbers.open_sessions:
        problems.append("not all sessions closed in time")
    for problem in problems:
        click.echo(f"NOT AS PROMISED: {problem}. The logs are in {settings.data_dir / 'logs'}", err=True)
    base = f"http://{settings.gateway_host}:{settings.gateway_port}"
    event = f'{{"events":[{{"name":"page_view","url":"{ORIGIN}/from-curl"}}]}}'
    click.echo(
        f"""
Where to look (while it runs: `footfall demo --keep`, or `footfall --data-dir {settings.data_dir} up`):
  send an event   curl -H 'X-Footfall-Site: {site.public_id}' -H 'Origin: {ORIGIN}' \\
                    -H 'Content-Type: application/json' -d '{event}' {base}/v1/batch
  ask the store   {curl(settings, NEWEST_SESSIONS)}
  metrics         {base}/metrics
  server key      {key}  (may name visitor, user, time; shown once)
Your own site: `footfall up`, then `footfall site add www.your-site.example`, or first its history:
  footfall import access-log /var/log/nginx/access.log* --site www.your-site.example"""
    )
    return not problems

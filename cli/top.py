"""`footfall top`: what goes through, how late, and where it is lost, once a second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.values import Number

if TYPE_CHECKING:
    from rich.text import Text

    from cli.glance import Glance, Look
    from footfall.settings import Settings


@click.command()
@click.option("--once", is_flag=True, help="Show it once, as plain lines; exit code 1 if something is wrong.")
@click.option("--every", type=Number(0.2, 60), default=1.0, show_default=True, help="Seconds between two looks.")
@click.option("--stage", help="Another stage than the settings'.")
def command(once: bool, every: float, stage: str | None) -> None:
    """Show events a second and what becomes of them, how late data are in the store, and how the sinks do.

    Everything comes from the parts' metrics (docs/metrics.md), so it works for parts on this machine that
    listen where the settings say. Ctrl-C ends it.
    """
    from embedded.paths import resolve

    settings = resolve(load_settings())
    name = stage or settings.stage
    if name not in settings.topics():
        raise click.UsageError(f"no stage {name} here: there are {', '.join(settings.topics())}")
    if once or not sys.stdout.isatty():
        sys.exit(0 if _once(settings, name, every) else 1)
    try:
        _live(settings, name, every)
    except KeyboardInterrupt:
        sys.exit(0)


def _once(settings: Settings, stage: str, every: float) -> bool:
    before = look(settings)
    time.sleep(every)  # rates are of this time
    glance = _glance(settings, stage, before, look(settings))
    click.echo("\n".join(("! " if line.alarm else "  ") + line.text for line in glance.lines()))
    return glance.well


def _live(settings: Settings, stage: str, every: float) -> None:
    from rich.console import Console
    from rich.live import Live

    before = look(settings)
    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        while True:
            now = look(settings)
            live.update(_coloured(_glance(settings, stage, before, now)), refresh=True)
            before = now
            time.sleep(max(0.1, every - (time.time() - now.at)))


def _glance(settings: Settings, stage: str, before: Look, now: Look) -> Glance:
    from cli.glance import Glance
    from embedded.view import heartbeat_limit_s

    return Glance(stage, heartbeat_limit_s(settings), before, now)


def look(settings: Settings) -> Look:
    """Ask every part at once."""
    from concurrent.futures import ThreadPoolExecutor

    from cli.glance import Look
    from cli.scraping import Samples, fetch
    from telemetry.ports import metrics_ports

    ports = metrics_ports(settings)
    with ThreadPoolExecutor(max(1, len(ports))) as pool:
        texts = list(pool.map(fetch, ports))
    silent = tuple(one.part for one, text in zip(ports, texts, strict=True) if text is None)
    return Look(time.time(), Samples(filter(None, texts)), silent)


def _coloured(glance: Glance) -> Text:
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ellipsis")
    for place, line in enumerate(glance.lines()):
        style = "bold red" if line.alarm else "bold green" if place == 0 else ""
        text.append(line.text + "\n", style=style)
    text.append("Ctrl-C ends it", style="dim")
    return text

"""`footfall import`: a site's history becomes sessions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from itertools import chain
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from cli.common import load_settings
from cli.importer.lines import Line, LogFile
from cli.layout import layout_of
from cli.plane import open_control, require_control
from footfall.access_log import FORMATS
from footfall.settings import Settings

if TYPE_CHECKING:
    from cli.importer.records import RecordMaker
    from cli.progress import ProgressBar


@click.group()
def command() -> None:
    """Turn what was recorded before into events and sessions."""


@command.command("access-log")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--site", "site_name", required=True, help="The site these requests were made to.")
@click.option("--format", "log_format", type=click.Choice(FORMATS), default="auto", show_default=True)
@click.option("--timezone", default="UTC", show_default=True, help="For times without an offset.")
@click.option("--start", is_flag=True, help="Run Footfall for as long as the import takes.")
def access_log(files: tuple[str, ...], site_name: str, log_format: str, timezone: str, start: bool) -> None:
    """Import access logs of nginx or Apache, gzipped or not; `-` reads standard input.

    A page view is a GET answered with 2xx or 304 that is no asset; every other line is
    kept as an event `request`. Importing a file again, or after the import was killed,
    counts nothing twice. Live traffic goes on beside it.
    """
    from cli.running import running_or_started
    from embedded.paths import resolve

    zone = _zone(timezone)
    settings = resolve(load_settings())
    require_control(settings)  # before --start makes one: it could not know the site
    if "-" in files and start:
        click.echo("reading standard input once Footfall is up", err=True)
    with running_or_started(settings, start):
        _import(settings, files, site_name, log_format, zone)


def _zone(name: str) -> tzinfo:
    from control import ControlError, check_timezone

    try:
        return UTC if name == "UTC" else ZoneInfo(check_timezone(name))
    except ControlError as error:
        raise click.BadParameter(str(error)) from None


def _import(settings: Settings, files: tuple[str, ...], site_name: str, log_format: str, zone: tzinfo) -> None:
    import installations
    from cli.importer.records import RecordMaker
    from cli.importer.sessions import make_sessions
    from cli.importer.summary import show_summary
    from cli.progress import ProgressBar

    plane = open_control(settings)
    try:
        installations.check(settings, installations.identify(plane, settings.stage), [settings.stage])
        site = plane.site(site_name)
        maker = RecordMaker(
            site.site_id,
            site.domains[0] if site.domains else site.site_id,
            plane.stage_secret(settings.stage),
            zone=zone,
            log_format=log_format,
            now_ms=time.time_ns() // 1_000_000,
            window_ms=site.window_ms(time.time_ns() // 1_000_000),
        )
        logs = [LogFile(name) for name in files]
        with ProgressBar("lines", sum(log.size for log in logs) if all(log.size for log in logs) else 0) as bar:
            _feed(settings, site.site_id, maker, logs, bar)
            bar.phase("making sessions")
            repaired = make_sessions(settings, plane, bar.tick)
        show_summary(settings, site.site_id, maker.counts, repaired)
    finally:
        plane.close()


def _feed(settings: Settings, site_id: str, maker: RecordMaker, logs: Sequence[LogFile], bar: ProgressBar) -> None:
    """Every line into the log, and on until all of it is stored."""
    from cli.importer.feed import Feed
    from cli.importer.store import known_bad_lines, stored_positions
    from eventlog.opening import open_log

    layout = layout_of(settings, settings.stage)
    log = open_log(settings, settings.stage, layout)
    feed = Feed(log, layout, lambda: stored_positions(settings), bar.tick)
    try:
        feed.wait_for(feed.ends())  # so that what an import just before this one set aside is known
        known = known_bad_lines(settings, site_id)
        for made in chain(chain.from_iterable(map(maker.add, told_lines(logs, bar))), maker.finish()):
            if made.record.kind == "quarantine" and known[made.record.payload] > 0:
                known[made.record.payload] -= 1
            else:
                feed.put(made)
        bar.phase("storing")
        feed.wait_stored()
    finally:
        feed.close()


def told_lines(logs: Iterable[LogFile], bar: ProgressBar) -> Iterator[Line]:
    """Those of all files, each told to `bar`."""
    for log in logs:
        before = 0
        for line in log.lines():
            position = log.position
            bar.moved(1, position - before)
            before = position
            yield line
        bar.moved(0, log.size - before)  # a gzip file ends with bytes that are of no line

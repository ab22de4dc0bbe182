"""`footfall site check URL`: does a page's tag work, and if not, where does it get stuck?"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.plane import open_control

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from cli.checks.finding import Finding
    from cli.site_checking.sending import Sent
    from footfall.settings import Settings
    from footfall.sites import Site, Sites

MARKS = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "bad": "[red]bad[/] "}


class Told:
    """Prints findings as they come, and remembers whether all is well."""

    def __init__(self) -> None:
        self.well = True

    def say(self, findings: Iterable[Finding]) -> None:
        """In a line or two each."""
        from rich.console import Console
        from rich.markup import escape

        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            console.print(f"{MARKS[finding.state]} {finding.what:<9} {escape(_printable(finding.found))}")
            if finding.mend:
                console.print(f"     -> {escape(_printable(finding.mend))}")
            self.well &= finding.state == "ok"


@click.command()
@click.argument("url")
@click.option("--site", "name", help="The site, where the page's HTML has no tag (own build, tag manager).")
@click.option("--endpoint", help="Where that page sends to; else the gateway's public address.")
@click.option("--timeout", type=click.FloatRange(1, 600), default=20, show_default=True,
              help="Seconds in which the event has to be stored.")  # fmt: skip
def check(url: str, name: str | None, endpoint: str | None, timeout: float) -> None:
    """Fetch the page at URL, look at its tag, its script and its policy, send one event as it would, and show the
    row this becomes. Exit code 0 only if all is well.

    No browser is needed. The event is called footfall_check and is marked as a bot's.
    """
    from cli.site_checking.look import look
    from cli.site_checking.page import Tag
    from embedded.paths import resolve

    settings = resolve(load_settings())
    with closing(open_control(settings)) as plane:
        sites = plane.sites()
        named = plane.site(name) if name else None
    instead = None
    if named is not None:
        to = endpoint or settings.gateway_address() + (named.endpoint_path or "/v1/batch")
        instead = Tag("", named.public_id, to)
    told = Told()
    looked, findings = look(url if "://" in url else f"https://{url}", sites, settings, instead)
    told.say(findings)
    if looked.tag is not None and looked.site is not None:
        _follow(told, settings, sites, looked.site, looked.page.url, endpoint or looked.tag.endpoint, timeout)
    if not told.well:
        raise click.exceptions.Exit(1)


def _follow(
    told: Told, settings: Settings, sites: Sites, site: Site, page: str, endpoint: str, timeout_s: float
) -> None:
    """Send an event, and see what becomes of it."""
    from urllib.parse import urlsplit

    from cli.checks.traffic import ignored_proxies
    from cli.site_checking.sending import send
    from footfall.names import database_name
    from ingest_gateway.origins import is_dev
    from sinks.clickhouse import connect

    before = ignored_proxies(settings)
    sent, findings = send(page, endpoint, site.public_id)
    told.say(findings)
    if sent is None:
        return
    ignored = ignored_proxies(settings) - before
    host = urlsplit(page).hostname or ""
    stage = settings.dev_stage if is_dev(host, site.domains) else settings.stage
    client = connect(settings, database=database_name(stage))
    try:
        _arrive(told, settings, sites, client, site, sent, stage, ignored, timeout_s)
    finally:
        client.disconnect()


def _arrive(
    told: Told, settings: Settings, sites: Sites, client: Client, site: Site, sent: Sent, stage: str, ignored: int,
    timeout_s: float,
) -> None:  # fmt: skip
    from cli.checks.finding import bad
    from cli.explaining import event
    from cli.site_checking import arriving

    row = arriving.wait_for_row(client, str(uuid.UUID(bytes=sent.event_id)), site.site_id, timeout_s)
    seen = arriving.look_into_log(settings, stage, site.site_id, sent.event_id, row)
    arrival = next(iter(seen.searched.arrivals), None)
    told.say(arriving.address_findings(arrival, seen.addresses, sent.endpoint, ignored))
    if row is not None:
        told.say([*arriving.country_findings(row, arrival, settings), *arriving.row_findings(sent, row)])
        lines = arriving.show(row)
    else:
        mend = "what became of it is below; `footfall status` and docs/reasons.md say more"
        told.say(bad("row", f"the event was taken, and is not stored after {timeout_s:g} s", mend))
        lines = list(
            event.tell(client, sent.event_id, site.site_id, [], seen.searched, sites, settings.lateness_ms)
        )
    click.echo("\n".join(["", *(f"     {_printable(line)}".rstrip() for line in lines)]))


def _printable(text: str) -> str:
    """What others sent must not move the cursor."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)

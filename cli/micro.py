"""`footfall micro`: takes events and tells what came, for the tests of sites."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from cli.common import load_settings

if TYPE_CHECKING:
    from footfall.sites import Site

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9090, show_default=True,
              help="Port to listen on; 0: any that is free.")  # fmt: skip
@click.option("--site", "sites", multiple=True, metavar="PUB_ID=DOMAIN[,DOMAIN...]",
              help="Take only this public id, from these domains and localhost (repeatable).")  # fmt: skip
def command(host: str, port: int, sites: tuple[str, ...]) -> None:
    """Take events as the gateway does and tell what came, good and bad: for the tests of your site.

    One process, everything in memory, nothing kept. Without --site every public id that begins with
    pub_ is taken, from every host. docs/micro.md has what it can be asked.
    """
    import asyncio

    from ingest_gateway.listening import PortTakenError
    from ingest_gateway.scripts import ScriptsError
    from micro.server import serve

    chosen = parse_sites(sites)
    public_id = chosen[0].public_id if chosen else "pub_test"
    if host not in LOOPBACK:
        click.echo(f"Whoever reaches {host} can read and reset what came in: keep it to your tests.", err=True)

    def ready(port: int) -> None:
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        click.echo(
            f"footfall micro on {url}: send events to it (public id {public_id}), "
            f"ask {url}/micro/all, /good, /bad, /wait; Ctrl-C ends it"
        )

    try:
        asyncio.run(serve(load_settings(), chosen, host, port, ready))
    except (PortTakenError, ScriptsError) as error:
        raise click.ClickException(str(error)) from None
    # The HTTP server's threads may still hold a connection that a client keeps open: they must not wake up in an
    # interpreter that is being taken down, which would end in an abort. Nothing is kept, so nothing is lost.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def parse_sites(texts: tuple[str, ...]) -> tuple[Site, ...]:
    """`pub_x=shop.example.com,www.other.example` -> a site, named by its first domain; else a usage error."""
    from control import ControlError
    from control.domains import normalise_domain
    from footfall.sites import Site

    found: dict[str, Site] = {}
    for text in texts:
        public_id, _, rest = text.partition("=")
        if not public_id.startswith("pub_") or len(public_id) <= len("pub_") or not rest:
            raise click.UsageError(f"--site is like pub_x=shop.example.com, not {text!r}")
        try:
            domains = tuple(map(normalise_domain, rest.split(",")))
        except ControlError as error:
            raise click.UsageError(f"--site {text}: {error}") from None
        if public_id in found or any(site.site_id == domains[0] for site in found.values()):
            raise click.UsageError(f"--site {text}: {public_id} or {domains[0]} is there already")
        found[public_id] = Site(site_id=domains[0], public_id=public_id, domains=domains)
    return tuple(found.values())

"""`footfall shop`: the demo shop beside a running Footfall, to click through."""

from __future__ import annotations

import signal
import threading
import time

import click

from cli.common import load_settings
from cli.plane import open_control
from footfall.settings import Settings
from footfall.sites import Site

SITE = "tidewood.example"  # nobody's: the ending is kept free for examples
PORT = 8090
KNOWN_S = 10.0  # gateways hear of a new site within 5 s
POLL_S = 0.2
UNAUTHORIZED = 401


@click.command()
@click.option("--site", default=SITE, show_default=True, help="The site its events are of.")
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="0: any free one.")
def command(site: str, port: int) -> None:
    """Serve a made-up shop with your tag in it, and say where your clicks are.

    Footfall must be running (`footfall up`). The shop is on this machine only, and as everything from
    localhost its events are kept apart from real ones, in the stage for development. Ctrl-C ends it.
    """
    from cli.demonstration.looking import clicks_told
    from cli.demonstration.serving import serving

    settings = load_settings()
    found = _site(settings, site)
    _wait_known(settings, found)
    with serving(settings, found.public_id, port) as address:
        click.echo(f"The shop is at {address}/ until Ctrl-C, as a single-page app at {address}/app/\n")
        click.echo(clicks_told(settings, address))
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        stopped.wait()
        click.echo("stopped")


def _site(settings: Settings, site: str) -> Site:
    """The site; the shop's own is made where it is not there yet."""
    plane = open_control(settings)
    try:
        if site == SITE and site not in plane.sites().by_id:
            plane.add_site(SITE, now=time.time_ns() // 1_000_000, currency="EUR")
            click.echo(f"Added the site {SITE} (`footfall site remove {SITE}` forgets it).")
        return plane.site(site)
    finally:
        plane.close()


def _wait_known(settings: Settings, site: Site) -> None:
    """Until the gateway knows the site: what a page sends before is refused, and not sent again."""
    from cli.demonstration.sender import Sender
    from footfall.addresses import reachable

    sender = Sender(reachable(settings.gateway_host), settings.gateway_port, site.public_id)
    deadline = time.monotonic() + KNOWN_S
    try:
        # Nothing in it: nothing is counted, whichever way it is answered.
        while sender.post(b"{}", {"Content-Type": "application/json"})[0] == UNAUTHORIZED:
            if time.monotonic() > deadline:
                raise click.ClickException(
                    f"The gateway on port {settings.gateway_port} does not know {site.site_id}: is it this "
                    "installation's? `footfall status` tells."
                )
            time.sleep(POLL_S)  # between two looks
    except OSError:
        raise click.ClickException(
            f"The gateway does not answer on port {settings.gateway_port}: start Footfall with `footfall up`."
        ) from None
    finally:
        sender.close()

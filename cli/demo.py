"""`footfall demo`: everything, with traffic, until sessions close before one's eyes."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.values import Number
from footfall.settings import Settings

if TYPE_CHECKING:
    from cli.demonstration.run import Place, Source

# Short, so that a session closes while one watches. Nothing else differs from `up`.
QUICK = {
    "lateness_minutes": 2 / 60,
    "heartbeat_seconds": 1.0,
    "flush_seconds": 0.5,
    "trusted_proxies": "127.0.0.1/32",
}


WINDOW_S = 15.0  # of the shop's sessions: one closes while one watches
PACE = 0.25  # of the pauses inside a visit
SHOP_PORT = 8090
MOST_BROWSERS = 16


@click.command()
@click.option("--seconds", type=Number(1, 86_400), default=30.0, show_default=True, help="How long to send.")
@click.option("--rate", type=Number(0.1, 10_000), default=25.0, show_default=True, help="Events a second.")
@click.option("--seed", default=1, show_default=True, help="Of the made-up visits.")
@click.option(
    "--browsers",
    type=click.IntRange(0, MOST_BROWSERS),
    default=0,
    show_default=True,
    help="Chromiums that visit the demo shop, in place of made-up requests.",
)
@click.option("--chromium", default="", envvar="FOOTFALL_CHROMIUM", help="Their program, if it is not found.")
@click.option("--keep", is_flag=True, help="Leave it running at the end, until Ctrl-C.")
@click.option("--plain", is_flag=True, help="Plain lines, as in a pipe.")
def command(seconds: float, rate: float, seed: int, browsers: int, chromium: str, keep: bool, plain: bool) -> None:
    """Start Footfall with a made-up shop, send it traffic, and watch sessions close.

    The shop can be clicked through; what happens in it comes from the SDK, as on a real site.

    Everything is kept in a directory of its own, `demo` in the data directory. It ends by
    itself, and leaves nothing running, unless --keep is given.
    """
    from cli.demonstration.run import demonstrate
    from cli.running import started

    settings = demo_settings(load_settings())
    _check_browsers(browsers)
    click.echo(f"Starting Footfall in {settings.data_dir} (a few seconds) ...")
    with started(settings) as process, _place(settings, bool(browsers)) as place:
        if browsers:
            source = _browsing(settings, place, browsers, chromium, seconds, seed)
            told = f"{browsers} browsers visit it for {seconds:g} s"
        else:
            source = _made_up(settings, place, seconds, rate, seed)
            told = f"Sending {rate:g} events/s for {seconds:g} s"
        live = sys.stdout.isatty() and not plain
        ok = demonstrate(settings, place, source=source, told=told, window_s=WINDOW_S, live=live)
        if keep:
            click.echo("\nIt goes on until Ctrl-C.")
            try:
                process.wait()
            except KeyboardInterrupt:
                click.echo("stopping ...")
    sys.exit(0 if ok else 1)


def _check_browsers(browsers: int) -> None:
    from cli.demonstration.browsers import require_playwright

    if browsers:
        require_playwright()


@contextmanager
def _place(settings: Settings, wanted: bool) -> Iterator[Place]:
    """The site, and the shop served as long as the block lasts: always in a checkout, else if it is `wanted`."""
    from cli.demonstration.run import Place
    from cli.demonstration.serving import FOLDER, serving
    from cli.demonstration.shop import make_shop

    site, key = make_shop(settings, WINDOW_S)
    if not FOLDER.is_dir() and not wanted:
        yield Place(site, key, "")
        return
    with serving(settings, site.public_id, _free_port(SHOP_PORT, set())) as address:
        yield Place(site, key, address)


def _made_up(settings: Settings, place: Place, seconds: float, rate: float, seed: int) -> Callable[[], Source]:
    from cli.demonstration.sender import Sender, TrafficThread
    from embedded.traffic import traffic

    sender = Sender(settings.gateway_host, settings.gateway_port, place.site.public_id)
    return lambda: TrafficThread(sender, traffic(seed, seconds, rate, PACE))


def _browsing(
    settings: Settings, place: Place, count: int, named: str, seconds: float, seed: int
) -> Callable[[], Source]:
    from cli.demonstration.watched import WatchedBrowsers
    from embedded.traffic import SITE

    # Under the site's name, which these browsers find here: what comes from localhost goes to stage dev.
    origin = place.shop.replace("localhost", SITE)
    return lambda: WatchedBrowsers(
        settings, origin, count=count, seconds=seconds, seed=seed, pace=PACE, named=named
    )


def demo_settings(settings: Settings) -> Settings:
    """The person's settings in a directory of its own, quick, on free ports."""
    from embedded.paths import resolve

    changes: dict[str, object] = {
        **QUICK,
        "data_dir": settings.data_dir / "demo",
        "redis_url": "",
        "control_url": "",
    }
    # The store is the demo's own: whatever server the settings name is left alone.
    changes |= {"clickhouse_host": "127.0.0.1", "gateway_host": "127.0.0.1", "clickhouse_password": ""}
    changes |= {"clickhouse_cluster": "", "clickhouse_secure": False}
    taken: set[int] = set()
    for name in ("gateway_port", "clickhouse_port", "clickhouse_http_port"):
        changes[name] = _free_port(getattr(settings, name), taken)
    for name in ("flow_metrics_port", "jobs_metrics_port"):
        changes[name] = _free_port(wanted, taken) if (wanted := getattr(settings, name)) else 0
    return resolve(settings.model_copy(update=changes))


def _free_port(wanted: int, taken: set[int]) -> int:
    """The port if it is free, else any that is."""
    from embedded.probe import port_taken

    port = wanted
    while port in taken or port_taken("127.0.0.1", port):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = int(server.getsockname()[1])
    taken.add(port)
    return port

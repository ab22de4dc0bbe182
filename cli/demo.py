"""`footfall demo`: everything, with traffic, until sessions close before one's eyes."""

from __future__ import annotations

import socket
import sys

import click

from cli.common import load_settings
from cli.values import Number
from footfall.settings import Settings

# Short, so that a session closes while one watches. Nothing else differs from `up`.
QUICK = {
    "lateness_minutes": 2 / 60,
    "heartbeat_seconds": 1.0,
    "flush_seconds": 0.5,
    "trusted_proxies": "127.0.0.1/32",
}


@click.command()
@click.option("--seconds", type=Number(1, 86_400), default=30.0, show_default=True, help="How long to send.")
@click.option("--rate", type=Number(0.1, 10_000), default=25.0, show_default=True, help="Events a second.")
@click.option("--seed", default=1, show_default=True, help="Of the made-up visits.")
@click.option("--keep", is_flag=True, help="Leave it running at the end, until Ctrl-C.")
@click.option("--plain", is_flag=True, help="Plain lines, as in a pipe.")
def command(seconds: float, rate: float, seed: int, keep: bool, plain: bool) -> None:
    """Start Footfall with a made-up shop, send it traffic, and watch sessions close.

    Everything is kept in a directory of its own, `demo` in the data directory. It ends by
    itself, and leaves nothing running, unless --keep is given.
    """
    from cli.demonstration.run import demonstrate
    from cli.running import started

    settings = demo_settings(load_settings())
    click.echo(f"Starting Footfall in {settings.data_dir} (a few seconds) ...")
    with started(settings) as process:
        ok = demonstrate(settings, seconds=seconds, rate=rate, seed=seed, live=sys.stdout.isatty() and not plain)
        if keep:
            click.echo("\nIt goes on until Ctrl-C.")
            try:
                process.wait()
            except KeyboardInterrupt:
                click.echo("stopping ...")
    sys.exit(0 if ok else 1)


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

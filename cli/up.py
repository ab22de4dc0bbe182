"""`footfall up`: run everything until told to stop."""

from __future__ import annotations

import errno
import sys

import click

from cli.common import load_settings
from footfall.settings import Settings


@click.command()
@click.option("--plain", is_flag=True, help="Plain lines, as in a pipe, instead of the live table.")
def command(plain: bool) -> None:
    """Start Footfall and keep it running until Ctrl-C.

    Starts the store, Valkey, the gateway, the dataflow and the jobs; restarts what dies;
    on Ctrl-C or SIGTERM drains them in order. Everything is kept in FOOTFALL_DATA_DIR.
    No store is started where FOOTFALL_CLICKHOUSE_PASSWORD is set, no Valkey where
    FOOTFALL_REDIS_URL is: there they are servers of your own.
    """
    from embedded.lock import DataDirLock, end_leftovers
    from embedded.paths import make_dirs, resolve
    from embedded.stack import check_ports

    settings = resolve(load_settings())
    make_dirs(settings.data_dir)
    lock = DataDirLock(settings.data_dir)
    lock.acquire()
    try:
        for name in end_leftovers(settings.data_dir):
            click.echo(f"ended {name}, left over from a killed run")
        check_ports(settings)
        click.echo(f"Footfall on {settings.data_dir}, logs in {settings.data_dir / 'logs'}")
        if plain or not sys.stdout.isatty():
            _run_plain(settings)
        else:
            _run_table(settings)
    finally:
        lock.release()


def _run_plain(settings: Settings) -> None:
    from embedded.stack import supervisor
    from embedded.supervisor import Supervisor
    from embedded.view import plain_line

    def watch(whole: Supervisor, line: str) -> None:
        _say(plain_line(whole, line))
        if line.startswith("ready after"):
            _say(where_to_look(settings))

    supervisor(settings, watch).run()


def _say(text: str) -> None:
    """Where the output goes to a file on a full disk: that must not end Footfall."""
    try:
        click.echo(text)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise


def _run_table(settings: Settings) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from embedded.stack import supervisor
    from embedded.supervisor import Supervisor
    from embedded.view import StatusTable

    console = Console()
    table = StatusTable(settings)
    noisy = (": starting", ": ready", ": done", ": stopped after", "stopping", "stopped")

    def watch(whole: Supervisor, line: str) -> None:
        if line.startswith("ready after"):
            live.console.print(Text(f"{line}\n{where_to_look(settings)}"), soft_wrap=True)
        elif not any(word in line for word in noisy):
            live.console.print(Text(line))
        live.update(table.render(whole), refresh=True)

    with Live(console=console, auto_refresh=False) as live:
        supervisor(settings, watch, tick=lambda w: live.update(table.render(w), refresh=True), tick_s=2.0).run()


def where_to_look(settings: Settings) -> str:
    """Addresses to try."""
    password = f"  (user reader, password in {settings.data_dir / 'secrets' / 'clickhouse_reader'})"
    return (
        f"  gateway  http://{settings.gateway_host}:{settings.gateway_port}/v1/batch\n"
        f"  store    {_store_url(settings)}"
        f"{password if settings.has_own_store else ''}\n"
        "  next     footfall site add shop.example.com"
    )


def _store_url(settings: Settings) -> str:
    scheme, (host, _) = "https" if settings.clickhouse_secure else "http", settings.store_hosts()[0]
    return f"{scheme}://{host}:{settings.clickhouse_http_port}"

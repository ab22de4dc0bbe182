"""`footfall worker list | release | reset`: who works on which partition of the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.plane import open_control
from cli.tables import show_table

if TYPE_CHECKING:
    from control import FlowPartition
    from footfall.settings import Settings

PATIENCE_S = 5.0  # with a store that does not answer


@click.group("worker")
def command() -> None:
    """Workers of the flow: list them, release or reset their partitions. See docs/scaling.md."""


@command.command("list")
def list_partitions() -> None:
    """Every partition: who works on it, and where its open sessions are."""
    from embedded.paths import resolve

    control = open_control(resolve(load_settings()))
    rows = [
        (row.partition, _state(row), row.worker, _seen(row.seen_at), row.place)
        for row in sorted(control.flow_partitions().values(), key=lambda row: row.partition)
    ]
    control.close()
    if not rows:
        click.echo("no worker has run yet")
        return
    show_table(("partition", "state", "worker", "seen", "open sessions are in"), rows, whole=("partition",))


def without_worker(settings: Settings) -> tuple[list[str], int]:
    """Partitions that nobody works on, and how many partitions there are: of those that the flow has to serve."""
    import control
    from flows.ownership import is_fresh
    from flows.serving import served_keys
    from flows.wiring import layouts_of

    plane = control.open(settings.control_plane_url())
    try:
        served = set(map(str, served_keys(layouts_of(settings, plane))))
        rows = [row for key, row in sorted(plane.flow_partitions().items()) if key in served]
    finally:
        plane.close()
    now = time.time_ns() // 1_000_000
    return [row.partition for row in rows if not is_fresh(row, now)], len(rows)


def _state(row: FlowPartition) -> str:
    from flows.ownership import is_fresh

    if not row.holder:
        return "reset"
    if row.holder.startswith("bundle:"):
        return "released"
    return "at work" if is_fresh(row, time.time_ns() // 1_000_000) else "stopped" if not row.seen_at else "silent"


def _seen(at_ms: int) -> str:
    from embedded.view import duration

    return f"{duration(time.time() - at_ms / 1000)} ago" if at_ms else "-"


@command.command("release")
@click.option(
    "--worker", type=click.IntRange(0), help="Only this worker's directory; else all in the data directory."
)
def release(worker: int | None) -> None:
    """Put the open sessions of this machine's stopped workers into the object store.

    Whoever starts next with one of their partitions takes them from there: that is how a
    partition goes to another machine. Nothing happens while one of the workers runs.
    """
    from embedded.paths import resolve
    from flows.home import Home, home_path, homes_in
    from flows.ownership import release_home
    from flows.wiring import mover

    settings = resolve(load_settings())
    control = open_control(settings)
    paths = homes_in(settings.data_dir)
    if worker is not None:
        paths = [path for path in paths if path == home_path(settings.data_dir, worker)]
    homes: list[Home] = []
    try:
        homes += map(Home, paths)
        released = [
            key
            for home in homes
            for key in release_home(home, control, mover(settings, control, PATIENCE_S), "released by hand")
        ]
    finally:
        for home in homes:
            home.close()
        control.close()
    click.echo(f"released {', '.join(released)}" if released else f"{settings.data_dir} holds no open sessions")


@command.command("reset")
@click.argument("partitions", nargs=-1, metavar="[PARTITION...]")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(partitions: tuple[str, ...], yes: bool) -> None:
    """Give up the open sessions of partitions (all, or those named, such as prod-0003).

    Whoever starts next with one of them goes on from where the store is filled, and makes open sessions
    again from what the log still keeps; those that began before that are closed, and repaired. For when a
    directory or a machine is lost.
    """
    from embedded.paths import resolve
    from flows.ownership import begin_anew
    from flows.serving import served_keys
    from flows.wiring import layouts_of, mover

    settings = resolve(load_settings())
    control = open_control(settings)
    known = list(map(str, served_keys(layouts_of(settings, control))))
    wrong = sorted(set(partitions) - set(known))
    if wrong:
        raise click.UsageError(f"there is no partition {wrong[0]}; there are {', '.join(known)}")
    chosen = list(partitions) or known
    if not yes:
        click.confirm(f"Give up the open sessions of {', '.join(chosen)}?", abort=True)
    try:
        for key in chosen:
            begin_anew(control, mover(settings, control, PATIENCE_S), key)
            click.echo(f"{key}: whoever starts with it next goes on from where the store is filled")
    finally:
        control.close()

"""`footfall repair`: sessions made anew from the stored events."""

from __future__ import annotations

import os
import socket
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import click
from rich.progress import Progress

from cli.common import load_settings
from cli.plane import open_control
from cli.tables import show_table

if TYPE_CHECKING:
    from jobs.job import JobContext

FIRST_DAY, LAST_DAY = date(1971, 1, 1), date(2199, 12, 31)


@click.command()
@click.option("--site", "site_name", help="Make every session of this site anew, not only those with late events.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="From this day of the site's time zone.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Up to and with this day.")
@click.option("--status", is_flag=True, help="Only show how much there is to do.")
def command(site_name: str | None, first: datetime | None, last: datetime | None, status: bool) -> None:
    """Make sessions with late events anew; with --site, all of a site (a new goal, for
    example, is applied to history so). The jobs process does the former by itself."""
    from embedded.paths import resolve
    from jobs.job import JobContext

    if (first or last) and not site_name:
        raise click.UsageError("--from and --to need --site")
    if first and last and first > last:
        raise click.UsageError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}: no day is in between")
    settings = resolve(load_settings())
    plane = open_control(settings)
    try:
        context = JobContext(settings=settings, control=plane)
        if status:
            _show(context)
            return
        if site_name:
            count = _mark(context, site_name, first, last)
            click.echo(f"{count:,} visitors of {site_name} are to be repaired")
        _run(context)
    finally:
        plane.close()


def _mark(context: JobContext, site_name: str, first: datetime | None, last: datetime | None) -> int:
    from footfall.zones import day_start
    from jobs.repair_list import mark_range

    site = context.control.site(site_name)
    start = day_start(first.date() if first else FIRST_DAY, site.timezone)
    end = day_start((last.date() if last else LAST_DAY) + timedelta(days=1), site.timezone)
    stage = context.settings.stage
    client = context.store(stage)
    try:
        return mark_range(client, stage, site.site_id, start, end, context.now_ms())
    finally:
        client.disconnect()


def _run(context: JobContext) -> None:
    from jobs.registry import job_named
    from jobs.runner import BusyError, Runner

    runner = Runner((), context, f"cli@{socket.gethostname()}:{os.getpid()}")
    with Progress(transient=True) as bar:
        task = bar.add_task("repairing", total=None)
        context.progress = lambda done, total: bar.update(task, completed=done, total=total)
        try:
            run = runner.run(job_named("repair"))
            while context.again and run.state == "done":
                run = runner.run(job_named("repair"))
        except BusyError:
            click.echo("The jobs process is at it; `footfall repair --status` shows how far it is.")
            return
    click.echo(run.detail)
    if run.state != "done":
        raise click.exceptions.Exit(1)


def _show(context: JobContext) -> None:
    from jobs.repair_list import backlog
    from jobs.stored import has_tables, stored_until

    headers = ("stage", "visitors waiting", "events that call for it", "oldest mark (UTC)", "stored up to (UTC)")
    rows = []
    for stage in context.stages:
        client = context.store(stage)
        try:
            if has_tables(client):
                left, until = backlog(client), stored_until(client, partial(context.layout, stage))
                mark = left.oldest_mark.strftime("%Y-%m-%d %H:%M:%S") if left.oldest_mark else ""
                reached = datetime.fromtimestamp(until / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if until else ""
                rows.append((stage, f"{left.visitors:,}", f"{left.events:,}", mark, reached))
        finally:
            client.disconnect()
    show_table(headers, rows)

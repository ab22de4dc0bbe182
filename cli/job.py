"""`footfall job list | run NAME`: scheduled work."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime

import click

from cli.common import load_settings
from cli.plane import open_control
from cli.tables import show_table


@click.group("job")
def command() -> None:
    """Scheduled work: list it, run it now."""


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if at_ms else "never"


@command.command("list")
@click.option("--history", type=click.IntRange(0, 200), default=0, help="Also show so many runs of each job.")
def list_jobs(history: int) -> None:
    """Every job, when it runs, and how its last run ended."""
    from embedded.paths import resolve
    from jobs.registry import JOBS

    control = open_control(resolve(load_settings()))
    rows = []
    for job in JOBS:
        runs = control.job_runs(job.name, limit=max(1, history))
        if not runs:
            rows.append((job.name, job.schedule(), "never", "-", job.what))
        rows += [(job.name, job.schedule(), _time(run.started_at), run.state, run.detail) for run in runs]
    control.close()
    show_table(("job", "runs", "last run (UTC)", "state", "result"), rows, whole=("job", "state"))


@command.command("run")
@click.argument("name")
def run_job(name: str) -> None:
    """Run a job now, here, and say what it did."""
    from embedded.paths import resolve
    from jobs.job import JobContext
    from jobs.registry import job_named
    from jobs.runner import BusyError, Runner

    settings = resolve(load_settings())
    control = open_control(settings)
    context = JobContext(settings=settings, control=control)
    try:
        job = job_named(name)
        runner = Runner((job,), context, f"{socket.gethostname()}:{os.getpid()}")
        run = runner.run(job)
        while context.again:
            run = runner.run(job)
    except (LookupError, BusyError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        control.close()
    click.echo(f"{name}: {run.detail}")
    if run.state != "done":
        raise click.exceptions.Exit(1)

"""Whether scheduled work gets done: read from the history of runs, whatever process is up."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from msgspec import Struct

from cli.plane import control_file, open_control
from cli.trouble import Trouble
from control.jobs import JobRun
from control.plane import Control
from embedded.view import duration
from footfall.settings import Settings
from jobs.job import Job
from jobs.registry import JOBS
from jobs.runner import LEASE_MS

FAILED_RUNS = 3  # in a row; one or two are a part that was just restarted
LATE_PERIODS = 3
# A run takes some 20 s and lets the others have their turn. Longer than this it hangs,
# even if its process lives and renews the lease.
LONGEST_RUN_MS = 15 * 60_000
HISTORY = 50


class Worker(Struct, frozen=True):
    """Who should be running the jobs."""

    pid: int  # of the jobs process; 0: there is none now
    up_ms: int  # how long Footfall has been up
    log: str


def job_troubles(settings: Settings, worker: Worker, now: int) -> list[Trouble]:
    """What is wrong with the jobs of a Footfall that runs. Changes nothing."""
    from sqlalchemy.exc import SQLAlchemyError

    from control import ControlError
    from control.migrations import SchemaTooNewError

    path = control_file(settings)
    if path is not None and not path.exists():
        return [Trouble("jobs", f"there is no control plane at {path}", "was it deleted? Restart Footfall")]
    try:
        plane = open_control(settings)
        try:
            at_work = plane.at_work(now=now)
            silences = [one for stage in settings.topics() for one in _silent(plane, stage, now)]
            histories = [(job, plane.job_runs(job.name, limit=HISTORY)) for job in JOBS]
        finally:
            plane.close()
    except (ControlError, SchemaTooNewError, SQLAlchemyError, OSError) as error:
        found = f"the control plane cannot be read: {_short(str(error))}"
        return [Trouble("jobs", found, f"see {worker.log}; `footfall job list` tries again")]
    looked_at = (judge_job(job, runs, at_work, worker, now) for job, runs in histories)
    return silences + [trouble for trouble in looked_at if trouble is not None]


def _silent(plane: Control, stage: str, now: int) -> list[Trouble]:
    from jobs.silence import known

    return [
        Trouble(
            "silence",
            f"stage {stage}: {site} has been silent for {duration((now - watch.since) / 1000)}: "
            f"{watch.count} events in 2 h where {watch.usual:,.0f} are usual",
            "is the site up, is the tag still on its pages, does its domain or key still hold? docs/runbook.md",
            grave=False,
        )
        for site, watch in known(plane, stage).items()
        if watch.since
    ]


def judge_job(
    job: Job, runs: Sequence[JobRun], at_work: Sequence[JobRun], worker: Worker, now: int
) -> Trouble | None:
    """What is wrong with one job, by its runs (newest first); None if nothing is."""
    ended = [run for run in runs if run.state in ("done", "failed")]
    failed = list(itertools.takewhile(lambda run: run.state == "failed", ended))
    if len(failed) >= FAILED_RUNS:
        return _failing(job, failed, worker, now)
    limit = LATE_PERIODS * _period_ms(job, now) + LEASE_MS
    # An end in the future is no better than one of long ago: a clock was set back.
    idle = abs(now - ended[0].finished_at) if ended else worker.up_ms
    if min(idle, worker.up_ms) <= limit or any(_excuses(run, job, worker, now) for run in at_work):
        return None
    return _late(job, ended, at_work, worker, now)


def _failing(job: Job, failed: Sequence[JobRun], worker: Worker, now: int) -> Trouble:
    ago = duration((now - failed[0].finished_at) / 1000)
    times = f"{len(failed)} times" + (" or more" if len(failed) == HISTORY else "")
    return Trouble(
        "jobs",
        f"job {job.name} failed {times} in a row, last {ago} ago: {_short(failed[0].detail)}",
        f"mend what the error names, then `footfall job run {job.name}`; {worker.log} has all of it",
    )


def _late(job: Job, ended: Sequence[JobRun], at_work: Sequence[JobRun], worker: Worker, now: int) -> Trouble:
    last = f"for {duration(abs(now - ended[0].finished_at) / 1000)}" if ended else "yet"
    found = f"job {job.name} has finished no run {last} (it is due {job.schedule()})"
    hanging = next((run for run in at_work if now - run.started_at >= LONGEST_RUN_MS), None)
    if hanging is not None:
        found += f"; {hanging.job} has been at one run for {duration((now - hanging.started_at) / 1000)}"
    if worker.pid:
        mend = (
            f"the jobs process hangs: end it with `kill -9 {worker.pid}`, it is started again at once and loses "
            f"nothing; {worker.log} says what it did last"
        )
    else:
        mend = f"the jobs process does not stay up: {worker.log} says why"
    return Trouble("jobs", found, mend)


def _excuses(run: JobRun, job: Job, worker: Worker, now: int) -> bool:
    """Whether this run is why the job is late: it is the job's own, or the jobs process is
    busy with it, which does one thing after the other."""
    ours = run.holder.endswith(f":{worker.pid}") and not run.holder.startswith("cli@")
    return now - run.started_at < LONGEST_RUN_MS and (run.job == job.name or ours)


def _period_ms(job: Job, now: int) -> int:
    first = job.due_after(now)
    return job.due_after(first) - first


def _short(text: str) -> str:
    return " ".join(text.split())[:300]

"""Everything that runs by itself: the literal list.

To add a job: a function `(JobContext) -> str` and a line here; docs/jobs.md lists them.
A job may be killed at any point and run twice: it must come to the same.
"""

from __future__ import annotations

from datetime import time, timedelta

from jobs.job import Job, JobContext


def _repair(context: JobContext) -> str:
    from jobs.repair import repair

    return repair(context)


def _rollup_hours(context: JobContext) -> str:
    from jobs.rollups import HOURS, rollup

    return rollup(context, HOURS)


def _rollup_days(context: JobContext) -> str:
    from jobs.rollups import DAYS, rollup

    return rollup(context, DAYS)


def _drain_log(context: JobContext) -> str:
    from jobs.draining import drain

    return drain(context)


def _forget_salts(context: JobContext) -> str:
    return f"{context.control.forget_salts(context.now_ms())} salts forgotten"


def _silence(context: JobContext) -> str:
    from jobs.silence import look_for_silence

    return look_for_silence(context)


def _archive_retention(context: JobContext) -> str:
    from jobs.archive import forget_archive

    return forget_archive(context)


JOBS: tuple[Job, ...] = (
    Job("repair", "Sessions of visitors with late events, made anew.", _repair, every=timedelta(seconds=30)),
    Job("rollup_hours", "Closed hours, and those that changed.", _rollup_hours, every=timedelta(minutes=2)),
    Job("rollup_days", "Closed days, and those that changed.", _rollup_days, every=timedelta(minutes=5)),
    Job("drain_log", "Older generations of a log that grew.", _drain_log, every=timedelta(seconds=30)),
    Job("forget_salts", "Salts of daily visitor ids older than 48 h.", _forget_salts, every=timedelta(minutes=15)),
    Job("archive_retention", "Raw archive older than its days.", _archive_retention, daily_at=time(2, 20)),
    Job("silence", "Sites that are silent against their usual week.", _silence, every=timedelta(minutes=10)),
)


def job_named(name: str) -> Job:
    """The job; `LookupError` names those there are."""
    for job in JOBS:
        if job.name == name:
            return job
    raise LookupError(f"no job {name}: there are {', '.join(job.name for job in JOBS)}")

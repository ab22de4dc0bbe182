"""Runs jobs when they are due: one holder at a time, made up for after downtime.

Schedules and history are in the control plane alone, so it does not matter which
process ran a job last, or when this one was started.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from control.errors import ControlAwayError, ControlError, ControlFullError
from control.jobs import JobRun
from jobs.job import Job, JobContext, StoppedError
from sinks.clickhouse import in_one_line, is_away

LEASE_MS = 60_000
RENEW_S = 15.0
JITTER_MS = 2_000
BACKOFF_MS = (5_000, 600_000)
LONGEST_SLEEP_S = 60.0

_log = logging.getLogger(__name__)


class BusyError(Exception):
    """Somebody else holds the job's lease."""


def next_due(job: Job, runs: Sequence[JobRun], start_ms: int, now: int) -> int:
    """When the job is to run next. `runs`: its history, newest first; `start_ms`: when
    this process started, before which nothing could be run."""
    if not runs:
        return start_ms if job.every is not None else job.due_after(start_ms)
    last = runs[0]
    if last.state != "running" and max(last.started_at, last.finished_at) > now:
        return now  # the clock was ahead then: do not wait until it comes there again
    if last.state == "failed":
        failures = next((n for n, run in enumerate(runs) if run.state != "failed"), len(runs))
        shortest, longest = BACKOFF_MS
        return last.finished_at + min(longest, shortest << min(failures - 1, 10))
    if last.state == "abandoned":
        return start_ms
    if last.state == "running":  # by its holder, or dead: the lease tells at the next look
        return last.started_at + LEASE_MS
    due = job.due_after(last.started_at)
    if due < start_ms:
        return start_ms if job.catch_up else job.due_after(start_ms)
    return due


class Runner:
    """Runs a list of jobs, one after the other, until told to stop."""

    def __init__(self, jobs: Sequence[Job], context: JobContext, holder: str) -> None:
        self._jobs = jobs
        self._context = context
        self._holder = holder
        self._start_ms = context.now_ms()
        self._due: dict[str, int] = {}
        self._again: set[str] = set()  # jobs that had more to do than one run takes

    def run_forever(self) -> None:
        """Until `context.stop` is set; the step that runs then is finished first."""
        for job in self._jobs:
            self._plan(job)
        while not self._context.stop.is_set():
            name = min(self._due, key=lambda known: self._due[known])
            wait_s = (self._due[name] - self._context.now_ms()) / 1000
            if wait_s > 0:
                # A clock that is set back must not stop the jobs for as long.
                self._context.stop.wait(min(wait_s, LONGEST_SLEEP_S))
                continue
            self._run_due(next(job for job in self._jobs if job.name == name))

    def _plan(self, job: Job) -> None:
        due = next_due(
            job, self._context.control.job_runs(job.name, limit=12), self._start_ms, self._context.now_ms()
        )
        self._due[job.name] = due + random.randrange(JITTER_MS)

    def _run_due(self, job: Job) -> None:
        now = self._context.now_ms()
        due = next_due(
            job, self._context.control.job_runs(job.name, limit=12), self._start_ms, self._context.now_ms()
        )
        if due > now and job.name not in self._again:  # another process has run it meanwhile
            self._plan(job)
            return
        self._again.discard(job.name)
        try:
            self.run(job, due_at=min(due, now))
        except BusyError:
            self._due[job.name] = now + LEASE_MS // 2
            return
        self._plan(job)
        if self._context.again:
            self._again.add(job.name)
            # After whatever else is due by now: a long job must not keep the others waiting.
            self._due[job.name] = self._context.now_ms()

    def run(self, job: Job, due_at: int = 0) -> JobRun:
        """Run it now; the finished run. `BusyError` if somebody else is at it."""
        context, control = self._context, self._context.control
        run_id = control.claim(job.name, self._holder, LEASE_MS, now=context.now_ms(), due_at=due_at)
        if run_id is None:
            raise BusyError(f"{job.name} is being run by another process; see `footfall job list`")
        context.again = False
        context.lost.clear()
        ok, detail = False, ""
        try:
            with self._renewing(run_id):
                detail = job.run(context)
            ok = True
        except StoppedError as stopped:
            ok, detail = True, str(stopped)
        except Exception as error:  # noqa: BLE001 - recorded with its message, and tried again
            detail = _failure(job, error)
        finally:
            control.finish(run_id, now=context.now_ms(), ok=ok, detail=detail)
        if ok:
            _log.info("job %s: %s", job.name, detail)
        return next(run for run in control.job_runs(job.name, limit=5) if run.run_id == run_id)

    @contextmanager
    def _renewing(self, run_id: int) -> Iterator[None]:
        """Hold on to the lease while the job works; a lost lease stops the job."""
        done = threading.Event()

        def renew() -> None:
            until = time.monotonic() + LEASE_MS / 1000
            while not done.wait(RENEW_S):
                asked = time.monotonic()
                try:
                    held = self._renewed(run_id)
                except ControlAwayError as error:
                    # Nobody else gets the lease before its time; by then this run has to have ended.
                    _log.warning("%s", error)
                    if time.monotonic() + RENEW_S < until:
                        continue
                    held = False
                if not held:
                    self._context.lost.set()
                    return
                until = asked + LEASE_MS / 1000

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renewed(self, run_id: int) -> bool:
        try:
            return self._context.control.renew(run_id, LEASE_MS, now=self._context.now_ms())
        except ControlFullError as error:  # as good as lost: it ends before anybody can say so
            _log.error("%s", error)
            return False


def _failure(job: Job, error: Exception) -> str:
    """What is recorded of it, and told: where something is away, in one line that says all."""
    if isinstance(error, ControlError) or is_away(error):
        detail = str(error) if isinstance(error, ControlError) else f"the store: {in_one_line(error)}"
        _log.error("job %s failed: %s", job.name, detail)
        return detail
    _log.error("job %s failed", job.name, exc_info=error)
    return f"{type(error).__name__}: {error}"

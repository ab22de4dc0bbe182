"""Makes an import's sessions at once, rather than when the repair job next comes by."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta

from control import Control
from footfall.settings import Settings

BUSY_TIMEOUT = timedelta(minutes=30)
BUSY_POLL_S = 0.5


def make_sessions(settings: Settings, plane: Control, tick: Callable[[], None]) -> str:
    """Run the repair job until it has nothing left to do; what it said last.

    Where the jobs process runs it just now, wait for that: one holder at a time.
    """
    from jobs.job import JobContext
    from jobs.registry import job_named
    from jobs.runner import BusyError, Runner

    context = JobContext(settings=settings, control=plane, progress=lambda _done, _total: tick())
    runner = Runner((), context, f"import@{socket.gethostname()}:{os.getpid()}")
    job = job_named("repair")
    deadline = time.monotonic() + BUSY_TIMEOUT.total_seconds()
    while True:
        try:
            run = runner.run(job)
        except BusyError:
            if time.monotonic() > deadline:
                return "the repair job is busy: sessions follow by themselves"
            tick()
            time.sleep(BUSY_POLL_S)
            continue
        if run.state != "done":
            return f"repair failed, the jobs process tries again: {run.detail}"
        if not context.again:
            return run.detail

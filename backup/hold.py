"""No job runs for a while: what jobs have still to do, and what they made of it, is then read as one.

The leases are those the jobs themselves take. If this process dies they run out within a minute.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backup.errors import BackupError
from control import Control, ControlAwayError
from jobs.job import wall_ms
from jobs.registry import JOBS
from jobs.runner import LEASE_MS, RENEW_S

WAIT_S = 300.0  # for those that run; a run takes half a minute
POLL_S = 0.5
# They touch no table of a backup, and salts have to go in time.
NOT_HELD = {"forget_salts", "silence", "archive_retention"}


class Held:
    """The leases."""

    def __init__(self, runs: list[int]) -> None:
        self.runs = runs
        self.lost = threading.Event()

    def check(self) -> None:
        """`BackupError` if a job may have run meanwhile."""
        if self.lost.is_set():
            raise BackupError("the control plane did not answer for so long that jobs may have run: try again")


@contextmanager
def jobs_held(plane: Control) -> Iterator[Held]:
    """Waits for the jobs that run now. `check` at the end of the block tells whether none did."""
    held = Held([])
    done = threading.Event()
    renewing = threading.Thread(target=_renew, args=(plane, held, done), name="leases", daemon=True)
    renewing.start()
    try:
        for job in JOBS:
            if job.name not in NOT_HELD:
                held.runs.append(_claim(plane, job.name))
        yield held
        held.check()
    finally:
        done.set()
        renewing.join()
        for run_id in held.runs:
            plane.finish(run_id, now=wall_ms(), ok=True, detail="waited for a backup")


def _claim(plane: Control, job: str) -> int:
    holder = f"backup@{socket.gethostname()}:{os.getpid()}"
    deadline = time.monotonic() + WAIT_S
    while (run_id := plane.claim(job, holder, LEASE_MS, now=wall_ms())) is None:
        if time.monotonic() > deadline:
            raise BackupError(
                f"job {job} runs for more than {WAIT_S:g} s; see `footfall job list`, then try again"
            )
        time.sleep(POLL_S)  # between two looks: the lease is free once that run ends
    return run_id


def _renew(plane: Control, held: Held, done: threading.Event) -> None:
    while not done.wait(RENEW_S):
        try:
            kept = all(plane.renew(run_id, LEASE_MS, now=wall_ms()) for run_id in tuple(held.runs))
        except ControlAwayError:
            kept = False
        if not kept:
            held.lost.set()
            return

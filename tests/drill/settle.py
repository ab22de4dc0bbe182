"""From the end of the traffic to a verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from unittest.mock import patch

import control
from control import Control
from jobs import repair
from jobs.job import JobContext
from jobs.registry import job_named
from jobs.runner import BusyError, Runner
from tests.drill.archived import check_archive
from tests.drill.checker import check
from tests.drill.pieces import Pieces
from tests.drill.stack import HOST, LATENESS_S, WINDOW_S, ZONE, Stack, wait_for
from tests.drill.visitors import Told

JOBS = ("repair", "rollup_hours", "rollup_days")
CLOSING_MS = (WINDOW_S + LATENESS_S) * 1000


def settle(
    stack: Stack | Pieces,
    told: Mapping[bytes, Told],
    timeout_s: float = 60,
    site_id: str = HOST,
    table: str = "events",
) -> list[str]:
    """What is still wrong once everything had time to settle; [] as soon as nothing is.

    To be called when the traffic has ended. `table`: see `check`.
    """
    ended = time.time_ns() // 1_000_000
    plane = control.open(stack.settings.control_plane_url())
    try:
        wait_for("all sessions to close", lambda: stack.stored_until() > ended + CLOSING_MS, timeout_s)
        deadline = time.monotonic() + timeout_s
        while True:
            run_jobs(stack, plane)
            client = stack.client()
            closed_before = ended - 600_000
            problems = check(client, told, WINDOW_S * 1000, closed_before, site_id, ZONE, table)
            client.disconnect()
            problems += check_archive(stack.settings, told)
            if not problems or time.monotonic() > deadline:
                return problems
    finally:
        plane.close()


def run_jobs(stack: Stack | Pieces, plane: Control) -> None:
    """As `footfall job run` does. The jobs process goes on beside it: what it holds is left to it.

    Repair keeps a margin for open sessions the flow has not written yet; here all are closed,
    and it need not be waited for.
    """
    context = JobContext(settings=stack.settings, control=plane)
    runner = Runner([], context, "drill")
    for name in JOBS:
        try:
            with patch.object(repair, "MARGIN_MS", 0):
                run = runner.run(job_named(name))
                while context.again:
                    run = runner.run(job_named(name))
        except BusyError:
            continue
        assert run.state == "done", f"{name}: {run.detail}"

"""A lease that cannot be renewed for lack of room is as good as lost: the job ends, and runs again.

That the control plane says so on a disk that is really full is shown in tests/control. When a
renewal hits it cannot be forced: its one page mostly finds room where others have been.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import control
from control import Control, ControlFullError
from footfall.settings import Settings
from jobs import runner
from jobs.job import Job, JobContext
from jobs.runner import Runner


def test_the_job_ends_and_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> bool:
        raise ControlFullError("no room")

    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    context = JobContext(settings=Settings(), control=plane, now_ms=lambda: 1_000_000)

    def work(context: JobContext) -> str:
        assert context.lost.wait(30)
        context.check()
        return "not reached"

    monkeypatch.setattr(runner, "RENEW_S", 0.02)
    with monkeypatch.context() as patched:
        patched.setattr(Control, "renew", full)
        first = Runner((), context, "me").run(Job("job", "A job.", work, every=timedelta(minutes=1)))
    assert (first.state, first.detail.partition(":")[0]) == ("failed", "LeaseLostError")
    again = Job("job", "A job.", lambda _context: "made up for", every=timedelta(minutes=1))
    assert Runner((), context, "me").run(again).state == "done"
    plane.close()

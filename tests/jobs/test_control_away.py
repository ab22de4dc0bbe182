"""A database server that is away for a moment costs no job its run; away for as long as a lease, it does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import control
from control import Control, ControlAwayError
from footfall.settings import Settings
from jobs import runner
from jobs.job import Job, JobContext
from jobs.runner import Runner


@pytest.mark.parametrize(("times", "state"), [(3, "done"), (1_000_000, "failed")])
def test_a_lease_is_lost_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, state: str
) -> None:
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    context = JobContext(settings=Settings(), control=plane, now_ms=lambda: 1_000_000)
    renewed: list[bool] = []

    def renew(*_: object, **__: object) -> bool:
        renewed.append(len(renewed) >= times)
        if not renewed[-1]:
            raise ControlAwayError("it is away")
        return True

    def work(context: JobContext) -> str:
        while not context.lost.wait(0.01) and True not in renewed:
            pass
        context.check()
        return "went on"

    monkeypatch.setattr(runner, "RENEW_S", 0.02)
    monkeypatch.setattr(runner, "LEASE_MS", 500)
    monkeypatch.setattr(Control, "renew", renew)
    run = Runner((), context, "me").run(Job("job", "A job.", work, every=timedelta(minutes=1)))
    assert run.state == state
    assert run.detail == "went on" or run.detail.startswith("LeaseLostError")
    plane.close()

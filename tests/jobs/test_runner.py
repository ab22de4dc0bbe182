from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import pytest
from clickhouse_driver.errors import NetworkError

from control.plane import Control
from control.plane import open as open_control
from footfall.settings import Settings
from jobs import runner as runner_module
from jobs.job import Job, JobContext, LeaseLostError
from jobs.runner import BACKOFF_MS, JITTER_MS, LEASE_MS, BusyError, Runner, next_due

START = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    made = open_control(f"sqlite:///{tmp_path / 'control.db'}")
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def context_of(control: Control, clock: Callable[[], int]) -> JobContext:
    return JobContext(settings=Settings.model_validate({}), control=control, now_ms=clock)


def minutely(run: Callable[[JobContext], str], name: str = "tick") -> Job:
    return Job(name, "a test", run, every=timedelta(minutes=1))


def noting(ran: list[int]) -> Callable[[JobContext], str]:
    def run(context: JobContext) -> str:
        ran.append(context.now_ms())
        return "done"

    return run


class Stepped(Runner):
    """Goes through what is due at a time of the test's, without sleeping."""

    def step(self) -> None:
        for job in self._jobs:
            if job.name not in self._due:
                self._plan(job)
        for job in sorted(self._jobs, key=lambda job: self._due[job.name]):
            if self._due[job.name] <= self._context.now_ms():
                self._run_due(job)


def test_runs_at_start_then_every_minute(control: Control, clock: Clock) -> None:
    ran: list[int] = []
    runner = Stepped([minutely(noting(ran))], context_of(control, clock), "a")
    for _ in range(5 * 60):
        runner.step()
        clock.now += 1000
    assert len(ran) == 5
    assert ran[0] - START <= JITTER_MS
    assert all(MINUTE <= later - sooner <= MINUTE + JITTER_MS + 1000 for sooner, later in itertools.pairwise(ran))


def test_a_missed_schedule_is_made_up_for_once(control: Control, clock: Clock) -> None:
    daily = Job("daily", "a test", lambda c: "done", daily_at=clock_time(13, 0))
    runner = Stepped([daily], context_of(control, clock), "a")
    runner.step()
    assert control.job_runs("daily") == []  # a new installation waits for the first time
    clock.now = START + 61 * MINUTE
    runner.step()
    assert len(control.job_runs("daily")) == 1
    clock.now += 5 * 24 * 60 * MINUTE  # five days of downtime
    again = Stepped([daily], context_of(control, clock), "b")
    again.step()
    clock.now += JITTER_MS
    again.step()
    again.step()
    assert [run.holder for run in control.job_runs("daily")] == ["b", "a"]
    clock.now += 24 * 60 * MINUTE
    again.step()
    assert len(control.job_runs("daily")) == 3


def test_without_catch_up_a_missed_time_is_missed(control: Control, clock: Clock) -> None:
    job = Job("daily", "a test", lambda c: "done", daily_at=clock_time(13, 0), catch_up=False)
    Runner([job], context_of(control, clock), "a").run(job)
    start = START + 3 * 24 * 60 * MINUTE
    due = next_due(job, control.job_runs("daily"), start, start)
    assert due == start + 60 * MINUTE


def test_a_failure_is_recorded_and_backs_off(control: Control, clock: Clock) -> None:
    def fail(_: JobContext) -> str:
        raise RuntimeError("the store says no")

    job = minutely(fail)
    runner = Stepped([job], context_of(control, clock), "a")
    waits = []
    for _ in range(4):
        runner.run(job)
        waits.append(next_due(job, control.job_runs("tick"), START, clock.now) - clock.now)
    assert waits == [BACKOFF_MS[0] * 2**n for n in range(4)]
    last = control.job_runs("tick")[0]
    assert (last.state, last.detail) == ("failed", "RuntimeError: the store says no")


def test_a_store_that_is_away_is_one_line(
    control: Control, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: JobContext) -> str:
        raise NetworkError("Connection refused (127.0.0.1:9000)")

    run = Runner([], context_of(control, clock), "a").run(minutely(fail))
    assert (run.state, run.detail) == ("failed", "the store: Code: 210. Connection refused (127.0.0.1:9000)")
    [told] = caplog.records
    assert told.getMessage() == f"job tick failed: {run.detail}"
    assert told.exc_info is None


def test_one_holder_at_a_time_and_a_dead_one_is_replaced(control: Control, clock: Clock) -> None:
    job = minutely(lambda c: "done")
    first, second = (Runner([job], context_of(control, clock), name) for name in "ab")
    assert control.claim("tick", "a", LEASE_MS, now=clock.now) is not None  # and dies
    with pytest.raises(BusyError, match="footfall job list"):
        second.run(job)
    clock.now += LEASE_MS
    assert second.run(job).state == "done"
    assert [run.state for run in control.job_runs("tick")] == ["done", "abandoned"]
    assert first.run(job).state == "done"


def test_two_runners_share_the_work(control: Control, clock: Clock) -> None:
    ran: list[int] = []
    job = minutely(noting(ran))
    runners = [Stepped([job], context_of(control, clock), name) for name in "ab"]
    for _ in range(5 * 60):
        for runner in runners:
            runner.step()
        clock.now += 1000
    assert len(ran) == 5


def test_a_lost_lease_stops_the_job(control: Control, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "RENEW_S", 0.02)
    stopped = threading.Event()

    def work(context: JobContext) -> str:
        clock.now += LEASE_MS + 1  # the machine was asleep
        assert control.claim("tick", "b", LEASE_MS, now=clock.now) is not None
        for _ in range(1000):
            try:
                context.check()
            except LeaseLostError:
                stopped.set()
                raise
            time.sleep(0.01)
        return "went on"

    job = minutely(work)
    run = Runner([job], context_of(control, clock), "a").run(job)
    assert stopped.is_set()
    assert run.state == "abandoned"  # what the new holder made of it stands


def test_a_job_with_more_to_do_does_not_keep_others_waiting(control: Control, clock: Clock) -> None:
    ran: list[str] = []

    def long(context: JobContext) -> str:
        ran.append("long")
        context.again = ran.count("long") < 3
        return "a part"

    def short(_: JobContext) -> str:
        ran.append("short")
        return "done"

    jobs = [minutely(long, "long"), minutely(short, "short")]
    runner = Stepped(jobs, context_of(control, clock), "a")
    clock.now += JITTER_MS
    for _ in range(4):
        runner.step()
        clock.now += 1000
    assert sorted(ran) == ["long", "long", "long", "short"]
    assert ran.index("short") < 3 or ran[-1] == "short"


def test_the_process_ends_on_sigterm_and_idles_cheaply(tmp_path: Path) -> None:
    environment = {**os.environ, "FOOTFALL_DATA_DIR": str(tmp_path), "FOOTFALL_CLICKHOUSE_PORT": "1"}
    process = subprocess.Popen([sys.executable, "-m", "jobs"], env=environment, stderr=subprocess.PIPE, text=True)
    control = open_control(f"sqlite:///{tmp_path / 'control.db'}")
    deadline = time.monotonic() + 30
    while not any(run.state == "failed" for run in control.job_runs()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=20)
    assert process.returncode == 0, log
    # No store: said plainly, tried again later, and no lease left behind.
    failed = [run.detail for run in control.job_runs() if run.state == "failed"]
    assert any("no password for store user" in detail or "forgotten" in detail for detail in failed), failed
    for run in control.job_runs():
        assert run.state in ("failed", "done")
        assert control.claim(run.job, "next", 1000, now=run.finished_at) is not None
    control.close()

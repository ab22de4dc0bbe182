"""`status` and `doctor` mind work that is not done: jobs that fail, or that nobody runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import control
from cli import health as health_module
from cli.health import look
from cli.jobs_health import FAILED_RUNS, LONGEST_RUN_MS, Worker, job_troubles, judge_job
from control import Control, JobRun
from footfall.settings import Settings
from jobs.job import Job
from jobs.registry import JOBS
from jobs.runner import LEASE_MS
from tests.cli.conftest import Installation

NOW = 1_700_000_000_000
PERIOD = 30_000
LIMIT = 3 * PERIOD + LEASE_MS
REPAIR = Job("repair", "a test", lambda _context: "", every=timedelta(milliseconds=PERIOD))
LONG_UP = Worker(77, 10 * LIMIT, "jobs.log")


def run_of(state: str, ended: int, *, job: str = "repair", started: int = 0, holder: str = "host:77") -> JobRun:
    return JobRun(
        run_id=1, job=job, holder=holder, due_at=0, started_at=started or ended - 5, finished_at=ended,
        state=state, detail="StoreError: no\n  answer",
    )  # fmt: skip


def found(runs: list[JobRun], at_work: list[JobRun] | None = None, worker: Worker = LONG_UP) -> str:
    trouble = judge_job(REPAIR, runs, at_work or [], worker, NOW)
    return f"{trouble.found} -> {trouble.mend}" if trouble else ""


def test_a_job_that_runs_is_well() -> None:
    assert not found([run_of("done", NOW - LIMIT)])
    assert not found([run_of("running", 0, started=NOW - 5), run_of("done", NOW - PERIOD)])
    assert not found([run_of("failed", NOW - 9)] * (FAILED_RUNS - 1) + [run_of("done", NOW - 50)])


def test_a_job_that_keeps_failing_is_named_with_its_error() -> None:
    says = found([run_of("running", 0), *[run_of("failed", NOW - 9000)] * FAILED_RUNS, run_of("done", NOW - 50)])
    assert "job repair failed 3 times in a row, last 9 s ago: StoreError: no answer" in says
    assert "footfall job run repair" in says
    assert "jobs.log" in says


def test_a_job_that_nobody_runs_is_late() -> None:
    says = found([run_of("done", NOW - LIMIT - 1)])
    assert "job repair has finished no run for 3 min (it is due every 30 s)" in found(
        [run_of("done", NOW - 180_000)]
    )
    assert "kill -9 77" in says
    # Whoever dies in the middle of it again and again never ends a run.
    assert found([run_of("abandoned", NOW - 5)] * 3 + [run_of("done", NOW - LIMIT - 1)])
    assert "no run yet" in found([])
    assert "does not stay up" in found([], worker=Worker(0, 10 * LIMIT, "jobs.log"))
    assert found([run_of("done", NOW + 10 * LIMIT)])  # the clock was set back


def test_it_is_not_late_before_it_had_the_time() -> None:
    just_up = Worker(77, LIMIT, "jobs.log")
    assert not found([], worker=just_up)
    assert not found([run_of("done", NOW - 10**9)], worker=just_up)


def test_one_that_is_at_work_may_take_longer_but_not_for_ever() -> None:
    old = [run_of("done", NOW - 10 * LIMIT)]
    busy = run_of("running", 0, job="rollup_days", started=NOW - LONGEST_RUN_MS + 1)
    assert not found(old, [busy])
    assert not found(old, [run_of("running", 0, started=NOW - LIMIT, holder="cli@host:5")])
    # Somebody else's run of another job is no reason.
    assert found(old, [run_of("running", 0, job="rollup_days", started=NOW - 5, holder="host:177")])
    hanging = run_of("running", 0, job="rollup_days", started=NOW - LONGEST_RUN_MS)
    assert "rollup_days has been at one run for 15 min" in found(old, [hanging])


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Control]:
    made = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    yield made
    made.close()


def done(plane: Control, job: str, at: int, ok: bool = True) -> None:
    run_id = plane.claim(job, "host:77", LEASE_MS, now=at)
    assert run_id is not None
    plane.finish(run_id, now=at, ok=ok, detail="" if ok else "OSError: it is broken")


def test_every_job_of_the_list_is_looked_at(plane: Control, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    worker = Worker(77, 10**9, "jobs.log")
    assert len(job_troubles(settings, worker, NOW)) == len(JOBS)
    for job in JOBS:
        done(plane, job.name, NOW - 1000)
    assert job_troubles(settings, worker, NOW) == []
    assert "there is no control plane" in job_troubles(Settings(data_dir=tmp_path / "x"), worker, NOW)[0].found
    assert not (tmp_path / "x").exists()
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "control.db").write_text("no database " * 100)
    assert "cannot be read" in job_troubles(Settings(data_dir=tmp_path / "y"), worker, NOW)[0].found


class FakeFootfall:
    """A Footfall that runs and stores its heartbeats, as far as `look` can tell."""

    def __init__(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = Settings(data_dir=data_dir, partitions=1)
        self.up_s = 10_000.0
        self.ages = {"footfall_prod": 1.0, "footfall_dev": 1.0}
        monkeypatch.setattr(health_module, "read_status", lambda _settings: self.status())
        monkeypatch.setattr(health_module, "query_store", self.query)

    def status(self) -> dict[str, Any]:
        since = time.time() - self.up_s
        part = {"pid": 77, "state": "ready", "up_since": since, "restarts": 0}
        return {"pid": 1, "started_at": since, "parts": {"flow": part, "jobs": part}}

    def query(self, _settings: Settings, sql: str) -> str:
        for database, age in self.ages.items():
            if f"{database}.progress" in sql:
                return f"0\t{int((time.time() - age) * 1000)}\t5\n"
        return "" if "ledger" in sql else "0\t0\n"


@pytest.fixture
def fake(plane: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFootfall:
    for job in JOBS:
        done(plane, job.name, time.time_ns() // 1_000_000)
    return FakeFootfall(tmp_path, monkeypatch)


def test_all_well(fake: FakeFootfall) -> None:
    health = look(fake.settings)
    assert (health.ok, health.troubles) == (True, [])


def test_no_room_is_told_of_a_directory_that_is_not_there(tmp_path: Path) -> None:
    health = look(Settings(data_dir=tmp_path / "nowhere"))
    assert not health.ok
    assert not [line for line in health.lines() if line.startswith("disk")]
    assert [line for line in look(Settings(data_dir=tmp_path)).lines() if line.startswith("disk")]


def test_status_is_not_ok_for_a_failing_job(fake: FakeFootfall, plane: Control) -> None:
    for _ in range(FAILED_RUNS):
        done(plane, "rollup_days", time.time_ns() // 1_000_000, ok=False)
    health = look(fake.settings)
    assert not health.ok
    assert health.arrives
    assert "job rollup_days failed 3 times in a row" in health.verdict
    assert "OSError: it is broken" in health.verdict
    assert any("footfall job run rollup_days" in line for line in health.lines())


def test_a_stuck_dev_stage_is_seen_once_it_had_the_time(fake: FakeFootfall) -> None:
    fake.ages["footfall_dev"] = 600.0
    health = look(fake.settings)
    assert not health.ok
    assert "stage dev" in health.verdict
    assert "10 min ago" in health.verdict
    fake.up_s = 20.0
    assert look(fake.settings).ok
    # Where nothing gets through at all, that is what is said.
    fake.up_s, fake.ages["footfall_prod"] = 10_000.0, 600.0
    health = look(fake.settings)
    assert "nothing gets through" in health.verdict
    assert not [trouble for trouble in health.troubles if trouble.what == "dev"]


def test_status_and_doctor_of_a_real_one(running: Installation) -> None:
    plane = control.open(running.settings.control_plane_url())
    try:
        now = time.time_ns() // 1_000_000
        for _ in range(FAILED_RUNS):
            done(plane, "forget_salts", now, ok=False)
        bad = running.run("status")
        assert bad.returncode == 1
        assert "NOT OK  job forget_salts failed 3 times in a row" in bad.stdout
        doctor = running.run("doctor")
        assert doctor.returncode == 1
        assert "bad  jobs       job forget_salts failed 3 times" in doctor.stdout
        assert "-> mend what the error names, then `footfall job run forget_salts`" in doctor.stdout
        running.ok("job", "run", "forget_salts")
        assert "OK  the last heartbeat" in running.ok("status")
        assert "ok   jobs" in running.ok("doctor")
    finally:
        plane.close()

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import control
from control import Control
from control.jobs import KEPT_RUNS

NOW = 1_700_000_000_000


def test_one_holder_at_a_time(plane: Control) -> None:
    run = plane.claim("repair", "a", 1000, now=NOW)
    assert run is not None
    assert plane.claim("repair", "b", 1000, now=NOW + 999) is None
    assert plane.claim("rollup", "b", 1000, now=NOW) is not None
    plane.finish(run, now=NOW + 500, ok=True, detail="3 sessions")
    assert plane.claim("repair", "b", 1000, now=NOW + 500) is not None
    done = plane.last_done("repair")
    assert done is not None
    assert (done.run_id, done.state, done.detail, done.finished_at) == (run, "done", "3 sessions", NOW + 500)


def test_of_many_claimers_one_wins(url: str) -> None:
    planes = [control.open(url) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda plane: plane.claim("repair", "x", 1000, now=NOW), planes))
    assert len([run for run in runs if run is not None]) == 1
    for plane in planes:
        plane.close()


def _work(url: str, mark: Path) -> None:
    """Take the job again and again; the file shows whether somebody else has it, too."""
    plane = control.open(url)
    taken = 0
    deadline = time.monotonic() + 30
    while taken < 15 and time.monotonic() < deadline:
        run = plane.claim("repair", str(os.getpid()), 60_000, now=NOW)
        if run is None:
            continue
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        mark.unlink()
        plane.finish(run, now=NOW, ok=True)
        taken += 1
    plane.close()
    assert taken == 15


def test_processes_take_turns(url: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_work, args=(url, tmp_path / "mark")) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    plane = control.open(url)
    assert {run.state for run in plane.job_runs("repair", limit=100)} == {"done"}
    assert len({run.holder for run in plane.job_runs("repair", limit=100)}) == 2
    plane.close()


def test_a_slow_holder_that_ends_while_it_is_replaced_is_in_nobodys_way(url: str) -> None:
    old, new = control.open(url), control.open(url)
    now = NOW
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            run = old.claim("repair", "old", 1000, now=now)
            assert run is not None
            now += 1000
            end = pool.submit(old.finish, run, now=now, ok=True)
            taken = pool.submit(new.claim, "repair", "new", 1000, now=now).result()
            end.result()
            assert taken is not None
            new.finish(taken, now=now, ok=True)
    old.close()
    new.close()


def test_a_message_may_hold_anything(plane: Control) -> None:
    run = plane.claim("repair", "a", 1000, now=NOW)
    assert run is not None
    plane.finish(run, now=NOW, ok=False, detail="a\0b \ud800 \U0001f600 %s" + "x" * 10_000)
    assert plane.job_runs("repair")[0].detail.startswith("a?b ? \U0001f600 %sx")


def test_a_dead_holder_is_replaced(plane: Control) -> None:
    dead = plane.claim("repair", "a", 1000, now=NOW)
    assert dead is not None
    assert plane.renew(dead, 1000, now=NOW + 900)
    assert plane.claim("repair", "b", 1000, now=NOW + 1800) is None
    successor = plane.claim("repair", "b", 1000, now=NOW + 1900)
    assert successor is not None
    assert not plane.renew(dead, 1000, now=NOW + 1901)
    plane.finish(dead, now=NOW + 1902, ok=True)  # it was only slow: its end changes nothing
    states = {run.run_id: run.state for run in plane.job_runs("repair")}
    assert states == {dead: "abandoned", successor: "running"}
    assert plane.claim("repair", "c", 1000, now=NOW + 1903) is None


def test_at_work_is_who_keeps_the_lease(plane: Control) -> None:
    run = plane.claim("repair", "a", 1000, now=NOW)
    assert run is not None
    assert [(one.run_id, one.holder) for one in plane.at_work(now=NOW + 999)] == [(run, "a")]
    assert plane.at_work(now=NOW + 1000) == []  # it stands still
    plane.finish(run, now=NOW + 500, ok=True)
    assert plane.at_work(now=NOW + 500) == []


def test_history_is_bounded_and_newest_first(plane: Control) -> None:
    for turn in range(KEPT_RUNS + 5):
        run = plane.claim("repair", "a", 1000, now=NOW + turn)
        assert run is not None
        plane.finish(run, now=NOW + turn, ok=turn % 2 == 0)
    runs = plane.job_runs("repair", limit=1000)
    assert len(runs) == KEPT_RUNS
    assert [run.started_at for run in runs[:2]] == [NOW + KEPT_RUNS + 4, NOW + KEPT_RUNS + 3]
    assert {run.state for run in runs} == {"done", "failed"}

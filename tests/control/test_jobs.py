from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

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

"""An hour without flow or store, with the real windows and nobody waiting: the log's clock is the test's.

Log, flow (in Bytewax, with its recovery), store and live counters are the real ones. An event
is late or not when it is appended, so that nothing is late because it was read an hour later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bytewax.errors import BytewaxRuntimeError

from tests.fixtures.store import StoreServer, make_store
from tests.fixtures.valkey import ValkeyProcess
from tests.flows.making import MINUTE, T0
from tests.proof.three_hours import (
    BEFORE,
    DOWN,
    END,
    EVENTS,
    LATENESS_MS,
    VISITORS,
    WINDOW_MS,
    Outcome,
    Run,
)


def test_the_windows_are_the_real_ones() -> None:
    assert (WINDOW_MS, LATENESS_MS) == (30 * MINUTE, 10 * MINUTE)
    assert WINDOW_MS + LATENESS_MS < DOWN


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StoreServer, str]]:
    """A store that may be killed, and live counters."""
    folder = tmp_path_factory.mktemp("downtime")
    valkey = ValkeyProcess(folder)
    valkey.start()
    store = make_store(folder)
    yield store, valkey.url
    store.stop()
    valkey.kill()


@pytest.fixture
def make_run(servers: tuple[StoreServer, str], tmp_path: Path) -> Iterator[Callable[[str], Run]]:
    made = []

    def make(name: str) -> Run:
        made.append(Run(tmp_path / name, *servers, f"footfall_{name}"))
        return made[-1]

    yield make
    for run in made:
        run.close()


@pytest.fixture(scope="module")
def undisturbed(servers: tuple[StoreServer, str], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What comes of the traffic where the flow is there all the time."""
    run = Run(tmp_path_factory.mktemp("undisturbed") / "run", *servers, "footfall_undisturbed")
    run.flow(run.stepping(END))
    outcome = run.outcome()
    run.close()
    return outcome


def test_an_hour_without_the_flow(make_run: Callable[[str], Run], undisturbed: Outcome) -> None:
    run = make_run("flow_down")
    run.flow(run.stepping(T0 + BEFORE))
    run.append_until(T0 + BEFORE + DOWN)
    run.flow(run.stepping(END))
    assert_same(run.outcome(), undisturbed)


def test_an_hour_without_the_store(
    make_run: Callable[[str], Run], servers: tuple[StoreServer, str], undisturbed: Outcome
) -> None:
    """The flow is there when the store goes, and gives up and starts again for the whole hour."""
    store, _ = servers
    run = make_run("store_down")
    run.flow(run.stepping(T0 + BEFORE))
    lives = iter(range(T0 + BEFORE, T0 + BEFORE + DOWN, DOWN // 3))

    def store_goes() -> bool:
        if store.process is not None and store.process.poll() is None:
            store.kill()
        run.append_until(next(lives, 0) + DOWN // 3)
        return False

    for _ in range(3):
        with pytest.raises(BytewaxRuntimeError):
            run.flow(only_once(store_goes), retry_limit_s=0.2)
    store.start()
    run.flow(run.stepping(END))
    assert_same(run.outcome(), undisturbed)


def only_once(action: Callable[[], bool]) -> Callable[[], bool]:
    """Does it the first time, and never says that it is over."""
    done = threading.Event()

    def act() -> bool:
        if not done.is_set():
            done.set()
            action()
        return False

    return act


def assert_same(found: Outcome, wanted: Outcome) -> None:
    """The same sessions in everything but when they were written, the same books and events."""
    assert len(found[0]) > VISITORS, "visitors come back after more than the window"
    assert found[0] == wanted[0]
    assert found[1] == wanted[1] == [("accepted", EVENTS), ("stored", EVENTS)]
    assert sorted(found[2]) == sorted(wanted[2])

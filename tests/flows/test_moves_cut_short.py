"""`footfall worker release`, and the start of the worker that takes, killed before each of their steps: a
partition's state is used once, and is there whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import URL

from control.partitions import NOBODY
from flows.home import Home
from flows.ownership import release_home
from tests.fixtures.postgres import full
from tests.flows.owners import KEYS, SNAPSHOTS, Installation, give_state, sessions

MOVED = 1  # the partition


class Killed(BaseException):
    """`kill -9` before a step: nothing catches it."""


@contextmanager
def killed_before(step: int, place: Installation, home: Home, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it the step with this number, of those that change something for good, never comes."""
    steps = count()

    def counted(do: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **named: object) -> object:
            if next(steps) == step:
                raise Killed
            return do(*args, **named)

        return run

    changes: list[tuple[object, str]] = [
        (place.objects, "put"), (place.objects, "delete"), (place.plane, "move_partition"),
        (home, "forget"), (home.store, "put"), (home.store, "remove"),
    ]  # fmt: skip
    with patch.context() as patched:
        for target, name in changes:
            patched.setattr(target, name, counted(getattr(target, name)))
        yield


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    url = ""
    if request.param == "postgres":
        named: URL = request.getfixturevalue("postgres_url")
        url = full(named)
    made = Installation(tmp_path, url)
    yield made
    made.end()


def is_killed(run: Callable[[], object]) -> bool:
    try:
        run()
    except Killed:
        return True
    return False


def check_that_one_goes_on_with_it(place: Installation, other: Home, data: str) -> None:
    """Whoever has the partition now has its state; a directory that had it has none that it would use."""
    assert place.holder(MOVED) == other.holder
    assert other.store.snapshots(str(KEYS[MOVED])) == SNAPSHOTS
    assert sessions(other, MOVED) == b"open sessions 1"
    again = place.home(0, data)
    place.settle(again, 0, 2)
    assert again.keys() == {"prod-0000", "prod-0002"}
    place.close(again)


def start_anew(place: Installation) -> None:
    """Nobody holds a partition any more, so that whoever comes next has it."""
    for key, row in place.plane.flow_partitions().items():
        place.plane.move_partition(key, row.holder, NOBODY, "", "", now=0)


def begun(place: Installation, data: str) -> Home:
    """Worker 0 alone in a new data directory, with state of all partitions."""
    start_anew(place)
    home = place.home(0, data)
    place.settle(home, 0, 1)
    give_state(home, *range(len(KEYS)))
    return home


def test_a_release_killed_before_each_step(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in count():
        data = f"data-{step}"
        home = begun(place, data)
        with killed_before(step, place, home, monkeypatch):
            killed = is_killed(partial(place.mover.release, home, ["prod-0001"], "worker 0"))
        place.close(home)  # as the end of a process does
        other = place.home(1, data)
        place.settle(other, 1, 2)
        check_that_one_goes_on_with_it(place, other, data)
        place.close(other)
        if not killed:
            break
    assert step > 5  # snapshots, sessions, manifest, the row, and what is forgotten


def test_a_take_killed_before_each_step(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in count():
        data = f"data-{step}"
        home = begun(place, data)
        release_home(home, place.plane, place.mover, "by hand")
        place.close(home)
        other = place.home(1, data)
        with killed_before(step, place, other, monkeypatch):
            holder = place.holder(MOVED)
            killed = is_killed(partial(place.mover.take, other, "prod-0001", holder, "worker 1"))
        place.close(other)
        again = place.home(1, data)
        place.settle(again, 1, 2)
        check_that_one_goes_on_with_it(place, again, data)
        place.close(again)
        if not killed:
            break
    assert step > 5  # the old leftovers, the new state, the row, and the bundle's objects

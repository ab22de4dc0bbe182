"""A worker's claims on its partitions: given to another one, or the control plane away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import control
from flows.claims import ClaimLost, Claims
from flows.home import Home
from flows.ownership import wall_ms
from tests.flows.owners import KEYS, Installation


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.end()


def claiming(place: Installation) -> tuple[Home, Claims, threading.Event]:
    """A worker that has every partition; what stops it."""
    home = place.home(0)
    place.settle(home, 0, 1)
    stop = threading.Event()
    return home, Claims(place.plane, home, list(map(str, KEYS)), "worker 0", stop), stop


def test_a_worker_hears_that_its_partition_is_anothers(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, claims, stop = claiming(place)
    claims.check()
    place.plane.move_partition("prod-0003", home.holder, "dir:other", "there", "worker 1", now=wall_ms())
    claims.check()  # it was sure a moment ago
    monkeypatch.setattr("flows.claims.UNSURE_S", -1.0)
    with pytest.raises(ClaimLost, match="footfall worker list"):
        claims.check()
    assert stop.is_set()
    claims.close()
    assert place.plane.flow_partitions()["prod-0000"].seen_at > 0  # not its to end any more


def test_a_worker_goes_on_while_the_control_plane_is_away(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, claims, stop = claiming(place)
    asked = []

    def away(*_: object, **__: object) -> bool:
        asked.append(1)
        raise control.ControlAwayError("no answer")

    for name in ("see_partitions", "holds_partitions"):
        monkeypatch.setattr(place.plane, name, away)
    monkeypatch.setattr("flows.claims.UNSURE_S", -1.0)
    claims.check()  # or `ClaimLost`
    claims.check()
    assert len(asked) == 1  # not before each insert, while nobody answers
    assert not claims.lost
    assert not stop.is_set()
    claims.close()

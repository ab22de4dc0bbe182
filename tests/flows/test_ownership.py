"""A partition's state is used by one worker at a time, wherever a move was cut short."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.partitions import NOBODY
from flows import ownership
from flows.bundle import BundleLost, pack, unpack
from flows.home import HomeTaken
from flows.ownership import StateElsewhere, begin_anew, owned, release_home, wall_ms
from tests.flows.owners import KEYS, SNAPSHOTS, Installation, give_state, sessions


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.end()


def test_every_partition_has_one_worker() -> None:
    for workers in (1, 2, 3, 4):
        parts = [owned(KEYS, workers, worker) for worker in range(workers)]
        assert sorted(key for part in parts for key in part) == KEYS


def test_a_new_worker_takes_its_partitions_from_a_stopped_one_beside_it(place: Installation) -> None:
    first = place.home(0)
    give_state(first, 0, 1, 2, 3)
    place.settle(first, 0, 1)
    place.close(first)
    second = place.home(1)
    place.settle(second, 1, 2)
    assert second.keys() == {"prod-0001", "prod-0003"}
    assert second.store.snapshots("prod-0001") == SNAPSHOTS
    assert sessions(second, 3) == b"open sessions 3"
    assert place.ended == [first.id, first.id]  # its inserts, before its state was copied
    again = place.home(0)
    place.settle(again, 0, 2)
    assert again.keys() == {"prod-0000", "prod-0002"}
    assert list(place.objects.listing()) == []


@pytest.mark.parametrize("stopped", [True, False])
def test_what_has_no_recovery_point_yet_is_let_go_of_as_well(place: Installation, stopped: bool) -> None:
    """Its worker was killed within its first seconds."""
    first = place.home(0)
    first.store.make()
    place.settle(first, 0, 1)
    if stopped:
        place.close(first)
    else:
        place.settle(first, 0, 2)
    second = place.home(1)
    place.settle(second, 1, 2)
    assert [place.holder(number) for number in range(4)] == [first.holder, second.holder] * 2
    assert second.keys() == set()
    assert release_home(second, place.plane, place.mover, "worker 1") == ["prod-0001", "prod-0003"]


@pytest.mark.parametrize("known", [True, False])
def test_state_of_what_is_served_no_more_is_put_away(place: Installation, known: bool) -> None:
    """A stage was taken out of the settings, or a restored control plane does not know of a topic: Bytewax
    ends at once where it finds state of a key that is none of the flow's."""
    other = "dev-0000"
    home = place.home(0)
    give_state(home, 0)
    home.store.put(other, SNAPSHOTS)
    if known:
        assert place.plane.adopt_partition(other, home.holder, home.place, "worker 0", now=0)
    place.settle(home, 0, 1)
    assert home.keys() == {"prod-0000"}
    holder = place.plane.flow_partitions()[other].holder
    unpack(home, other, place.objects, holder)  # it is not lost
    assert home.store.snapshots(other) == SNAPSHOTS


def test_and_gives_them_back(place: Installation) -> None:
    homes = [place.home(worker) for worker in (0, 1)]
    for worker, home in enumerate(homes):
        give_state(home, worker, worker + 2)
        place.settle(home, worker, 2)
    place.close(homes[1])
    place.settle(homes[0], 0, 1)
    assert homes[0].keys() == {"prod-0000", "prod-0001", "prod-0002", "prod-0003"}


def test_released_state_is_taken_in_another_data_directory(place: Installation) -> None:
    first = place.home(0)
    give_state(first, 0, 1, 2, 3)
    place.settle(first, 0, 1)
    place.plane.see_partitions(first.holder, list(map(str, KEYS)), first.place, "worker 0", now=0)
    assert release_home(first, place.plane, place.mover, "by hand") == [str(key) for key in KEYS]
    assert place.ended == []  # it ended in order: the store need not be asked
    assert first.keys() == set()
    elsewhere = place.home(0, "other")
    place.settle(elsewhere, 0, 1)
    assert sessions(elsewhere, 2) == b"open sessions 2"


def test_state_that_is_nowhere_is_not_made_anew_in_silence(place: Installation) -> None:
    place.reached = 7
    home = place.home(0)
    with pytest.raises(StateElsewhere, match=r"stored up to offset 7.*footfall worker reset prod-0000"):
        place.settle(home, 0, 1)
    for key in KEYS:
        begin_anew(place.plane, place.mover, str(key))
    place.settle(home, 0, 1)
    assert place.holder(0) == home.holder


def test_state_that_is_elsewhere_is_named(place: Installation) -> None:
    gone = place.home(0, "gone")
    give_state(gone, 0, 1, 2, 3)
    place.settle(gone, 0, 1)
    home = place.home(0)
    with pytest.raises(StateElsewhere, match=r"prod-0000 belongs to worker 0, at work in .*gone"):
        place.settle(home, 0, 1)
    with pytest.raises(StateElsewhere, match="at work in"):
        begin_anew(place.plane, place.mover, "prod-0000")
    place.plane.see_partitions(gone.holder, ["prod-0000"], gone.place, "worker 0", now=wall_ms() - 60_000)
    with pytest.raises(StateElsewhere, match=r"are in .*gone.*60 s ago.*footfall worker release"):
        place.settle(home, 0, 1)
    begin_anew(place.plane, place.mover, "prod-0000")
    assert place.ended == [gone.id]
    assert place.holder(0) == NOBODY
    # Where it was before, it is a leftover: nothing goes on from it.
    with pytest.raises(StateElsewhere):
        place.settle(home, 0, 1)
    assert place.holder(0) == home.holder
    assert len(gone.keys()) == 4
    with pytest.raises(StateElsewhere):
        place.settle(gone, 0, 1)
    assert gone.keys() == {"prod-0001", "prod-0002", "prod-0003"}


def test_a_copied_directory_is_refused_while_the_other_runs(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = place.home(0)
    place.settle(home, 0, 1)
    place.plane.see_partitions(
        home.holder, ["prod-0000"], "its copy on another machine", "worker 0", now=wall_ms()
    )
    with pytest.raises(StateElsewhere, match="its copy on another machine"):
        place.settle(home, 0, 1)
    monkeypatch.setattr(ownership, "FRESH_MS", 0)
    place.settle(home, 0, 1)


def test_two_processes_in_one_directory(place: Installation) -> None:
    home = place.home(0)
    with pytest.raises(HomeTaken, match=r"process \d+ works in"):
        place.home(0)
    place.close(home)
    assert place.home(0).id == home.id


def test_a_bundle_that_was_changed_is_not_taken(place: Installation) -> None:
    home = place.home(0)
    give_state(home, 0)
    holder = pack(home, "prod-0000", place.objects)
    listed = sorted(one.key for one in place.objects.listing())
    for key in listed:
        right = place.objects.get(key)
        place.objects.put(key, right[:-1] + bytes([right[-1] ^ 1]))
        with pytest.raises(BundleLost, match="not what was put there"):
            unpack(home, "prod-0000", place.objects, holder)
        place.objects.delete(key)
        with pytest.raises(BundleLost, match="no object"):
            unpack(home, "prod-0000", place.objects, holder)
        place.objects.put(key, right)
    unpack(home, "prod-0000", place.objects, holder)
    assert sessions(home, 0) == b"open sessions 0"
    place.objects.delete(listed[-1])
    with pytest.raises(BundleLost, match="footfall worker reset prod-0000"):
        place.mover.take(home, "prod-0000", holder, "worker 0")

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import control
from control import Control
from control.partitions import NOBODY

NOW = 1_700_000_000_000


def test_only_who_knows_the_holder_changes_it(plane: Control) -> None:
    assert plane.adopt_partition("prod-0000", "a", "here", "worker 0", now=NOW)
    assert not plane.adopt_partition("prod-0000", "b", "there", "worker 1", now=NOW)
    assert not plane.move_partition("prod-0000", "b", "c", "there", "worker 1", now=NOW)
    assert not plane.move_partition("prod-0001", NOBODY, "c", "there", "worker 1", now=NOW)
    assert plane.move_partition("prod-0000", "a", "b", "there", "worker 1", now=NOW + 1)
    (row,) = plane.flow_partitions().values()
    assert (row.holder, row.place, row.worker, row.seen_at) == ("b", "there", "worker 1", NOW + 1)


def test_a_holder_hears_that_it_lost_a_partition(plane: Control) -> None:
    both = ["prod-0000", "prod-0001"]
    for key in both:
        plane.adopt_partition(key, "a", "here", "worker 0", now=NOW)
    assert plane.see_partitions("a", both, "moved", "worker 0", now=NOW + 5)
    assert plane.holds_partitions("a", both)
    plane.move_partition("prod-0001", "a", "b", "there", "worker 1", now=NOW + 6)
    assert not plane.holds_partitions("a", both)
    assert not plane.see_partitions("a", both, "moved", "worker 0", now=NOW + 7)
    assert plane.flow_partitions()["prod-0001"].seen_at == NOW + 6
    assert plane.flow_partitions()["prod-0000"].place == "moved"


def test_of_many_takers_one_wins(url: str) -> None:
    planes = [control.open(url) for _ in range(6)]
    planes[0].adopt_partition("prod-0000", "bundle", "objects", "", now=0)

    def take(number: int) -> bool:
        return planes[number].move_partition("prod-0000", "bundle", str(number), "here", "me", now=NOW)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(6))) == 1
    for plane in planes:
        plane.close()

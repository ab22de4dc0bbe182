"""Which partition an event goes to while a log grows, again and again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import control
from control import Control, ControlError
from flows.serving import drained_keys, served_keys
from footfall.generations import GrowthError, Layout, one_generation

SIZES = st.lists(st.integers(1, 64), min_size=1, max_size=6, unique=True).map(sorted)
ROUTES = st.integers(0, 2**64 - 1)


def grown(plane: Control, sizes: list[int], drained: int = 0, stage: str = "prod") -> Layout:
    """As `footfall log grow` does it, one size after the other."""
    for number, size in enumerate(sizes[1:], 2):
        plane.add_generation(stage, sizes[0], size, now=100 * number)
        plane.open_generation(stage, number, now=100 * number + 1)
    for number in range(1, drained + 1):
        plane.mark_drained(stage, number, now=10_000)
    return plane.log_layout(stage, sizes[0])


@pytest.fixture(scope="module")
def plane_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    """Each example has a stage of its own: to make a plane for each would take long."""
    plane = control.open(f"sqlite:///{tmp_path_factory.mktemp('plane') / 'control.db'}")
    yield plane
    plane.close()


stages = map("s{}".format, count())


@settings(max_examples=50, deadline=None)
@given(SIZES, st.data())
def test_numbers_never_meet_and_routes_stay_within_the_newest(
    plane_of_all: Control, sizes: list[int], data: st.DataObject
) -> None:
    drained = data.draw(st.integers(0, len(sizes) - 1))
    layout = grown(plane_of_all, sizes, drained, stage=next(stages))
    numbers = [number for one in layout.generations for number in one.numbers]
    assert numbers == list(range(sum(sizes)))
    assert layout.partitions == numbers[sum(sizes[:drained]) :]
    assert layout.newest.partitions == sizes[-1]
    assert layout.is_switching == (len(sizes) - drained > 1)
    assert [key.partition for key in served_keys({"prod": layout})] == numbers
    assert {key.partition for key in drained_keys({"prod": layout})} == set(numbers) - set(layout.partitions)
    route = data.draw(ROUTES)
    partition = layout.partition_of(route)
    assert partition == sum(sizes[:-1]) + route % sizes[-1]
    for number in numbers:
        holding = layout.holding(number)
        assert holding is not None
        assert layout.writable(number) == (number if number in layout.partitions else layout.partition_of(number))
    assert layout.holding(sum(sizes)) is None


def test_a_log_that_never_grew_is_what_the_settings_say(plane: Control) -> None:
    assert plane.log_layout("prod", 4) == one_generation(4)
    assert plane.log_layout("prod", 6) == one_generation(6)
    assert one_generation(4).partition_of(6) == 2
    assert one_generation(4).unsure_until(2) == 0


def test_once_grown_the_settings_count_no_more(plane: Control) -> None:
    layout = grown(plane, [4, 8])
    assert plane.log_layout("prod", 99) == layout
    assert plane.log_layout("dev", 1) == one_generation(1)


def test_no_events_go_to_a_generation_before_it_is_opened(plane: Control) -> None:
    before = plane.version()
    layout = plane.add_generation("prod", 4, 8, now=100)
    assert plane.version() != before
    assert layout == plane.log_layout("prod", 4)
    assert layout.waiting is not None
    assert layout.waiting.number == 2
    assert layout.partitions == list(range(12))  # it is read, and has heartbeats
    assert {layout.partition_of(route) for route in range(100)} == {0, 1, 2, 3}
    before = plane.version()
    plane.open_generation("prod", 2, now=200)
    assert plane.version() != before
    layout = plane.log_layout("prod", 4)
    assert layout.waiting is None
    assert {layout.partition_of(route) for route in range(100)} == set(range(4, 12))


def test_a_drained_generation_may_be_served_again(plane: Control) -> None:
    grown(plane, [2, 3], drained=1)
    assert plane.log_layout("prod", 2).partitions == [2, 3, 4]
    plane.mark_drained("prod", 1, now=0)
    assert plane.log_layout("prod", 2).partitions == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("size", "why"), [(4, "to more only"), (3, "to more only"), (1025, "at most 1024")])
def test_sizes_that_are_refused(plane: Control, size: int, why: str) -> None:
    with pytest.raises(GrowthError, match=why):
        plane.add_generation("prod", 4, size, now=1)
    assert plane.log_layout("prod", 4) == one_generation(4)


def test_one_at_a_time_waits_to_be_opened(plane: Control) -> None:
    plane.add_generation("prod", 4, 8, now=1)
    with pytest.raises(GrowthError, match=r"not in use yet: .* With --partitions 8 it is gone on with"):
        plane.add_generation("prod", 4, 16, now=2)
    with pytest.raises(ControlError, match="no generation 3"):
        plane.open_generation("prod", 3, now=2)

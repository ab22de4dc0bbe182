"""The memory of batches: complete over its horizon, and bounded."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from footfall.duplicates import BatchMemory, batch_key

HORIZON = 600


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 90)), max_size=200))
def test_a_key_seen_within_the_horizon_is_known(steps: list[tuple[int, int]]) -> None:
    memory, now = BatchMemory(HORIZON), 1
    last_seen: dict[int, int] = {}
    for key, pause in steps:
        now += pause
        known = memory.seen(key, now)
        if key in last_seen and last_seen[key] >= memory.oldest and now - last_seen[key] <= HORIZON:
            assert known
        if known:
            assert key in last_seen
        else:
            last_seen[key] = now


def test_the_number_of_keys_is_bounded_and_the_shorter_horizon_is_said() -> None:
    memory = BatchMemory(HORIZON, limit=600)
    for key in range(10_000):
        memory.seen(key, 1 + key // 100)
    assert len(memory) <= 800
    assert memory.oldest > 1 + 10_000 // 100 - HORIZON
    assert memory.seen(9_999, 101)
    assert not memory.seen(1, 101)


def test_batches_of_any_uuid_version_are_told_apart() -> None:
    for make in (uuid.uuid1, uuid.uuid4):
        assert len({batch_key(make().bytes) for _ in range(1000)}) == 1000

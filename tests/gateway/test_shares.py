"""Room in the log's queue: who gets it, and how it follows the log's speed."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_gateway.deadlines import SWEEP_S
from ingest_gateway.shares import FLOOR_BYTES, Shares

MIB = 1024 * 1024
COMMIT_BYTES = 4 * MIB  # as in the local log: what waits becomes durable in groups of that size
PATIENCE_S = 1.0
SIZE = 24_000
SMALL = 2_000  # of the quiet site


def size_of(site: str) -> int:
    return SMALL if site == "quiet" else SIZE


class SlowLog:
    """A log that makes `speed` bytes a second durable, on a clock of its own."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._shares = Shares(64 * MIB, PATIENCE_S)
        self._waiting: deque[tuple[float, str]] = deque()
        self._commit: list[tuple[float, str]] = []
        self._ends = 0.0
        self._look = SWEEP_S
        self.waits: dict[str, list[float]] = {}  # seconds, of each site's accepted requests
        self.refused: dict[str, int] = {}

    def offer(self, now: float, site: str) -> None:
        """One request; time never runs backwards."""
        self._work(now)
        if self._shares.take(site, size_of(site)):
            self._waiting.append((now, site))
        else:
            self.refused[site] = self.refused.get(site, 0) + 1

    def _work(self, now: float) -> None:
        while self._commit and now >= self._ends:
            for began, site in self._commit:
                self._shares.give_back(site, size_of(site))
                self.waits.setdefault(site, []).append(self._ends - began)
            self._start(self._ends)
        if not self._commit:
            self._start(now)
        while now >= self._look:
            oldest = self._commit or self._waiting
            self._shares.adapt(self._look - oldest[0][0] if oldest else 0.0)
            self._look += SWEEP_S

    def _start(self, now: float) -> None:
        count = min(len(self._waiting), COMMIT_BYTES // SIZE)
        self._commit = [self._waiting.popleft() for _ in range(count)]
        self._ends = now + sum(size_of(site) for _, site in self._commit) / self._speed


def offered(log: SlowLog, rates: dict[str, float], begin: float, end: float) -> None:
    """Each site's requests at its rate (a second), merged."""
    times = [(begin + n / rate, site) for site, rate in rates.items() for n in range(int((end - begin) * rate))]
    for now, site in sorted(times):
        log.offer(now, site)


@pytest.mark.parametrize("speed", [MIB, 10 * MIB])
def test_however_slow_the_log_what_is_accepted_waits_little_and_the_log_has_work(speed: float) -> None:
    log = SlowLog(speed)
    capacity = speed / SIZE
    offered(log, {"a": 5 * capacity}, 0, 15)
    log.waits.clear()
    offered(log, {"a": 5 * capacity}, 15, 45)
    waits = sorted(log.waits["a"])
    assert waits[len(waits) * 99 // 100] < 2 * PATIENCE_S
    assert len(waits) > 0.9 * 30 * capacity
    assert log.refused["a"] > 3 * 30 * capacity
    # The flood is over: nobody is refused any more.
    offered(log, {"a": 0.2 * capacity}, 45, 50)
    log.refused.clear()
    offered(log, {"a": 0.5 * capacity}, 50, 60)
    assert log.refused == {}


@pytest.mark.parametrize("floods", [1, 3, 10])
def test_floods_starve_nobody(floods: int) -> None:
    log = SlowLog(10 * MIB)
    capacity = 10 * MIB / SIZE
    rates = {f"flood{number}": 5 * capacity / floods for number in range(floods)} | {"quiet": 5.0}
    offered(log, rates, 0, 15)
    log.waits.clear()
    log.refused.clear()
    offered(log, rates, 15, 45)
    assert log.refused.get("quiet", 0) == 0
    assert max(log.waits["quiet"]) < 3 * PATIENCE_S
    shares = [len(waits) for site, waits in log.waits.items() if site != "quiet"]
    assert min(shares) > 0.5 * max(shares)  # floods share alike


SITES = st.sampled_from("abc")


@given(st.lists(st.tuples(SITES, st.integers(1, 4000)), max_size=200), st.lists(st.floats(0, 3), max_size=20))
def test_shares_add_up_and_never_hold_more_than_the_limit(
    asked: list[tuple[str, int]], waits: list[float]
) -> None:
    limit = 20_000
    shares = Shares(limit, 1.0)
    taken: list[tuple[str, int]] = []
    for turn, (site, size) in enumerate(asked):
        if shares.take(site, size):
            taken.append((site, size))
        if turn % 10 == 9 and waits:
            shares.adapt(waits[turn // 10 % len(waits)])
            if taken:
                shares.give_back(*taken.pop(0))
        assert shares._total == sum(size for _, size in taken) == sum(shares._held.values()) <= limit
    for site, size in taken:
        shares.give_back(site, size)
    assert (shares._total, shares._held) == (0, {})
    assert shares.take("a", 10 * limit)  # where nothing waits, anybody may: the log itself says what never fits


@pytest.mark.parametrize("floods", [1, 2, 10])
def test_however_many_flood_the_next_one_finds_room(floods: int) -> None:
    shares = Shares(1_000_000, 1.0)
    waiting: deque[str] = deque()
    for turn in range(20_000):  # the log makes the oldest durable, everybody asks for more
        if waiting and turn % 2:
            shares.give_back(waiting.popleft(), 1000)
        for number in range(floods):
            site = str((turn + number) % floods)
            if shares.take(site, 1000):
                waiting.append(site)
    assert shares._total == pytest.approx(1_000_000 * floods / (floods + 1), rel=0.05)
    assert shares.take("another", 900_000 // (floods + 1) // 2)


def test_room_follows_the_speed_of_the_log() -> None:
    shares = Shares(64 * MIB, 1.0)
    while shares.take("a", 10_000):
        pass
    for _ in range(40):
        shares.adapt(2.0)
    shares.give_back("a", shares._total - 10_000)
    assert shares.take("a", FLOOR_BYTES // 2 - 20_000)
    assert not shares.take("a", 40_000)
    for _ in range(120):
        shares.adapt(0.1)
    assert shares.take("a", 20 * MIB)

"""One visitor's open runs: as objects while events come, as bytes while they do not."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from operator import itemgetter, xor
from typing import NamedTuple

import msgspec
from msgspec import Struct

from footfall.sessions.facts import Fact, Who
from footfall.sessions.part import NEVER
from footfall.sessions.run import DAY_MS, MAX_EVENT_IDS, Run
from footfall.sites import DEFAULT_WINDOW_MS, Site

BY_TIME = itemgetter(0, 1)  # of facts: time, event id
_TIMES = struct.Struct("<QQI")  # closes at, open row at, runs: readable without decoding


class Stored(Struct, array_like=True, gc=False):
    """A visitor in recovery state: fields are only ever added at the end, with a default."""

    site_id: str
    runs: list[Run] = []
    aliases: list[int] = []


class Times(NamedTuple):
    """What the timers need to know of a visitor."""

    close_at: int
    open_at: int
    runs: int


class Chain(NamedTuple):
    """Events of one record and one UTC day whose intervals chain."""

    first_at: int
    last_at: int
    reach: int
    facts: Sequence[Fact]


class Visitor:
    """The open runs of one visitor, and which event ids they hold."""

    __slots__ = ("aliases", "close_at", "open_at", "runs", "seen", "site_id")

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self.runs: list[Run] = []
        self.aliases: list[int] = []  # today's ids of a visitor known by yesterday's
        self.seen: set[int] = set()
        self.close_at = NEVER  # log time at which the first of the runs closes
        self.open_at = NEVER  # log time at which an open row is to be written

    def absorb(self, site: Site, who: Who, facts: Sequence[Fact], log_time: int) -> list[int]:
        """Take in the events of one record; the places of those already known."""
        keys = event_keys(facts)
        places: list[int] = []
        if len(set(keys)) != len(keys) or not self.seen.isdisjoint(keys):
            places, keys, facts = self._without_known(keys, facts)
        if facts:
            for chain in chains(site, facts):
                # A record that falls apart is rare; then the keys are made once more.
                self._join(chain, keys if chain.facts is facts else event_keys(chain.facts), who, log_time)
            self.seen.update(keys)
        return places

    def _without_known(
        self, keys: list[int], facts: Sequence[Fact]
    ) -> tuple[list[int], list[int], Sequence[Fact]]:
        places: list[int] = []
        fresh: dict[int, Fact] = {}
        for place, (key, fact) in enumerate(zip(keys, facts, strict=True)):
            if key in self.seen or key in fresh:
                places.append(place)
            else:
                fresh[key] = fact
        return places, list(fresh), list(fresh.values())

    def _join(self, chain: Chain, keys: list[int], who: Who, log_time: int) -> None:
        first_at, last_at, reach, facts = chain
        met = [run for run in self.runs if run.first_at <= reach and first_at <= run.reach]
        if met:
            run = met[0]
            for other in met[1:]:
                run.merge(other)
                self.runs.remove(other)
        else:
            run = Run()
            self.runs.append(run)
        run.add(facts, who, first_at, last_at, reach)
        run.ids += array("Q", keys).tobytes()
        if len(run.ids) > 8 * MAX_EVENT_IDS:
            del run.ids[: 4 * MAX_EVENT_IDS]
            self.seen = set(self._known_keys())
        if not run.changed_at:
            run.changed_at = log_time

    def drop(self, run: Run) -> None:
        """Forget a run that is closed."""
        self.runs.remove(run)
        self.seen = set(self._known_keys())

    def _known_keys(self) -> Iterator[int]:
        for run in self.runs:
            yield from array("Q", bytes(run.ids))

    def reaches(self, at: int, window_ms: int) -> bool:
        """Whether an event of that time would join an open run."""
        return any(run.first_at <= at + window_ms and at <= run.reach for run in self.runs)

    def encode(self) -> bytes:
        """The times, then msgpack."""
        times = _TIMES.pack(self.close_at, self.open_at, len(self.runs))
        return times + _encoder.encode(Stored(self.site_id, self.runs, self.aliases))

    @classmethod
    def decode(cls, data: bytes) -> Visitor:
        """The visitor in `data`; `msgspec.DecodeError` where it is none."""
        stored = _decoder.decode(memoryview(data)[_TIMES.size :])
        visitor = cls(stored.site_id)
        visitor.runs, visitor.aliases = stored.runs, stored.aliases
        visitor.close_at, visitor.open_at, _ = times_of(data)
        visitor.seen = set(visitor._known_keys())
        return visitor


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


def times_of(data: bytes) -> Times:
    """The times of an encoded visitor."""
    return Times._make(_TIMES.unpack_from(data))


def event_keys(facts: Sequence[Fact]) -> list[int]:
    """64 bits of each event id: both halves folded together, as in some kinds of UUID
    one half is the same for all (a UUIDv1's node, a UUIDv7's millisecond)."""
    halves = array("Q", b"".join([fact[1] for fact in facts]))
    return list(map(xor, halves[::2], halves[1::2]))


def chains(site: Site, facts: Sequence[Fact]) -> Iterator[Chain]:
    """The facts cut where they do not chain and at UTC midnight."""
    times = [fact[0] for fact in facts]
    first_at, last_at = min(times), max(times)
    window_ms = constant_window(site, first_at, last_at)
    if last_at - first_at <= window_ms and first_at // DAY_MS == last_at // DAY_MS:
        yield Chain(first_at, last_at, last_at + window_ms, facts)
    else:
        yield from _cut(site, sorted(facts, key=BY_TIME))


def constant_window(site: Site, first_at: int, last_at: int) -> int:
    """The window of all events between; -1 where it changes."""
    windows = site.windows
    if not windows:
        return DEFAULT_WINDOW_MS
    if windows[-1].valid_from <= first_at:
        return windows[-1].window_ms
    if any(first_at < window.valid_from <= last_at for window in windows):
        return -1
    return site.window_ms(first_at)


def _cut(site: Site, facts: list[Fact]) -> Iterator[Chain]:
    start, reach = 0, facts[0][0] + site.window_ms(facts[0][0])
    for place, fact in enumerate(facts):
        at = fact[0]
        if at > reach or at // DAY_MS != facts[start][0] // DAY_MS:
            yield Chain(facts[start][0], facts[place - 1][0], reach, facts[start:place])
            start, reach = place, at
        reach = max(reach, at + site.window_ms(at))
    yield Chain(facts[start][0], facts[-1][0], reach, facts[start:])

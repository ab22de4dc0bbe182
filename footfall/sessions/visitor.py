"""One visitor's open runs: as objects while events come, as bytes while they do not."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from operator import itemgetter, xor
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from footfall.sessions.facts import Columns, Fact, Who, columns_of
from footfall.sessions.part import NEVER
from footfall.sessions.run import DAY_MS, MAX_EVENT_IDS, Run
from footfall.sites import DEFAULT_WINDOW_MS, Site

BY_TIME = itemgetter(0, 1)  # of facts: time, event id
MANY_KEYS = 256
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
    facts: Columns


class Visitor:
    """The open runs of one visitor."""

    __slots__ = ("_seen", "aliases", "close_at", "open_at", "runs", "site_id")

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self.runs: list[Run] = []
        self.aliases: list[int] = []  # today's ids of a visitor known by yesterday's
        self.close_at = NEVER  # log time at which the first of the runs closes
        self.open_at = NEVER  # log time at which an open row is to be written
        self._seen: set[int] | None = None  # event keys, where there are many

    def absorb(self, site: Site, who: Who, facts: Sequence[Fact], log_time: int) -> list[int]:
        """Take in the events of one record; the places of those already known."""
        columns = columns_of(facts)
        keys = event_keys(columns.ids)
        known = self._known_keys()
        if len(set(keys)) == len(keys) and (not known or known.isdisjoint(keys)):
            self._join(site, who, columns, keys, log_time)
            return []
        places = []
        fresh: dict[int, Fact] = {}
        for place, (key, fact) in enumerate(zip(keys, facts, strict=True)):
            if key in known or key in fresh:
                places.append(place)
            else:
                fresh[key] = fact
        if fresh:
            self._join(site, who, columns_of([*fresh.values()]), [*fresh], log_time)
        return places

    def _known_keys(self) -> set[int]:
        """Event keys of all open runs. Made anew for each record while they are few: as
        a set they take ten times the memory."""
        if self._seen is not None:
            return self._seen
        known: set[int] = set()
        for run in self.runs:
            known.update(array("Q", run.ids))
        if len(known) > MANY_KEYS:
            self._seen = known
        return known

    def _join(self, site: Site, who: Who, facts: Columns, keys: list[int], log_time: int) -> None:
        for chain in chains(site, facts):
            run = self._run_for(chain)
            run.add(chain.facts, who, chain.first_at, chain.last_at, chain.reach)
            run.changed_at = run.changed_at or log_time
            run.ids += array("Q", keys if chain.facts is facts else event_keys(chain.facts.ids)).tobytes()
            if len(run.ids) > 8 * MAX_EVENT_IDS:
                del run.ids[: 4 * MAX_EVENT_IDS]
                self._seen = None
        if self._seen is not None:
            self._seen.update(keys)

    def _run_for(self, chain: Chain) -> Run:
        """The run that the events join: a new one, the only one they touch, or all that
        they touch made one."""
        met = [run for run in self.runs if run.first_at <= chain.reach and chain.first_at <= run.reach]
        if not met:
            run = Run()
            self.runs.append(run)
            return run
        for other in met[1:]:
            met[0].merge(other)
            self.runs.remove(other)
        return met[0]

    def drop(self, run: Run) -> None:
        """Forget a run that is closed."""
        self.runs = [other for other in self.runs if other is not run]
        self._seen = None

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
        return visitor


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


def times_of(data: bytes) -> Times:
    """The times of an encoded visitor."""
    return Times._make(_TIMES.unpack_from(data))


def event_keys(ids: Sequence[bytes]) -> list[int]:
    """64 bits of each event id: both halves folded together, as in some kinds of UUID
    one half is the same for all (a UUIDv1's node, a UUIDv7's millisecond)."""
    halves = array("Q", b"".join(ids))
    return list(map(xor, halves[::2], halves[1::2]))


def chains(site: Site, facts: Columns) -> list[Chain]:
    """The facts cut where they do not chain, at UTC midnight, and where what a server
    told meets what a client told (a record is one or the other)."""
    first_at, last_at = min(facts.times), max(facts.times)
    window_ms = constant_window(site, first_at, last_at)
    if (
        last_at - first_at <= window_ms
        and first_at // DAY_MS == last_at // DAY_MS
        and facts.clients.count(facts.clients[0]) == len(facts.clients)
    ):
        return [Chain(first_at, last_at, last_at + window_ms, facts)]
    return list(_cut(site, sorted(zip(*facts, strict=True), key=BY_TIME)))


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


def _cut(site: Site, facts: Sequence[tuple[Any, ...]]) -> Iterator[Chain]:
    start, reach = 0, 0
    for place, fact in enumerate(facts):
        at = fact[0]
        if place == start:
            reach = at
        elif at > reach or at // DAY_MS != facts[start][0] // DAY_MS or fact[9] != facts[start][9]:
            yield _chain(facts[start:place], reach)
            start, reach = place, at
        reach = max(reach, at + site.window_ms(at))
    yield _chain(facts[start:], reach)


def _chain(facts: Sequence[tuple[Any, ...]], reach: int) -> Chain:
    return Chain(facts[0][0], facts[-1][0], reach, columns_of(facts))

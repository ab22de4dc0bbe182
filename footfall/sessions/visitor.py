"""One visitor's open runs: as objects while events come, as bytes while they do not."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from footfall.sessions.facts import Columns, Who, columns_at, columns_of
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
        self._seen: set[bytes] | None = None  # ids of their events, once they are asked for

    def absorb(self, site: Site, who: Who, columns: Columns, log_time: int) -> list[int]:
        """Take in the events of one record; the places of those already known."""
        ids = columns[1]
        if self._are_new(ids):
            self._join(site, who, columns, log_time)
            return []
        known = self._known_ids()
        duplicates: list[int] = []
        fresh: dict[bytes, int] = {}
        for place, event_id in enumerate(ids):
            if event_id in known or event_id in fresh:
                duplicates.append(place)
            else:
                fresh[event_id] = place
        if fresh:
            self._join(site, who, columns_at(columns, [*fresh.values()]), log_time)
        return duplicates

    def _are_new(self, ids: Sequence[bytes]) -> bool:
        """Whether none of the ids is known, and each is there once. Ids with a clock in
        front are mostly greater than all known ones, which is soon seen."""
        if len(set(ids)) != len(ids):
            return False
        lowest = min(ids)
        for run in self.runs:
            if lowest <= run.max_id or (run.ids and not run.max_id):
                return self._known_ids().isdisjoint(ids)
        return True

    def _known_ids(self) -> set[bytes]:
        """Event ids of all open runs."""
        known = self._seen
        if known is None:
            known = self._seen = set()
            for run in self.runs:
                ids = bytes(run.ids)
                known.update([ids[at : at + 16] for at in range(0, len(ids), 16)])
        return known

    def _join(self, site: Site, who: Who, facts: Columns, log_time: int) -> None:
        for first_at, last_at, reach, columns in chains(site, facts):
            run = self._run_for(first_at, reach)
            run.add(columns, who, first_at, last_at, reach)
            run.changed_at = run.changed_at or log_time
            if len(run.ids) > 16 * MAX_EVENT_IDS:
                del run.ids[: 8 * MAX_EVENT_IDS]
                self._seen = None
        if self._seen is not None:
            self._seen.update(facts[1])

    def _run_for(self, first_at: int, reach: int) -> Run:
        """The run that the events join: a new one, the only one they touch, or all that
        they touch made one."""
        runs = self.runs
        if not runs:
            runs.append(run := Run())
            return run
        met = [run for run in runs if run.first_at <= reach and first_at <= run.reach]
        if not met:
            runs.append(run := Run())
            return run
        for other in met[1:]:
            met[0].merge(other)
            runs.remove(other)
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
        visitor.close_at, visitor.open_at, _ = _TIMES.unpack_from(data)
        return visitor


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


def times_of(data: bytes) -> Times:
    """The times of an encoded visitor."""
    return Times._make(_TIMES.unpack_from(data))


def close_at_of(data: bytes) -> int:
    """`times_of(data).close_at`, for timers, which ask for it very often."""
    close_at: int = _TIMES.unpack_from(data)[0]
    return close_at


def chains(site: Site, facts: Columns) -> list[Chain]:
    """The facts cut where they do not chain, at UTC midnight, and where what a server
    told meets what a client told (a record is one or the other)."""
    times, clients = facts[0], facts[9]
    first_at, last_at = min(times), max(times)
    window_ms = constant_window(site, first_at, last_at)
    if (
        last_at - first_at <= window_ms
        and first_at // DAY_MS == last_at // DAY_MS
        and clients.count(clients[0]) == len(clients)
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

"""Which worker has which partitions, and how a partition's state comes to the one that is to have it.

The control plane names one holder for each partition: a worker's directory, a bundle in the object
store, or nobody. State anywhere else is a leftover and is deleted before a flow could go on from it;
whoever moves it copies first, then changes the row, then deletes. So a partition's state is used
once, whatever crashes in between: the row is changed only by whoever knows the holder it has, and a
directory is open in one process at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from control import Control, FlowPartition
from control.partitions import NOBODY
from flows.bundle import BundleLost, discard, is_bundle, pack, unpack
from flows.home import Home, HomeTaken, homes_in, identity_of
from flows.items import PartitionKey
from objects.protocol import ObjectStore

logger = logging.getLogger(__name__)
FRESH_MS = 20_000  # a worker seen so lately is at work; longer than `claims.UNSURE_S`
WAIT_S = 30.0  # for another worker to let go; longer than FRESH_MS
POLL_S = 0.1
_RACE = "another worker of the same number begins here too: stop one of them"


class StateElsewhere(RuntimeError):
    """A partition's state is somewhere else; the message says where and what to do."""


def owned(keys: Sequence[PartitionKey], workers: int, worker: int) -> list[PartitionKey]:
    """The partitions of a worker."""
    return [key for key in keys if key.partition % workers == worker]


def wall_ms() -> int:
    """The wall clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def is_fresh(row: FlowPartition, now: int) -> bool:
    """Whether somebody works on it; a clock that runs ahead tells nothing for ever."""
    return row.seen_at > 0 and abs(now - row.seen_at) < FRESH_MS


class Mover:
    """Moves partitions between directories and the object store. `end_inserts` is given a directory's
    id and returns once none of its inserts runs any more."""

    def __init__(
        self, plane: Control, open_objects: Callable[[], ObjectStore], end_inserts: Callable[[str], None]
    ) -> None:
        self._plane = plane
        self._open_objects = open_objects
        self._end_inserts = end_inserts

    @cached_property
    def _objects(self) -> ObjectStore:
        return self._open_objects()  # opened when it is needed, which is seldom

    def release(self, home: Home, keys: Sequence[str], worker: str) -> None:
        """Put partitions that `home` holds into the object store, for any worker to take."""
        if not keys:
            return
        rows = self._plane.flow_partitions()
        if any(rows[key].seen_at for key in keys if key in rows):  # else it ended in order: none runs
            self._end_inserts(home.id)
        for key in keys:
            holder = pack(home, key, self._objects)
            place = f"the object store, under flow/{key}"
            if not self._plane.move_partition(key, home.holder, holder, place, worker, now=0):
                discard(self._objects, key, holder)
                raise StateElsewhere(f"{key} was given to somebody else meanwhile: start again")
            home.forget([key])
            logger.info("%s: its state is in the object store now", key)

    def take(self, home: Home, key: str, holder: str, worker: str) -> bool:
        """Take a partition from a bundle; False if somebody else was quicker. Raises `BundleLost`."""
        try:
            unpack(home, key, self._objects, holder)
        except BundleLost as error:
            raise BundleLost(f"{error}. {_give_up(key)}") from error
        if not self._plane.move_partition(key, holder, home.holder, home.place, worker, now=wall_ms()):
            home.forget([key])
            return False
        discard(self._objects, key, holder)
        logger.info("%s: its state was taken from the object store", key)
        return True

    def abandon(self, key: str, holder: str) -> None:
        """See to it that a former holder changes nothing any more: what it began to insert is ended."""
        if is_bundle(holder):
            discard(self._objects, key, holder)
        elif holder.startswith("dir:"):
            self._end_inserts(holder.removeprefix("dir:"))


class Settler:
    """Sees to it that a worker's directory has the state of its partitions and of no others.

    `reached` tells the offset up to which a partition is stored.
    """

    def __init__(
        self,
        home: Home,
        plane: Control,
        mover: Mover,
        worker: str,
        reached: Callable[[PartitionKey], int],
        data_dir: Path,
        stop: threading.Event,
        wait_s: float = WAIT_S,
    ) -> None:
        self._home = home
        self._plane = plane
        self._mover = mover
        self._worker = worker
        self._reached = reached
        self._data_dir = data_dir
        self._stop = stop
        self._wait_s = wait_s

    def settle(self, mine: Sequence[PartitionKey]) -> None:
        """Let go of what is others', then take what is ours. Raises `StateElsewhere`."""
        home, rows = self._home, self._plane.flow_partitions()
        here = sorted(home.keys())
        leftovers = [key for key in here if key in rows and rows[key].holder != home.holder]
        for key in leftovers:
            logger.warning("%s: forgetting its state in %s: it is %s by now", key, home.path, _where(rows[key]))
        home.forget(leftovers)
        for key in here:
            if key not in rows:  # from before there were rows
                self._plane.adopt_partition(key, home.holder, home.place, self._worker, now=wall_ms())
        # Also those it holds and has no state of yet: its flow was killed before its first recovery point.
        # And those of a stage that is served no more, or unknown to a restored control plane: Bytewax ends
        # where it finds state of a key that is none of the flow's.
        own = set(map(str, mine))
        surplus = [key for key in held_by(home, self._plane) if key not in own]
        self._mover.release(home, surplus, self._worker)
        for partition in mine:
            self._obtain(partition)

    def _obtain(self, partition: PartitionKey) -> None:
        deadline = time.monotonic() + self._wait_s
        while (trouble := self._try(partition)) is not None:
            if time.monotonic() > deadline or self._stop.wait(POLL_S):
                raise StateElsewhere(trouble)

    def _try(self, partition: PartitionKey) -> str | None:
        """One attempt to have it; None once it is ours, else why it is not."""
        home, plane, key = self._home, self._plane, str(partition)
        row = plane.flow_partitions().get(key)
        if row is None:
            reached = self._reached(partition)
            if reached:
                return _unknown(key, reached)
            mine = plane.adopt_partition(key, home.holder, home.place, self._worker, now=wall_ms())
            return None if mine else _RACE
        if row.holder == home.holder:
            # A predecessor in this directory is dead: its lock is ours. One elsewhere has a copy of it.
            return _held(row) if row.place != home.place and is_fresh(row, wall_ms()) else None
        if row.holder == NOBODY:
            home.forget([key])
            mine = plane.move_partition(key, NOBODY, home.holder, home.place, self._worker, now=wall_ms())
            return None if mine else _RACE
        if is_bundle(row.holder):
            return None if self._mover.take(home, key, row.holder, self._worker) else _RACE
        if self._release_sibling(key, row.holder):
            return self._try(partition)
        return _held(row) if is_fresh(row, wall_ms()) else _left(row)

    def _release_sibling(self, key: str, holder: str) -> bool:
        """On this machine, of a worker that does not run, by its own directory."""
        for path in homes_in(self._data_dir):
            if path != self._home.path and holder == f"dir:{identity_of(path)}":
                try:
                    sibling = Home(path, wait_s=0)
                except HomeTaken:
                    return False  # it runs, and lets go by itself if it is told of the new number
                try:
                    self._mover.release(sibling, [key], self._worker)
                finally:
                    sibling.close()
                return True
        return False


def _where(row: FlowPartition) -> str:
    return f"in {row.place}" if row.holder else "to be made from the log"


def _seen(row: FlowPartition) -> str:
    return f"{max(0, wall_ms() - row.seen_at) // 1000} s ago" if row.seen_at else "at its orderly end"


def _held(row: FlowPartition) -> str:
    return (
        f"{row.partition} belongs to {row.worker}, at work in {row.place}, seen {_seen(row)}. Stop it, or start "
        "it again with the same FOOTFALL_WORKERS as this one: then it lets go of the partition"
    )


def _left(row: FlowPartition) -> str:
    return (
        f"the open sessions of {row.partition} are in {row.place}; last seen there: {row.worker}, {_seen(row)}. "
        f"Run `footfall worker release` there, or bring the directory here. {_give_up(row.partition)}"
    )


def _unknown(key: str, reached: int) -> str:
    return (
        f"{key} is stored up to offset {reached}, but its open sessions are neither here nor known to the control "
        f"plane. Start the worker that had it first. {_give_up(key)}"
    )


def _give_up(key: str) -> str:
    return (
        f"If they are lost: `footfall worker reset {key}`, and they are made again from what the log still keeps "
        "(what is stored is left out)"
    )


def release_home(home: Home, plane: Control, mover: Mover, worker: str) -> list[str]:
    """Put everything a directory holds into the object store; the partitions."""
    rows = plane.flow_partitions()
    here = sorted(home.keys())
    for key in here:
        if key not in rows:
            plane.adopt_partition(key, home.holder, home.place, worker, now=0)
    held = held_by(home, plane)
    mover.release(home, held, worker)
    return held


def held_by(home: Home, plane: Control) -> list[str]:
    """The partitions whose holder a directory is."""
    return sorted(key for key, row in plane.flow_partitions().items() if row.holder == home.holder)


def begin_anew(plane: Control, mover: Mover, key: str) -> None:
    """Have a partition's state made from the log, whoever starts with it next. Raises `StateElsewhere`
    while somebody works on it."""
    row = plane.flow_partitions().get(key)
    if row is None:
        plane.adopt_partition(key, NOBODY, "", "", now=0)
        return
    if is_fresh(row, wall_ms()):
        raise StateElsewhere(
            f"{key} belongs to {row.worker}, at work in {row.place}, seen {_seen(row)}. End it; where it "
            f"did not end in order, wait until it was not seen for {FRESH_MS // 1000} s"
        )
    if not plane.move_partition(key, row.holder, NOBODY, "", "", now=0):
        raise StateElsewhere(f"{key} was given to somebody else meanwhile: look again")
    mover.abandon(key, row.holder)

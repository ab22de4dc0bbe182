"""A thread that puts the spool's segments into the object store, as objects of the raw archive.

Delivery: at least once, under keys made of what an object holds; a reader takes each log position
once. While the store is away segments wait on the disk, up to a limit: then the flow waits too.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

from flows.items import PartitionKey
from flows.spool import Segment, SpoolFrame
from flows.state_file import StateLost
from footfall.archive import Header, Packer, object_key
from objects.protocol import ObjectStore, ObjectStoreError

logger = logging.getLogger(__name__)
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
TELL_EVERY_S = 300.0
SMALL_FRAME_BYTES = 64 * 1024  # unpacked: several become one, which packs better
JOINED_BYTES = 1024 * 1024


class Shipment(NamedTuple):
    """A segment, and whom to tell that it is in the store."""

    key: PartitionKey
    segment: Segment
    done: Callable[[Segment], None]


class Shipper:
    """One for each process. Thread-safe."""

    def __init__(
        self,
        open_store: Callable[[str], ObjectStore],
        limit_bytes: int,
        stop: threading.Event,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self._open = open_store
        self._stores: dict[str, ObjectStore] = {}
        self.limit = limit_bytes
        self._stop = stop
        self._first_wait_s = first_wait_s
        self._changed = threading.Condition()
        self._waiting: deque[Shipment] = deque()
        self._closed = threading.Event()
        self._packer = Packer()
        self._error: BaseException | None = None
        self._busy = False
        self.used = 0  # bytes in the spool
        self.objects = 0  # written since the process began
        self.lost = 0  # segments that could not be read
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self._thread.start()

    def grow(self, size: int) -> None:
        """So much was added to the spool. Raises what ended the thread."""
        with self._changed:
            self._check()
            self.used += size

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def wait_for_room(self) -> None:
        """Back-pressure: return once there is room in the spool, or the flow is to stop."""
        told = 0.0
        with self._changed:
            while self.used >= self.limit and not self._stop.is_set() and not self._closed.is_set():
                now = time.monotonic()
                if not told or now - told >= TELL_EVERY_S:
                    told = now
                    logger.error(
                        "the flow waits: the archive's spool is full (%.0f MiB) and the object store takes "
                        "nothing; `footfall doctor` says why. Nothing is lost, the log keeps what comes in",
                        self.used / 1024**2,
                    )
                self._changed.wait(1.0)
                self._check()
        if told:
            logger.info("the archive's spool has room again")

    def ship(self, key: PartitionKey, segment: Segment, done: Callable[[Segment], None]) -> None:
        """Put it into the store some time, after those given before; then `done`."""
        with self._changed:
            self._waiting.append(Shipment(key, segment, done))
            self._changed.notify_all()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop; what is not shipped stays in the spool."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._ship_all()
        except BaseException as error:  # noqa: BLE001 - a thread's end is not seen: `_check` raises it in the flow
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _ship_all(self) -> None:
        while (shipment := self._next()) is not None:
            try:
                shipped = self._ship(shipment)
            except StateLost as error:
                self.lost += 1
                logger.error("records are not archived: %s", error)
                shipped = True
            if not shipped:
                return
            shipment.done(shipment.segment)
            with self._changed:
                self.used -= shipment.segment.size
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Shipment | None:
        with self._changed:
            while not self._waiting and not self._closed.is_set():
                self._changed.wait(1.0)
            self._busy = not self._closed.is_set()
            return self._waiting.popleft() if self._busy else None

    def _ship(self, shipment: Shipment) -> bool:
        """False if told to stop before it was done."""
        stage = shipment.key.stage
        for key, data in objects_of(shipment.key, shipment.segment, self._packer):
            if not self._put(stage, key, data):
                return False
            self.objects += 1
        return True

    def _put(self, stage: str, key: str, data: bytes) -> bool:
        """Try until it is done; False if told to stop before."""
        wait, begun, told = self._first_wait_s, time.monotonic(), 0.0
        while not self._closed.is_set():
            try:
                if stage not in self._stores:
                    self._stores[stage] = self._open(stage)
                self._stores[stage].put(key, data)
            except ObjectStoreError as error:
                now = time.monotonic()
                if not told or now - told >= TELL_EVERY_S:
                    told = now
                    logger.warning("the archive waits for the object store, trying again: %s", error)
                self._closed.wait(wait * random.uniform(0.5, 1.0))
                wait = min(LONGEST_WAIT_S, wait * 2)
                continue
            if told:
                logger.info("the object store took it after %.0f s", time.monotonic() - begun)
            return True
        return False


def objects_of(key: PartitionKey, segment: Segment, packer: Packer) -> Iterator[tuple[str, bytes]]:
    """The objects a segment becomes: (key, content), one for each site and day."""
    groups: dict[tuple[str, str], list[SpoolFrame]] = defaultdict(list)
    for frame in segment.frames():
        groups[frame.site_id, frame.date].append(frame)
    for (site_id, day), frames in groups.items():
        header = Header(
            stage=key.stage,
            site_id=site_id,
            date=day,
            partition=key.partition,
            first=frames[0].first,
            last=frames[-1].last,
            records=sum(frame.records for frame in frames),
        )
        name = object_key(site_id, date.fromisoformat(day), key.partition, header.first, header.last)
        yield name, b"".join([packer.header(header), *_packed(frames, packer)])


def _packed(frames: list[SpoolFrame], packer: Packer) -> Iterator[bytes]:
    """Large frames as they are, small neighbours as one."""
    small: list[bytes] = []
    size = 0
    for frame in frames:
        if frame.size < SMALL_FRAME_BYTES:
            small.append(frame.packed)
            size += frame.size
        if small and (size >= JOINED_BYTES or frame.size >= SMALL_FRAME_BYTES):
            yield packer.joined(small)
            small, size = [], 0
        if frame.size >= SMALL_FRAME_BYTES:
            yield frame.packed
    if small:
        yield packer.joined(small)

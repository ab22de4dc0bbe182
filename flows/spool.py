"""The raw archive's local half: what is to become objects, in files of the flow's directory.

Delivery: as with open sessions (`flows.state_file`). What lies beyond a recovered token is left
out, the flow reads it from the log again; what lies before is kept until it is in the object store.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from flows.state_file import StateFile, Token, read_segment

ARCHIVE_DIR = "archive"  # in a worker's directory; below it one for each partition


class SpoolFrame(Struct, array_like=True, gc=False):
    """Entries of one site and day, packed as they will be in the object."""

    site_id: str
    date: str
    first: int  # offsets
    last: int
    records: int
    size: int  # bytes, unpacked
    packed: bytes


class Segment(NamedTuple):
    """A file nothing is added to any more."""

    number: int
    size: int  # bytes of it that count
    path: Path

    def frames(self) -> Iterator[SpoolFrame]:
        """What it holds. Raises `StateLost`."""
        for payload in read_segment(self.path, self.size):
            yield _decoder.decode(payload)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(SpoolFrame)


class Spool:
    """One partition's. Used by the worker's thread; `shipped` may be called by another."""

    def __init__(
        self, directory: Path, segment_bytes: int, segment_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = StateFile(directory)
        self._segment_bytes = segment_bytes
        self._segment_s = segment_s
        self._clock = clock
        self._begun = 0.0  # when the segment that is written was
        self._size = 0
        self._arrived: deque[int] = deque()  # shipped since the last commit; filled by the other thread
        self._shipped: set[int] = set()

    def start(self, token: Token) -> list[Segment]:
        """Go on from a token; the segments it names, all of which are to be shipped."""
        self._file.start(token)
        return [Segment(number, size, self._file.path(number)) for number, size in self._file.extents]

    def append(self, frame: SpoolFrame) -> int:
        """Add a frame; it counts from the next `commit` on. How many bytes that took."""
        if not self._size:
            self._begun = self._clock()
        before = self._file.size
        self._file.append(_encoder.encode(frame))
        added = self._file.size - before
        self._size += added
        return added

    @property
    def is_due(self) -> bool:
        """Whether the segment that is written is large or old enough to be shipped."""
        return self._size >= self._segment_bytes or (
            self._size > 0 and self._clock() - self._begun >= self._segment_s
        )

    def seal(self) -> Segment | None:
        """End the segment that is written; None where there is none."""
        sealed = self._file.seal()
        self._size = 0
        return None if sealed is None else Segment(*sealed, self._file.path(sealed[0]))

    def shipped(self, segment: Segment) -> None:
        """It is in the object store: it goes with the next tokens."""
        self._arrived.append(segment.number)

    def commit(self) -> Token:
        """Make everything durable; the token to go on from."""
        while self._arrived:
            self._shipped.add(self._arrived.popleft())
        kept = [number for number, _ in self._file.extents if number not in self._shipped]
        self._file.drop_before(kept[0] if kept else 1 + max(self._file.segments, default=0))
        self._shipped = {number for number in self._shipped if number in self._file.segments}
        return self._file.commit()

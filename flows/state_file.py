"""Open sessions on disk: Bytewax keeps a small token per partition, the rest is here.

Bytewax rewrites a key's whole state at the end of every epoch in which the key was awake,
which for a partition's open sessions are tens of megabytes. Here only what changed is
appended, to numbered segment files; the token says how far each of them goes.

Delivery: exactly once, as with state inside Bytewax. A token is handed out only once
what it stands for is on the disk (fdatasync); what lies beyond a recovered token belongs to
an epoch that was never committed and is left out. Bytewax never asks for a token older
than the last but one: it takes no snapshot of an epoch before the one before is written.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAGIC = b"FFstate"
VERSION = 1
KEEP_TOKENS = 3  # one more than Bytewax can ask for

_HEADER = MAGIC + bytes([VERSION])
_FRAME = struct.Struct("<II")  # length, CRC-32 of what follows

logger = logging.getLogger(__name__)

Extent = tuple[int, int]  # segment, bytes of it that count
Token = tuple[Extent, ...]  # in the order of reading


class StateLost(RuntimeError):
    """The files do not hold what the flow's recovery state says they hold."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path}: {problem}. Open sessions cannot go on from it. Restore the worker's whole directory "
            f"from one backup, or run `footfall worker reset {path.parent.name}`: the log makes them again then."
        )


class StateFile:
    """One partition's segments. One process has it open at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._extents: dict[int, int] = {}  # what the next token will say
        self._tokens: list[set[int]] = []  # segments of the last tokens
        self._active: BinaryIO | None = None
        self._number = 0

    @property
    def size(self) -> int:
        """Bytes that a start would read."""
        return sum(self._extents.values())

    @property
    def segments(self) -> list[int]:
        """What a start would read, oldest first."""
        return list(self._extents)

    def start(self, token: Token = ()) -> None:
        """Go on from a token, the empty one being the beginning. What is appended goes to a
        new segment; segments that the token does not name go a few commits later."""
        self._close()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._extents = dict(token)
        found = {int(path.stem) for path in self._directory.glob("*.seg")}
        self._tokens = [found]
        self._number = max([0, *found, *self._extents])

    def frames(self) -> Iterator[bytes]:
        """What was appended, in its order. `StateLost` where it is not all there."""
        for number, end in self._extents.items():
            yield from read_segment(self._path(number), end)

    def append(self, payload: bytes) -> None:
        """Append one frame; it counts from the next `commit` on."""
        file = self._active or self.rotate()
        file.write(_FRAME.pack(len(payload), zlib.crc32(payload)))
        file.write(payload)
        self._extents[self._number] += _FRAME.size + len(payload)

    def rotate(self) -> BinaryIO:
        """Begin a new segment."""
        self._sync()
        self._close()
        self._number += 1
        file = self._active = self._path(self._number).open("xb")
        file.write(_HEADER)
        self._extents[self._number] = len(_HEADER)
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return file

    def seal(self) -> tuple[int, int] | None:
        """Make the segment that is written durable and end it, so that the next frame begins a new
        one; its number and size, None where none was begun."""
        if self._active is None:
            return None
        self._sync()
        self._close()
        return self._number, self._extents[self._number]

    @property
    def extents(self) -> Token:
        """Segments and their sizes, oldest first."""
        return tuple(self._extents.items())

    def path(self, number: int) -> Path:
        """The file of a segment."""
        return self._path(number)

    def drop_before(self, number: int) -> None:
        """Segments before this one are not needed from the next token on."""
        self._extents = {known: end for known, end in self._extents.items() if known >= number}

    def commit(self) -> Token:
        """Make it durable; the token to go on from. Deletes what only older tokens need."""
        self._sync()
        token = tuple(self._extents.items())
        before = set().union(*self._tokens)
        self._tokens = [*self._tokens, set(self._extents)][-KEEP_TOKENS:]
        for number in before - set().union(*self._tokens):
            self._path(number).unlink(missing_ok=True)
        return token

    def _sync(self) -> None:
        if self._active is not None:
            self._active.flush()
            os.fdatasync(self._active.fileno())

    def _close(self) -> None:
        if self._active is not None:
            self._active.close()
            self._active = None

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:08d}.seg"


def read_segment(path: Path, end: int) -> Iterator[bytes]:
    """The frames of a segment up to `end`. `StateLost` where they are not all there."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise StateLost(path, "is missing") from None
    with file:
        head = file.read(len(_HEADER))
        if head[:-1] != MAGIC:
            raise StateLost(path, "is no state file")
        if head[-1] != VERSION:
            raise StateLost(path, f"is of version {head[-1]}, this program reads {VERSION}: upgrade")
        at = len(_HEADER)
        while at < end:
            header = file.read(_FRAME.size)
            length, checksum = _FRAME.unpack(header) if len(header) == _FRAME.size else (end, 0)
            at += _FRAME.size + length
            payload = file.read(length) if at <= end else b""
            if len(payload) != length or zlib.crc32(payload) != checksum:
                raise StateLost(path, f"is damaged or cut short before byte {min(at, end)}")
            yield payload

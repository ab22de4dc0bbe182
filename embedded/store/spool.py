"""Where an INSERT's data waits until all of it is there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from .context import Limits
from .errors import ProtocolError

_CHUNK = 4 * 1024 * 1024


class Spool:
    """What an INSERT has sent so far: in memory, then in a nameless file; see Limits."""

    def __init__(self, directory: Path, limits: Limits):
        # An INSERT reaches the engine only when its last byte is here: a client that goes away leaves nothing.
        self._file = tempfile.SpooledTemporaryFile(max_size=limits.insert_memory, dir=str(directory))  # noqa: SIM115
        self._limit = limits.insert_size
        self.size = 0

    def add(self, data: bytes) -> None:
        """Keep bytes. Raises ProtocolError beyond the limit."""
        self.size += len(data)
        if self.size > self._limit:
            raise ProtocolError(f"an INSERT of more than {self._limit} bytes; send it in several")
        self._file.write(data)

    def chunks(self, start: int = 0) -> Iterator[bytes]:
        """All bytes from `start` on, in order."""
        self._file.seek(start)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        self._file.seek(0)
        return self._file.read(size)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

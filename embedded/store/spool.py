"""Where an INSERT's data waits until all of it is there."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, cast

from .context import Limits
from .errors import ProtocolError

_CHUNK = 4 * 1024 * 1024


def _memory_file() -> IO[bytes]:
    return cast(IO[bytes], os.fdopen(os.memfd_create("insert"), "w+b", buffering=0))


class Spool:
    """What an INSERT has sent so far: a nameless file in memory, beyond `insert_memory` on disk.

    An INSERT reaches the engine only when its last byte is here: a client that goes away leaves nothing.
    """

    def __init__(self, directory: Path, limits: Limits):
        self._file = _memory_file()
        self._directory = directory
        self._limits = limits
        self._on_disk = False
        self.size = 0

    @property
    def path(self) -> str:
        """A path under which this process can read the data."""
        return f"/proc/self/fd/{self._file.fileno()}"

    def add(self, data: bytes) -> None:
        """Keep bytes. Raises ProtocolError beyond `insert_size`."""
        self.size += len(data)
        if self.size > self._limits.insert_size:
            raise ProtocolError(f"an INSERT of more than {self._limits.insert_size} bytes; send it in several")
        if self.size > self._limits.insert_memory and not self._on_disk:
            self._replace(self._disk_file(), 0)
            self._on_disk = True
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def _disk_file(self) -> IO[bytes]:
        return cast(IO[bytes], tempfile.TemporaryFile(dir=self._directory, buffering=0))

    def _replace(self, target: IO[bytes], start: int) -> None:
        self._file.seek(start)
        shutil.copyfileobj(self._file, target, _CHUNK)
        self._file.close()
        self._file = target

    def drop(self, count: int) -> None:
        """Forget the first `count` bytes."""
        if count:
            self._replace(self._disk_file() if self._on_disk else _memory_file(), count)
            self.size -= count

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        self._file.seek(0)
        data = self._file.read(size)
        self._file.seek(0, os.SEEK_END)
        return data

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

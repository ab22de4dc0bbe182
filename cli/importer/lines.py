"""Files (gz too, `-` for standard input) as lines, each with its ordinal."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import click

from footfall.access_log import MAX_LINE_BYTES

REMEMBERED_LINES = 200_000
GZIP_MAGIC = b"\x1f\x8b"


class Line(NamedTuple):
    """A line without its end; `ordinal` counts equal lines before it in the same file, so
    that a line has one identity however often the file is read."""

    data: bytes
    ordinal: int


class Ordinals:
    """Counts equal lines over the last `limit` distinct ones: equal lines carry the same
    second, so they are close together."""

    def __init__(self, limit: int = REMEMBERED_LINES) -> None:
        self._limit = limit
        self._seen: dict[bytes, int] = {}

    def of(self, line: bytes) -> int:
        """0 for the first of its kind, then 1, 2 ..."""
        key = hashlib.blake2b(line, digest_size=12).digest()
        count = self._seen.pop(key, 0)
        self._seen[key] = count + 1  # at the end: the longest unseen go first
        if len(self._seen) > self._limit:
            del self._seen[next(iter(self._seen))]
        return count


class LogFile:
    """One file to import. `position` and `size` are in bytes of the file itself; size is 0
    where it cannot be known."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0 if name == "-" else Path(name).stat().st_size
        self._raw: io.BufferedReader | None = None

    @property
    def position(self) -> int:
        """How much of the file has been read."""
        if self._raw is None or not self.size:
            return 0
        return self.size if self._raw.closed else self._raw.tell()

    def lines(self) -> Iterator[Line]:
        """All lines but empty ones. A line that is too long comes cut, one byte longer than
        allowed, so that it is refused as what it is."""
        ordinals = Ordinals()
        with self._open() as stream:
            try:
                while line := stream.readline(MAX_LINE_BYTES + 2):
                    if len(line) == MAX_LINE_BYTES + 2 and not line.endswith(b"\n"):
                        _skip_line(stream)
                    if data := line.rstrip(b"\r\n"):
                        yield Line(data, ordinals.of(data))
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise click.ClickException(
                    f"{self.name} is damaged or cut off: {error}. The lines before that are imported; "
                    "import the whole file again once you have it, nothing is counted twice."
                ) from error

    def _open(self) -> io.BufferedIOBase:
        self._raw = raw = _buffered(self.name)
        return gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == GZIP_MAGIC else raw


def _buffered(name: str) -> io.BufferedReader:
    if name == "-":
        return cast(io.BufferedReader, sys.stdin.buffer)
    return Path(name).open("rb")


def _skip_line(stream: io.BufferedIOBase) -> None:
    while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass

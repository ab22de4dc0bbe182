"""Data blocks of a client's INSERT: found, checked and kept, without decoding their columns."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from .context import Limits
from .errors import ProtocolError
from .native_columns import Unskippable, skip_column
from .native_recode import recode_block
from .packets import skip_block_info
from .wire import Source

MAX_COLUMNS = 10_000
_CHUNK = 4 * 1024 * 1024


def read_block(source: Source) -> tuple[bytes, int]:
    """Consume one block; returns it in chDB's Native format, and its rows (0 marks the end of an INSERT).

    The bytes are the client's own where every column's end can be found, else decoded and encoded again.
    """
    skip_block_info(source)
    source.compact()
    try:
        rows = _skip_block(source)
    except Unskippable:
        source.pos = 0
        return recode_block(source)
    block = bytes(memoryview(source.buf)[: source.pos])
    source.compact()
    return block, rows


def _skip_block(source: Source) -> int:
    columns, rows = source.varint(), source.varint()
    if columns > MAX_COLUMNS:
        raise ProtocolError("a block of too many columns")
    if rows and not columns:
        raise ProtocolError("a block of rows without columns")
    for _ in range(columns):
        source.string()
        skip_column(source, source.string(), rows)
    return rows


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

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in order."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

"""Data blocks of a client's INSERT: found and checked, without decoding their columns."""

from __future__ import annotations

from .errors import ProtocolError
from .native_columns import Unskippable, skip_column
from .native_recode import recode_block
from .packets import skip_block_info
from .wire import Source

MAX_COLUMNS = 10_000


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

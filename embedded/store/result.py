"""A statement's result as Native blocks, each ready to be sent."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from .engine import Session
from .errors import Disconnected, StoreError
from .native_columns import Unskippable, skip_column
from .packets import empty_block
from .sql import skip_comments
from .wire import Source

_NOT_STREAMABLE = "Streaming query is not supported"


class _Bytes(Source):
    def __init__(self, data: bytes):
        super().__init__(len(data))
        self.buf = bytearray(data)

    def more(self) -> None:
        raise Disconnected("end of data")


def result_blocks(session: Session, sql: str, kind: str) -> Generator[tuple[bytes, int], None, None]:
    """Run a statement; yields (block, rows). A reading statement's first block has no rows, only the header."""
    first = True
    for block, rows in _blocks(session, sql, kind):
        if first:
            yield header_of(block) or empty_block(_header(session, sql)), 0
        first = False
        yield block, rows
    if first and kind == "READ_ONLY":
        yield empty_block(_header(session, sql)), 0


def header_of(block: bytes) -> bytes | None:
    """Names and types of a block as a block without rows; None if its columns cannot be skipped."""
    source = _Bytes(block)
    names: list[tuple[str, str]] = []
    columns, rows = source.varint(), source.varint()
    try:
        for _ in range(columns):
            names.append((source.string(), source.string()))
            skip_column(source, names[-1][1], rows)
    except Unskippable:
        return None
    return empty_block(names)


def _blocks(session: Session, sql: str, kind: str) -> Generator[tuple[bytes, int], None, None]:
    if kind == "READ_ONLY":
        try:
            yield from session.stream(sql)
            return
        except StoreError as error:
            if _NOT_STREAMABLE not in error.message:
                raise
    yield from split_blocks(session.query(sql))


def split_blocks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Cut Native output into its blocks: a packet may hold only one."""
    source = _Bytes(data)
    while source.pos < len(data):
        start = source.pos
        columns, rows = source.varint(), source.varint()
        try:
            for _ in range(columns):
                source.string()
                skip_column(source, source.string(), rows)
        except Unskippable:
            source.pos = len(data)
        yield data[start : source.pos], rows


def _header(session: Session, sql: str) -> list[tuple[str, str]]:
    head = skip_comments(sql).lstrip("( \t\r\n")[:6].upper()
    if head.startswith(("SELECT", "WITH")):
        return [
            (unescape(row[0]), unescape(row[1]))
            for row in session.rows(f"DESCRIBE ({sql.rstrip().rstrip(';')}\n)")
        ]
    lines = session.query(sql, "TabSeparatedWithNamesAndTypes").decode().split("\n")
    return [(unescape(n), unescape(t)) for n, t in zip(*(line.split("\t") for line in lines[:2]), strict=True)]


def unescape(text: str) -> str:
    """Undo TabSeparated's escapes."""
    return text.encode().decode("unicode_escape").encode("latin-1").decode() if "\\" in text else text

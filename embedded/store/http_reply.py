"""Statuses, content types and packing of HTTP answers, as ClickHouse gives them."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator

from . import errors
from .engine import Session
from .errors import StoreError
from .running import RunningQuery

# Formats whose blocks can be sent one after another; others are made whole first.
STREAMED = frozenset(
    {
        "TabSeparated",
        "TSV",
        "TabSeparatedRaw",
        "TSVRaw",
        "CSV",
        "JSONEachRow",
        "RowBinary",
        "Native",
        "LineAsString",
    }
)
_CONTENT_TYPES = (
    ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
    ("JSON", "application/json; charset=UTF-8"),
    ("NDJSON", "application/x-ndjson; charset=UTF-8"),
    ("CSV", "text/csv; charset=UTF-8"),
    ("TSV", "text/tab-separated-values; charset=UTF-8"),
    ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
    ("XML", "application/xml; charset=UTF-8"),
    ("Native", "application/octet-stream"),
    ("RowBinary", "application/octet-stream"),
    ("Parquet", "application/octet-stream"),
    ("Arrow", "application/octet-stream"),
    ("ORC", "application/octet-stream"),
    ("MsgPack", "application/octet-stream"),
)
# ClickHouse's own mapping of exception codes to statuses; everything else is a 500.
_STATUS = {
    **dict.fromkeys((194,), 401),
    **dict.fromkeys((192, 193, errors.AUTHENTICATION_FAILED, errors.ACCESS_DENIED), 403),
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 43, 53, 62, 69, 70, 72, 117, 321, 427, 456, 457, 467), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 75, 78, 81, 110, 115), 404),
    **dict.fromkeys((223, 307), 413),
    **dict.fromkeys((errors.NOT_IMPLEMENTED,), 501),
    **dict.fromkeys((errors.TOO_MANY_QUERIES,), 503),
    **dict.fromkeys((errors.TIMEOUT_EXCEEDED,), 408),
}


def status_of(code: int) -> int:
    """The HTTP status of an exception code."""
    return _STATUS.get(code, 500)


def content_type(output_format: str) -> str:
    """The Content-Type of an output format."""
    for prefix, kind in _CONTENT_TYPES:
        if output_format.startswith(prefix):
            return kind
    return "text/plain; charset=UTF-8"


def gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pack chunks with gzip as they come."""
    packer = zlib.compressobj(3, zlib.DEFLATED, 31)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def output_chunks(
    engine: Session, sql: str, output_format: str, params: dict[str, str]
) -> Generator[bytes, None, None]:
    """The result in a format: block by block where the format allows it."""
    if output_format in STREAMED and " format " not in sql.lower():
        try:
            for chunk, _rows in engine.stream(sql, output_format, params):
                yield chunk
            return
        except StoreError as error:
            if "Streaming query is not supported" not in error.message:
                raise
    yield engine.query(sql, output_format, params)


def watched(running: RunningQuery, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """All chunks, as long as the query is not cancelled."""
    if first:
        yield first
    for chunk in rest:
        running.check()
        if chunk:
            yield chunk


def escape(text: str) -> str:
    """A value in TabSeparated."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

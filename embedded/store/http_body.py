"""The body of an HTTP request: plain or chunked, gzip or not, kept in a Spool."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase

from .errors import NOT_IMPLEMENTED, Disconnected, ProtocolError, StoreError
from .spool import Spool

_READ = 256 * 1024
_LINE = 1024
_LENGTH_DIGITS = 18


def receive_body(headers: Message, stream: BufferedIOBase, spool: Spool) -> None:
    """Read the whole body into the spool, unpacked.

    Raises Disconnected if it ends early, ProtocolError if it is malformed or too large, StoreError for an encoding
    that is not served.
    """
    encoding = (headers.get("Content-Encoding") or "").lower()
    if encoding not in ("", "identity", "gzip"):
        raise StoreError(NOT_IMPLEMENTED, f"Unknown content encoding {encoding}; use gzip. (NOT_IMPLEMENTED)")
    chunks = _pieces(headers, stream)
    for chunk in _gunzip(chunks) if encoding == "gzip" else chunks:
        spool.add(chunk)


def _pieces(headers: Message, stream: BufferedIOBase) -> Iterator[bytes]:
    if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
        return _chunked(stream)
    length = headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdecimal()) or len(length) > _LENGTH_DIGITS:
        raise ProtocolError("a malformed Content-Length")
    return _exactly(stream, int(length))


def _exactly(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    while size:
        try:
            data = stream.read(min(size, _READ))
        except OSError as error:
            raise Disconnected(str(error)) from None
        if not data:
            raise Disconnected("the body ended early")
        size -= len(data)
        yield data


def _chunked(stream: BufferedIOBase) -> Iterator[bytes]:
    while size := _chunk_size(stream):
        yield from _exactly(stream, size)
        if b"".join(_exactly(stream, 2)) != b"\r\n":
            raise ProtocolError("a malformed chunk")
    while _line(stream) not in (b"\r\n", b"\n"):  # trailers
        pass


def _line(stream: BufferedIOBase) -> bytes:
    try:
        line = stream.readline(_LINE)
    except OSError as error:
        raise Disconnected(str(error)) from None
    if not line.endswith(b"\n"):
        raise Disconnected("the body ended early")
    return line


def _chunk_size(stream: BufferedIOBase) -> int:
    text = _line(stream).split(b";")[0].strip()
    try:
        size = int(text, 16)
    except ValueError:
        raise ProtocolError("a malformed chunk size") from None
    if size < 0:
        raise ProtocolError("a malformed chunk size")
    return size


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            data = chunk
            while data:  # in steps, so that a bomb meets the spool's limit, not the memory's
                yield unpacker.decompress(data, _READ)
                data = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error:
        raise ProtocolError("a body that is not gzip") from None
    if not unpacker.eof:
        raise ProtocolError("a gzip body that is cut off")

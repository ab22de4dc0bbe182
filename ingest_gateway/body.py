"""Reading a request's body: bounded before, while and after it is decompressed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import brotli
import zstandard

from footfall.event import MAX_BATCH_BYTES
from ingest_gateway.answers import RefusedError, too_large, unavailable, unreadable
from ingest_gateway.deadlines import Deadlines

TYPES = frozenset({"application/json", "text/plain", ""})
# A body of up to this size is read to its end (and thrown away) before it is refused, so
# that the client gets to see the answer in place of a broken connection.
DRAIN_BYTES = 8 * MAX_BATCH_BYTES
# What RFC 9659 asks of a zstd content coding: frames that need more are refused.
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
# What has come of large bodies that are not whole yet. Small ones are bounded by their number.
LARGE_BYTES = 256 * 1024 * 1024
# How a gzip body begins; no JSON does.
GZIP_MAGIC = b"\x1f\x8b"
TOO_LARGE = f"a body is at most {MAX_BATCH_BYTES} bytes, decompressed too: send fewer events at once"


class BodySource(Protocol):
    """The part of Granian's protocol object that reads."""

    async def __call__(self) -> bytes:
        """All of it."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Part by part."""


class Room:
    """For large bodies on their way, of all requests together."""

    def __init__(self, limit: int = LARGE_BYTES) -> None:
        self._free = limit

    def take(self, size: int) -> None:
        """`RefusedError` 503 where there is none left."""
        if size > self._free:
            raise unavailable("too much is coming in at once")
        self._free -= size

    def give_back(self, size: int) -> None:
        """They are whole, or given up."""
        self._free += size


class BodyReader:
    """Reads bodies; one that takes longer than `timeout_s` ends with its task being cancelled."""

    def __init__(self, timeout_s: float) -> None:
        self.reading: Deadlines[asyncio.Task[object]] = Deadlines(timeout_s, _cancel)
        self._room = Room()

    async def read(self, headers: Mapping[str, str], source: BodySource) -> bytes:
        """The whole body, decompressed; `RefusedError` 400, 413, 415 or 503."""
        task = asyncio.current_task()
        assert task is not None
        self.reading.add(task)
        encoding, length = headers.get("content-encoding", ""), headers.get("content-length", "")
        try:
            if is_plain(encoding, length):
                return unpack(await source())
            body = await read_body(encoding, length, source, self._room)
            return body if encoding else unpack(body)
        finally:
            self.reading.remove(task)


def _cancel(task: asyncio.Task[object]) -> None:
    task.cancel()


def check_type(headers: Mapping[str, str]) -> None:
    """415 for a body that is not JSON. `text/plain` is: browsers send it without preflight."""
    given = headers.get("content-type", "")
    if given not in TYPES and given.partition(";")[0].strip().lower() not in TYPES:
        raise RefusedError(415, "content_type", "send JSON as application/json or text/plain")


def is_plain(encoding: str, length: str) -> bool:
    """The common case: nothing to decompress, and fewer than 100,000 bytes announced."""
    return not encoding and 0 < len(length) <= 5 and length.isascii() and length.isdigit()


def unpack(body: bytes) -> bytes:
    """A body without Content-Encoding, gunzipped where it is gzip all the same: a page cannot send that
    header to another origin without a preflight. `RefusedError` 400 or 413."""
    return _gunzip(body) if body[:2] == GZIP_MAGIC else body


async def read_body(encoding: str, length: str, source: BodySource, room: Room) -> bytes:
    """The whole body, decompressed; `RefusedError` 400, 413, 415 or 503. `encoding` and `length`
    are the headers' values, empty where they were not sent."""
    decompress = DECOMPRESSORS.get(encoding) or DECOMPRESSORS.get(encoding.strip().lower())
    if decompress is None:
        raise RefusedError(415, "content_encoding", f"send one of: {', '.join(filter(None, DECOMPRESSORS))}")
    if not length:
        return decompress(await _read_parts(source, room))
    if not (length.isascii() and length.isdigit()):
        raise unreadable("Content-Length is not a number")
    if len(length) > 18 or int(length) > MAX_BATCH_BYTES:
        await _drain(source, length)
        raise too_large(TOO_LARGE)
    return decompress(await _read_parts(source, room))


async def _read_parts(source: BodySource, room: Room) -> bytes:
    parts: list[bytes] = []
    size = taken = 0
    try:
        async for part in source:
            size += len(part)
            if size > MAX_BATCH_BYTES:
                raise too_large(TOO_LARGE)
            room.take(len(part))
            taken = size
            parts.append(part)
        return b"".join(parts)
    finally:
        room.give_back(taken)


async def _drain(source: BodySource, length: str) -> None:
    if len(length) <= 18 and int(length) <= DRAIN_BYTES:
        async for _ in source:
            pass


def _identity(data: bytes) -> bytes:
    return data


def _gunzip(data: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(data, MAX_BATCH_BYTES + 1)
    except zlib.error as error:
        raise unreadable(f"the body is not gzip: {error}") from error
    if len(plain) > MAX_BATCH_BYTES:
        raise too_large(TOO_LARGE)
    if not unzip.eof or unzip.unused_data:
        raise unreadable("the gzip body is cut off or has something after its end")
    return plain


def _unbrotli(data: bytes) -> bytes:
    decompressor = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    try:
        part = decompressor.process(data, output_buffer_limit=MAX_BATCH_BYTES + 1)
        while part:
            size += len(part)
            if size > MAX_BATCH_BYTES:
                raise too_large(TOO_LARGE)
            parts.append(part)
            part = decompressor.process(b"", output_buffer_limit=MAX_BATCH_BYTES + 1)
    except brotli.error as error:
        raise unreadable("the body is not brotli") from error
    if not decompressor.is_finished():
        raise unreadable("the brotli body is cut off")
    return b"".join(parts)


def _unzstd(data: bytes) -> bytes:
    # A decompressor of its own per request: they are not thread-safe, and cheap.
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    unzip = decompressor.decompressobj(write_size=64 * 1024, read_across_frames=False)
    try:
        plain = decompressor.stream_reader(data, read_across_frames=False).read(MAX_BATCH_BYTES + 1)
        if len(plain) > MAX_BATCH_BYTES:
            raise too_large(TOO_LARGE)
        # Only this interface tells whether the frame ended; its size is known by now.
        unzip.decompress(data)
    except zstandard.ZstdError as error:
        raise unreadable("the body is not zstd, or needs a window above 8 MiB") from error
    if not unzip.eof or unzip.unused_data:
        raise unreadable("the zstd body is cut off or has something after its end")
    return plain


DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gunzip,
    "br": _unbrotli,
    "zstd": _unzstd,
}

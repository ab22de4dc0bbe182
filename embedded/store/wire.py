"""Bytes in and out of a socket: a read-ahead buffer, varints, strings and ClickHouse's LZ4 frames."""

from __future__ import annotations

import socket
import struct
from abc import ABC, abstractmethod

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

from .errors import Disconnected, ProtocolError

READ_SIZE = 256 * 1024
FRAME_SIZE = 1024 * 1024  # raw bytes a frame that we send; ClickHouse clients expect at most this
FRAME_LIMIT = 256 * 1024 * 1024  # clickhouse-driver puts a whole block into one frame
_LZ4 = 0x82
_PLAIN = 0x02
_FRAME_HEADER = struct.Struct("<BII")
_HASH = struct.Struct("<QQ")


class Source(ABC):
    """Bytes of a peer, read ahead into `buf`; `pos` is what has been consumed.

    `limit` bounds the bytes held at once, so that no peer can make the store grow.
    """

    def __init__(self, limit: int):
        self.buf = bytearray()
        self.pos = 0
        self.limit = limit

    @abstractmethod
    def more(self) -> None:
        """Append at least one byte to `buf`; raise Disconnected if none will come."""

    def need(self, count: int) -> None:
        """Wait until `count` unread bytes are there."""
        if self.pos + count > self.limit:
            raise ProtocolError(f"more than {self.limit} bytes in one block or packet")
        while len(self.buf) - self.pos < count:
            self.more()

    def skip(self, count: int) -> None:
        """Consume `count` bytes."""
        self.need(count)
        self.pos += count

    def compact(self) -> None:
        """Forget what has been consumed."""
        if self.pos:
            del self.buf[: self.pos]
            self.pos = 0

    def take(self, count: int) -> bytes:
        """Consume and return `count` bytes."""
        self.need(count)
        start = self.pos
        self.pos += count
        return bytes(self.buf[start : self.pos])

    def byte(self) -> int:
        """Consume one byte."""
        self.need(1)
        self.pos += 1
        return self.buf[self.pos - 1]

    def uint64(self) -> int:
        """Consume a little-endian unsigned 64-bit integer."""
        return int.from_bytes(self.take(8), "little")

    def varint(self) -> int:
        """Consume an unsigned LEB128 integer of at most 64 bits."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7
            if shift > 63:
                raise ProtocolError("an integer longer than 64 bits")

    def blob(self, limit: int) -> bytes:
        """Consume length-prefixed bytes of at most `limit`."""
        size = self.varint()
        if size > limit:
            raise ProtocolError(f"a string of {size} bytes where at most {limit} are allowed")
        return self.take(size)

    def string(self, limit: int = 64 * 1024) -> str:
        """Consume a length-prefixed UTF-8 string of at most `limit` bytes."""
        try:
            return self.blob(limit).decode()
        except UnicodeDecodeError:
            raise ProtocolError("a string that is not UTF-8") from None


class SocketSource(Source):
    """A Source over a socket; the socket's own timeout bounds every wait."""

    def __init__(self, sock: socket.socket, limit: int):
        super().__init__(limit)
        self._sock = sock

    def more(self) -> None:
        """Receive what is there; silence beyond the timeout counts as gone."""
        try:
            chunk = self._sock.recv(READ_SIZE)
        except OSError as error:
            raise Disconnected(str(error)) from None
        if not chunk:
            raise Disconnected("closed by peer")
        self.buf += chunk


class FrameSource(Source):
    """The plain bytes inside LZ4 frames that another source carries."""

    def __init__(self, inner: Source, limit: int):
        super().__init__(limit)
        self._inner = inner

    def more(self) -> None:
        """Read, check and unpack one frame."""
        inner = self._inner
        inner.compact()
        high, low = _HASH.unpack(inner.take(16))
        inner.need(9)
        method, packed, raw = _FRAME_HEADER.unpack_from(inner.buf, inner.pos)
        if not 9 <= packed <= FRAME_LIMIT or raw > FRAME_LIMIT:
            raise ProtocolError("a compressed frame of impossible size")
        frame = inner.take(packed)
        if CityHash128(frame) != (high << 64) + low:
            raise ProtocolError("a compressed frame whose checksum does not match")
        self.buf += _unpack(method, memoryview(frame)[9:], raw)


def _unpack(method: int, data: memoryview, raw: int) -> bytes:
    if method == _PLAIN:
        return bytes(data)
    if method != _LZ4:
        raise ProtocolError(f"unknown compression method {method:#x}; use lz4")
    try:
        return bytes(lz4.block.decompress(data, uncompressed_size=raw))
    except lz4.block.LZ4BlockError:
        raise ProtocolError("a compressed frame that cannot be unpacked") from None


def pack_frames(data: bytes) -> bytes:
    """`data` as LZ4 frames of at most 1 MiB raw each."""
    view = memoryview(data)
    return b"".join(_frame(view[at : at + FRAME_SIZE]) for at in range(0, len(view), FRAME_SIZE))


def _frame(data: memoryview) -> bytes:
    packed = lz4.block.compress(data, store_size=False)
    frame = _FRAME_HEADER.pack(_LZ4, len(packed) + 9, len(data)) + packed
    digest = CityHash128(frame)
    return _HASH.pack(digest >> 64, digest & 0xFFFFFFFFFFFFFFFF) + bytes(frame)


def pack_varint(value: int) -> bytes:
    """An unsigned LEB128 integer."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def pack_string(text: str) -> bytes:
    """A length-prefixed UTF-8 string."""
    data = text.encode()
    return pack_varint(len(data)) + data

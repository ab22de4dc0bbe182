"""A client that speaks the native protocol byte by byte, to stop or lie at any point of it."""

from __future__ import annotations

import socket
from types import TracebackType

from embedded.store import packets
from embedded.store.wire import SocketSource, pack_string, pack_varint
from tests.fixtures.store import StoreServer


class WireClient:
    """Connected and past hello when entered."""

    def __init__(self, store: StoreServer):
        self.sock = socket.create_connection((store.host, store.port), timeout=30)
        self._source = SocketSource(self.sock, 1 << 24)
        self._store = store

    def __enter__(self) -> WireClient:
        names = pack_string("") + pack_string(self._store.user) + pack_string(self._store.password)
        self.send(b"\x00" + pack_string("test") + b"\x01\x01" + pack_varint(packets.REVISION) + names)
        assert self.packet() == packets.SERVER_HELLO
        self._source.string()
        for _ in range(3):
            self._source.varint()
        self._source.string()
        self._source.string()
        self._source.varint()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def packet(self) -> int:
        return self._source.varint()

    def query(self, sql: str, query_id: str) -> None:
        info = b"\x01" + b"\x00" * 3 + b"\x01" + b"\x00" * 3 + b"\x01\x01\x01" + b"\x00\x00\x00\x00"
        head = b"\x01" + pack_string(query_id) + info + b"\x00" + b"\x00" + b"\x02\x00"
        self.send(head + pack_string(sql) + self._block(b"\x00\x00"))

    def _block(self, block: bytes) -> bytes:
        return b"\x02\x00" + packets.BLOCK_INFO + block

    def begin_insert(self, sql: str, query_id: str) -> None:
        """Send an INSERT of one column and take its header."""
        self.query(sql, query_id)
        assert self.packet() == packets.SERVER_DATA
        self._source.string()
        packets.skip_block_info(self._source)
        columns, rows = self._source.varint(), self._source.varint()
        assert rows == 0
        for _ in range(2 * columns):
            self._source.string()

    def send_uint64_block(self, name: str, values: list[int]) -> None:
        self.send_block(name, "UInt64", len(values), b"".join(value.to_bytes(8, "little") for value in values))

    def send_block(self, name: str, kind: str, rows: int, data: bytes) -> None:
        self.send(self._block(b"\x01" + pack_varint(rows) + pack_string(name) + pack_string(kind) + data))

    def end_insert(self) -> None:
        self.send(self._block(b"\x00\x00"))

    def receive_exception(self) -> int:
        """The code of the exception that comes next."""
        assert self.packet() == packets.SERVER_EXCEPTION
        return int.from_bytes(self._source.take(4), "little", signed=True)

    def expect_end_of_stream(self) -> None:
        assert self.packet() == packets.SERVER_END

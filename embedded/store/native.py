"""One client on ClickHouse's native protocol, from hello to goodbye."""

from __future__ import annotations

import logging
import select
import socket
import uuid
from contextlib import closing, suppress

from . import packets
from .access import User
from .context import Store
from .errors import (
    CANCELLED,
    INCORRECT_DATA,
    NOT_IMPLEMENTED,
    UNEXPECTED_PACKET,
    UNKNOWN_PACKET,
    Disconnected,
    FatalError,
    ProtocolError,
    StoreError,
)
from .native_insert import read_block
from .result import result_blocks
from .running import RunningQuery
from .session import UserSession
from .spool import Spool
from .sql import InsertStatement, parse_insert, parse_kill, split_format
from .statements import insert_columns, kill_block, kill_in_engine, statement_for_engine
from .wire import FrameSource, SocketSource, pack_frames, pack_string, pack_varint

log = logging.getLogger(__name__)

_BLOCK_LIMIT = 512 * 1024 * 1024
_HELLO_LIMIT = 64 * 1024


class NativeClient:
    """Serves one connection; every wait is bounded by the store's timeouts."""

    def __init__(self, sock: socket.socket, peer: str, store: Store):
        self._sock = sock
        self._peer = peer
        self._store = store
        self._source = SocketSource(sock, _HELLO_LIMIT)
        self._session: UserSession
        self._compressed = False

    def serve(self) -> None:
        """Run until the client leaves, keeps silent too long, sends nonsense or the store stops."""
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sock.settimeout(self._store.limits.hello_timeout)
            user, database = self._hello()
            with UserSession(self._store, user, database) as session:
                self._session = session
                self._send(packets.hello(packets.REVISION))
                self._source.limit = _BLOCK_LIMIT
                self._packets()
        except StoreError as error:
            log.warning("native client %s refused: code %d", self._peer, error.code)
            with suppress(Disconnected):
                self._send(packets.exception(error))
        except ProtocolError as error:
            log.warning("native client %s closed: %s", self._peer, error)
            with suppress(Disconnected):
                self._send(packets.exception(StoreError(INCORRECT_DATA, str(error))))
        except Disconnected as error:
            log.debug("native client %s left: %s", self._peer, error)

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from None

    def _hello(self) -> tuple[User, str]:
        hello = packets.read_hello(self._source)
        user = self._store.users.check(hello.user, hello.password)
        if hello.revision < packets.REVISION:
            message = f"The client's revision {hello.revision} is too old; at least {packets.REVISION} is needed."
            raise StoreError(NOT_IMPLEMENTED, message)
        return user, hello.database

    def _packets(self) -> None:
        source = self._source
        while not self._store.stopping.is_set():
            source.compact()
            self._sock.settimeout(self._store.limits.idle_timeout)
            kind = source.varint()
            self._sock.settimeout(self._store.limits.packet_timeout)
            if kind == packets.CLIENT_PING:
                self._send(pack_varint(packets.SERVER_PONG))
            elif kind == packets.CLIENT_QUERY:
                self._query(packets.read_query(source))
            elif kind != packets.CLIENT_CANCEL:  # a cancel that came after the query's end
                raise StoreError(UNKNOWN_PACKET, f"Unknown packet {kind} from client.")

    def _query(self, query: packets.Query) -> None:
        self._compressed = query.compressed
        if self._read_data()[1]:
            raise StoreError(NOT_IMPLEMENTED, "External tables are not supported.")
        running = RunningQuery(query.query_id or str(uuid.uuid4()), self._session.user.name, query.sql)
        try:
            with self._store.running.entered(running):
                self._run(running, query)
        except StoreError as error:
            if error.code == CANCELLED and running.by_client:
                self._send(pack_varint(packets.SERVER_END))
                return
            self._send(packets.exception(error))
            if isinstance(error, FatalError):
                raise Disconnected(f"code {error.code}") from None
            return
        self._send(pack_varint(packets.SERVER_END))

    def _run(self, running: RunningQuery, query: packets.Query) -> None:
        session, sql = self._session, query.sql
        kill = parse_kill(sql)
        if kill:
            session.require_admin()
            self._send_block(kill_block(self._store, kill, running), 1)
            return
        sql = statement_for_engine(session, sql)
        kind = session.check(sql)
        insert = parse_insert(sql) if kind == "MUTATING" else None
        receives = insert is not None and not insert.inline
        with session.settings(query.settings, "" if receives else running.tag):
            if insert is not None and receives:
                self._insert(running, insert)
            else:
                running.stop = lambda: kill_in_engine(self._store, running.tag)
                running.sock = self._sock
                self._select(running, split_format(sql)[0], kind)

    def _select(self, running: RunningQuery, sql: str, kind: str) -> None:
        rows = blocks = size = 0
        running.check()
        with closing(result_blocks(self._session.engine, sql, kind)) as results:
            for block, count in results:
                self._send_block(block, count)
                rows, blocks, size = rows + count, blocks + 1, size + len(block)
                running.check()
                if self._cancelled():
                    return
        if blocks:
            self._send(packets.profile(rows, blocks, size) + packets.progress(rows, size))

    def _cancelled(self) -> bool:
        """Whether the client has sent a cancel (consumed here). Raises Disconnected if it has gone."""
        source = self._source
        if source.pos == len(source.buf):
            if not select.select([self._sock], [], [], 0)[0]:
                return False
            source.more()
        if source.buf[source.pos] != packets.CLIENT_CANCEL:
            raise ProtocolError("a packet other than cancel while a query runs")
        source.skip(1)
        return True

    def _insert(self, running: RunningQuery, insert: InsertStatement) -> None:
        columns = insert_columns(self._session.engine, insert)
        running.stop = self._stop_reading
        running.check()
        with closing(Spool(self._store.spool_dir, self._store.limits)) as spool:
            self._send_block(packets.empty_block(columns), 0)
            try:
                self._receive(spool)
            except (StoreError, Disconnected, ProtocolError) as error:
                running.check_fatal()
                if isinstance(error, StoreError):
                    raise FatalError(error.code, error.message) from None
                raise
            running.commit()
            rows, size = self._write(spool, insert)
        self._send(packets.progress(0, 0, rows, size))

    def _receive(self, spool: Spool) -> None:
        while True:
            block, rows = self._read_data()
            if not rows:
                return
            spool.add(block)

    def _write(self, spool: Spool, insert: InsertStatement) -> tuple[int, int]:
        if not spool.size:
            return 0, 0
        return self._session.engine.insert(insert, spool.path, "Native")

    def _stop_reading(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def _read_data(self) -> tuple[bytes, int]:
        """The next data packet's block, as (Native bytes, rows); packed blocks are unpacked."""
        source = self._source
        kind = source.varint()
        if kind != packets.CLIENT_DATA:
            name = "cancel" if kind == packets.CLIENT_CANCEL else str(kind)
            raise FatalError(
                UNEXPECTED_PACKET, f"Unexpected packet {name} received from client where data was due."
            )
        source.string(packets.MAX_NAME)  # the name of an external table
        if not self._compressed:
            return read_block(source)
        frames = FrameSource(source, _BLOCK_LIMIT)
        block = read_block(frames)
        if frames.pos != len(frames.buf):
            raise ProtocolError("bytes behind a block in its last frame")
        return block

    def _send_block(self, block: bytes, _rows: int) -> None:
        body = packets.BLOCK_INFO + block
        head = pack_varint(packets.SERVER_DATA) + pack_string("")
        self._send(head + (pack_frames(body) if self._compressed else body))

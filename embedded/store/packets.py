"""Packets of ClickHouse's native protocol at revision 54448, as the server reads and writes them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from .errors import ProtocolError, StoreError
from .wire import Source, pack_string, pack_varint

REVISION = 54448  # below 54454, so that a block is chDB's Native format byte for byte and no addendum follows
VERSION = (26, 9, 2)
CLIENT_HELLO, CLIENT_QUERY, CLIENT_DATA, CLIENT_CANCEL, CLIENT_PING = 0, 1, 2, 3, 4
SERVER_HELLO, SERVER_DATA, SERVER_EXCEPTION, SERVER_PROGRESS, SERVER_PONG, SERVER_END, SERVER_PROFILE = range(7)
# BlockInfo: field 1 is_overflows=0, field 2 bucket_num=-1, end.
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
MAX_SQL = 16 * 1024 * 1024
MAX_NAME = 4096
MAX_SETTINGS = 512


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client says first."""

    client: str
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query packet; `compressed` says that data blocks travel in LZ4 frames, both ways."""

    query_id: str
    settings: dict[str, str]
    compressed: bool
    sql: str


def read_hello(source: Source) -> Hello:
    """Read the hello packet (its type byte included)."""
    if source.varint() != CLIENT_HELLO:
        raise ProtocolError("the first packet is no hello; is this an HTTP client on the native port?")
    client = source.string(MAX_NAME)
    source.varint()
    source.varint()
    revision = source.varint()
    return Hello(client, revision, source.string(MAX_NAME), source.string(MAX_NAME), source.string(MAX_NAME))


def read_query(source: Source) -> Query:
    """Read a query packet (after its type byte)."""
    query_id = source.string(MAX_NAME)
    _skip_client_info(source)
    settings = _read_settings(source)
    source.string(MAX_NAME)  # the secret between servers
    source.varint()  # stage: always complete
    compressed = source.varint() == 1
    return Query(query_id, settings, compressed, source.string(MAX_SQL))


def _skip_client_info(source: Source) -> None:
    if source.byte() == 0:  # no query kind: nothing follows
        return
    for _ in range(3):  # initial user, initial query id, initial address
        source.string(MAX_NAME)
    source.byte()  # interface: TCP
    for _ in range(3):  # user of the system, host, client
        source.string(MAX_NAME)
    for _ in range(3):  # version major and minor, revision
        source.varint()
    source.string(MAX_NAME)  # quota key
    source.varint()  # distributed depth
    source.varint()  # version patch
    if source.byte():  # OpenTelemetry: trace id, span id, state, flags
        source.skip(24)
        source.string(MAX_NAME)
        source.skip(1)


def _read_settings(source: Source) -> dict[str, str]:
    settings: dict[str, str] = {}
    while name := source.string(MAX_NAME):
        source.varint()  # flags
        settings[name] = source.string(64 * 1024)
        if len(settings) > MAX_SETTINGS:
            raise ProtocolError("too many settings")
    return settings


def skip_block_info(source: Source) -> None:
    """Consume a BlockInfo."""
    while field := source.varint():
        if field not in (1, 2):
            raise ProtocolError("an unknown field in a block's head")
        source.skip(1 if field == 1 else 4)


def hello(revision: int) -> bytes:
    """The server's hello."""
    head = (
        pack_varint(SERVER_HELLO) + pack_string("ClickHouse") + pack_varint(VERSION[0]) + pack_varint(VERSION[1])
    )
    return head + pack_varint(revision) + pack_string("UTC") + pack_string("footfall") + pack_varint(VERSION[2])


def exception(error: StoreError) -> bytes:
    """An exception packet."""
    body = struct.pack("<i", error.code) + pack_string("DB::Exception")
    return pack_varint(SERVER_EXCEPTION) + body + pack_string(f"DB::Exception: {error.message}") + b"\x00\x00"


def progress(rows: int, size: int, written_rows: int = 0, written_bytes: int = 0) -> bytes:
    """A progress packet: rows and bytes read (total unknown) and written."""
    values = (SERVER_PROGRESS, rows, size, 0, written_rows, written_bytes)
    return b"".join(map(pack_varint, values))


def profile(rows: int, blocks: int, size: int) -> bytes:
    """A profile packet about a finished query."""
    return b"".join(map(pack_varint, (SERVER_PROFILE, rows, blocks, size))) + b"\x00\x00\x00"


def empty_block(columns: list[tuple[str, str]]) -> bytes:
    """A Native block without rows: only names and types."""
    head = pack_varint(len(columns)) + b"\x00"
    return head + b"".join(pack_string(name) + pack_string(type_name) for name, type_name in columns)

"""The slow path of an INSERT: decode a block with clickhouse-driver's columns and encode it again for chDB."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace
from typing import Any

from clickhouse_driver.bufferedreader import CompressedBufferedReader
from clickhouse_driver.bufferedwriter import CompressedBufferedWriter
from clickhouse_driver.columns.service import read_column, write_column
from clickhouse_driver.context import Context

from .errors import NOT_IMPLEMENTED, Disconnected, ProtocolError, StoreError
from .wire import Source, pack_string, pack_varint

_BUFFER = 1024 * 1024


def recode_block(source: Source) -> tuple[bytes, int]:
    """Consume one block (after its BlockInfo) and return it re-encoded, and its rows.

    Raises StoreError for a type that clickhouse-driver cannot decode either; the connection cannot go on then.
    """
    columns, rows = source.varint(), source.varint()
    out = BytesIO()
    out.write(pack_varint(columns) + pack_varint(rows))
    for _ in range(columns):
        name, type_name = source.string(), source.string()
        out.write(pack_string(name) + pack_string(type_name))
        if rows:
            _recode_column(source, name, type_name, rows, out)
    source.compact()
    return out.getvalue(), rows


def _recode_column(source: Source, name: str, type_name: str, rows: int, out: BytesIO) -> None:
    reader, context = _Reader(source), driver_context()
    try:
        values = read_column(context, type_name, rows, reader.buffered)
        reader.give_back()
        writer = CompressedBufferedWriter(out, _BUFFER)
        write_column(context, name, type_name, [_editable(value) for value in values], writer)
        writer.flush()
    except (Disconnected, ProtocolError):
        raise
    except Exception as error:  # noqa: BLE001 - a decoder that is fed anything raises anything
        message = f"Columns of type {type_name} cannot be inserted over the native protocol: {error}"
        raise StoreError(NOT_IMPLEMENTED, message) from None


def driver_context() -> Any:
    """What clickhouse-driver's columns want to know: strings as bytes, chDB's own Native format."""
    context = Context()
    context.settings = {}
    context.client_settings = {
        "strings_as_bytes": True,
        "strings_encoding": "utf-8",
        "use_numpy": False,
        "input_format_null_as_default": False,
        "namedtuple_as_json": True,
        "server_side_params": False,
    }
    context.server_info = SimpleNamespace(used_revision=0, get_timezone=lambda: "UTC", session_timezone=None)
    return context


def _editable(value: Any) -> Any:
    # Columns are read as tuples, but the writers of arrays and maps want lists.
    return list(value) if isinstance(value, tuple) else value


class _Reader:
    """clickhouse-driver's reader over a Source; what it reads ahead is given back."""

    def __init__(self, source: Source):
        self._source = source
        self.buffered = CompressedBufferedReader(self._next, _BUFFER)

    def _next(self) -> bytes:
        source = self._source
        source.need(1)
        data = bytes(memoryview(source.buf)[source.pos :])
        source.pos = len(source.buf)
        return data

    def give_back(self) -> None:
        unread = self.buffered.current_buffer_size - self.buffered.position
        self._source.pos -= unread

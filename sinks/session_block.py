"""Session rows, straight into ClickHouse's Native format: the columns are the row's fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

from footfall.sessions.row import SessionRow
from sinks.native import (
    LOW_CARDINALITY_PREFIX,
    EncodedBlock,
    StringPieces,
    fixed,
    low_cardinality,
    low_cardinality_inside,
    strings,
)
from sinks.schema import SESSIONS

_CODES = {
    "UInt8": "B",
    "UInt16": "H",
    "UInt32": "I",
    "UInt64": "Q",
    "Int64": "q",
    "DateTime64(3, 'UTC')": "q",
}
_COLUMNS = tuple((kind, attrgetter(name)) for name, kind in SESSIONS)
_NAMES = tuple(name for name, _ in SESSIONS)
_TYPES = tuple(kind for _, kind in SESSIONS)


def encode_sessions(rows: Sequence[SessionRow], pieces: StringPieces) -> EncodedBlock:
    """One block of all rows."""
    columns = [_column(kind, map(of, rows), pieces) for kind, of in _COLUMNS]
    return EncodedBlock(_NAMES, _TYPES, len(rows), columns)


def _column(kind: str, values: Iterable[Any], pieces: StringPieces) -> bytes:
    if kind.startswith("Array("):
        return _array(kind[6:-1], list(values), pieces)
    if kind == "LowCardinality(String)":
        return low_cardinality(values, pieces)
    if kind == "String":
        return strings(values, pieces)
    return fixed(_CODES[kind], values)


def _array(kind: str, values: list[list[Any]], pieces: StringPieces) -> bytes:
    ends = fixed("Q", accumulate(map(len, values)))
    inner = list(chain.from_iterable(values))
    if kind == "LowCardinality(String)":
        return LOW_CARDINALITY_PREFIX + ends + low_cardinality_inside(inner, pieces)
    return ends + _column(kind, inner, pieces)

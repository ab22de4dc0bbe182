"""ClickHouse's Native format: columns of Python values to the bytes of a block.

Made for blocks whose rows come in runs: what is the same for a run is encoded once and
repeated. The layout of each type is that of ClickHouse's `ISerialization` classes;
tests hold it to clickhouse-driver's own encoder.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, NamedTuple, TypeVar

# A LowCardinality part: keys follow it in the block, and replace what came before.
_HAS_ADDITIONAL_KEYS = 1 << 9
_NEED_UPDATE_DICTIONARY = 1 << 10
LOW_CARDINALITY_PREFIX = (1).to_bytes(8, "little")  # the version of the keys' format
_CODE_SIZES = ((1 << 8, "B", 0), (1 << 16, "H", 1), (1 << 32, "I", 2))  # keys below -> array type, index type

T = TypeVar("T")
EMPTY = b"\0"  # the empty string, as it stands in a String column


class EncodedBlock(NamedTuple):
    """One block, ready to be sent."""

    names: Sequence[str]
    types: Sequence[str]
    rows: int
    columns: Sequence[bytes]  # each with its state prefix, if it has one

    @property
    def size(self) -> int:
        """Bytes of all columns."""
        return sum(map(len, self.columns))


def varint(number: int) -> bytes:
    """LEB128, as lengths and counts are written."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SHORT = [varint(length) for length in range(1 << 14)]


class StringPieces(dict[str, bytes]):
    """Text -> its bytes in a String column, remembered: `pieces[text]`. Bounded."""

    def __init__(self, limit: int = 65_536, longest: int = 512) -> None:
        super().__init__()
        self._limit = limit
        self._longest = longest

    def __missing__(self, text: str) -> bytes:
        data = text.encode()
        size = len(data)
        piece = (_SHORT[size] if size < 16_384 else varint(size)) + data
        if size <= self._longest:
            if len(self) >= self._limit:
                self.clear()
            self[text] = piece
        return piece


class Codes(dict[str, int]):
    """Text -> its place in the dictionary of one LowCardinality column of one block."""

    def __missing__(self, text: str) -> int:
        code = self[text] = len(self)
        return code


def fixed(code: str, values: Iterable[int] | Iterable[float]) -> bytes:
    """A column of fixed width; `code` is that of the `array` module. Little-endian."""
    return _little_endian(array(code, values))


def _little_endian(column: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def repeated(pieces: Iterable[bytes], counts: Iterable[int]) -> bytes:
    """Each piece as often as its run is long."""
    return b"".join([piece * count for piece, count in zip(pieces, counts, strict=True)])


def strings(values: Iterable[str], pieces: StringPieces) -> bytes:
    """A String column."""
    return b"".join(map(pieces.__getitem__, values))


class Gaps:
    """Where few rows of a block have a value: the rows with one, and the gaps before each."""

    def __init__(self, places: Sequence[int], total: int) -> None:
        self.places = places
        self.total = total
        self._gaps = [EMPTY * (place - before - 1) for before, place in zip((-1, *places), places, strict=False)]
        self._tail = EMPTY * (total - (places[-1] + 1 if places else 0))

    def strings(self, values: Sequence[str], pieces: StringPieces) -> bytes:
        """A String column, empty where there is no value."""
        if not any(values):  # most columns of a part are used by few sites
            return EMPTY * self.total
        gaps = self._gaps
        parts = [self._tail] * (2 * len(gaps) + 1)
        parts[:-1:2] = gaps
        parts[1::2] = map(pieces.__getitem__, values)
        return b"".join(parts)

    def fixed(self, code: str, values: Sequence[int] | Sequence[float]) -> bytes:
        """A column of fixed width, zero where there is no value."""
        if not any(values):
            return bytes(array(code).itemsize * self.total)
        column: Any = array(code, bytes(array(code).itemsize * self.total))
        for place, value in zip(self.places, values, strict=True):
            column[place] = value
        return _little_endian(column)

    def low_cardinality(self, values: Sequence[str], pieces: StringPieces) -> bytes:
        """A LowCardinality(String) column, empty where there is no value."""
        codes = Codes({"": 0})
        if not any(values):
            return _with_dictionary(codes, bytes(self.total), self.total, pieces)
        found = list(map(codes.__getitem__, values))
        column = array(_index_type(codes)[0], bytes(_width(codes) * self.total))
        for place, code in zip(self.places, found, strict=True):
            column[place] = code
        return _with_dictionary(codes, _little_endian(column), self.total, pieces)


def gaps_of(found: Sequence[T | None]) -> tuple[Gaps, list[T]]:
    """The gaps of a column, and what there is between them; `found` is falsy where nothing is."""
    total = len(found)
    return Gaps(list(compress(range(total), found)), total), list(filter(None, found))


def low_cardinality(values: Iterable[str], pieces: StringPieces) -> bytes:
    """A LowCardinality(String) column."""
    codes = Codes()
    column = list(map(codes.__getitem__, values))
    return _with_dictionary(codes, _indexes(codes, column), len(column), pieces)


def low_cardinality_runs(values: Iterable[str], counts: Sequence[int], rows: int, pieces: StringPieces) -> bytes:
    """The same, from one value for each run."""
    codes = Codes()
    column = list(map(codes.__getitem__, values))
    width = _width(codes)
    if len(codes) == 1:
        indexes = bytes(rows)
    else:
        table = [code.to_bytes(width, "little") for code in range(len(codes))]
        indexes = repeated([table[code] for code in column], counts)
    return _with_dictionary(codes, indexes, rows, pieces)


def low_cardinality_inside(values: Sequence[str], pieces: StringPieces) -> bytes:
    """LowCardinality values inside an Array or Map, without the state prefix (which stands
    before the offsets). Nothing at all where there are no values."""
    if not values:
        return b""
    return low_cardinality(values, pieces)[len(LOW_CARDINALITY_PREFIX) :]


def _index_type(codes: Codes) -> tuple[str, int]:
    """(array type of the indexes, its number in the format)."""
    size = len(codes)
    return next((code, number) for limit, code, number in _CODE_SIZES if size <= limit)


def _width(codes: Codes) -> int:
    return array(_index_type(codes)[0]).itemsize


def _indexes(codes: Codes, column: list[int]) -> bytes:
    return bytes(column) if _width(codes) == 1 else fixed(_index_type(codes)[0], column)


def _with_dictionary(codes: Codes, indexes: bytes, rows: int, pieces: StringPieces) -> bytes:
    flags = _HAS_ADDITIONAL_KEYS | _NEED_UPDATE_DICTIONARY | _index_type(codes)[1]
    return b"".join(
        (
            LOW_CARDINALITY_PREFIX,
            flags.to_bytes(8, "little"),
            len(codes).to_bytes(8, "little"),
            strings(codes, pieces),
            rows.to_bytes(8, "little"),
            indexes,
        )
    )


def offsets(gaps: Gaps, lengths: Iterable[int]) -> bytes:
    """The offsets of an Array or Map column: where each row's values end."""
    parts, end = [], 0
    before = bytes(8)
    last = -1
    for place, length in zip(gaps.places, lengths, strict=True):
        parts.append(before * (place - last - 1))
        end += length
        before = end.to_bytes(8, "little")
        parts.append(before)
        last = place
    parts.append(before * (gaps.total - 1 - last))
    return b"".join(parts)


def map_column(
    gaps: Gaps, lengths: Sequence[int], keys: Sequence[str], values: Iterable[str], pieces: StringPieces
) -> bytes:
    """A Map(LowCardinality(String), String) column; keys and values are those of all rows, in order."""
    return b"".join(
        (
            LOW_CARDINALITY_PREFIX,
            offsets(gaps, lengths),
            low_cardinality_inside(keys, pieces),
            strings(values, pieces),
        )
    )

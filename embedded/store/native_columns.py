"""Find where a column of a Native block ends without decoding it.

So the bytes that a client sent for an INSERT can be handed on as they are. Every skipper takes a Source and a
number of rows and consumes exactly the column's data; a type that cannot be skipped raises Unskippable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from .errors import ProtocolError
from .types import TypeName, element_type, parse_type
from .wire import Source

Skipper = Callable[[Source, int], None]


class Unskippable(Exception):
    """A column type whose length only a decoder can tell."""


_BYTES_OF = {
    1: "Bool Enum8 Int8 UInt8 Nothing",
    2: "Enum16 Int16 UInt16 BFloat16 Date",
    4: "Int32 UInt32 Float32 Date32 DateTime DateTime32 Time IPv4 Decimal32",
    8: "Int64 UInt64 Float64 DateTime64 Time64 Decimal64",
    16: "Int128 UInt128 UUID IPv6 Decimal128",
    32: "Int256 UInt256 Decimal256",
}
_WIDTHS = {name: width for width, names in _BYTES_OF.items() for name in names.split()}
_GEO = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "MultiLineString": "Array(LineString)",
    "Polygon": "Array(Ring)",
    "MultiPolygon": "Array(Polygon)",
}
_LOW_CARDINALITY = re.compile(r"\bLowCardinality\(")
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`")
# How far to the next string for a prefix of one byte; a longer prefix leaps out of any buffer.
_FAR = 1 << 62
_STEP = [size + 1 if size < 0x80 else _FAR for size in range(256)]
_HAS_GLOBAL_KEYS, _HAS_OWN_KEYS = 0x100, 0x200


def skip_column(source: Source, type_name: str, rows: int) -> None:
    """Consume one column of `rows` rows (its serialization prefix included)."""
    if rows:
        prefix, skip = _column(type_name)
        source.skip(prefix)
        skip(source, rows)


@lru_cache(maxsize=4096)
def _column(type_name: str) -> tuple[int, Skipper]:
    # The prefixes of all nested streams come first: 8 bytes of version for each LowCardinality, nothing else.
    prefix = 8 * len(_LOW_CARDINALITY.findall(_QUOTED.sub("", type_name)))
    return prefix, _skipper(type_name)


@lru_cache(maxsize=4096)
def _skipper(type_name: str) -> Skipper:
    try:
        parsed = parse_type(_GEO.get(type_name.strip(), type_name))
        width = _width(parsed)
        if width is not None:
            return _fixed(width)
        if parsed.name == "String":
            return skip_strings
        compound = _COMPOUND.get(parsed.name)
        if compound is None or not parsed.args:
            raise Unskippable(type_name)
        return compound(parsed.args)
    except (ValueError, IndexError, RecursionError):
        raise Unskippable(type_name) from None


def _width(parsed: TypeName) -> int | None:
    if parsed.name == "FixedString":
        return int(parsed.args[0])
    if parsed.name == "Decimal":
        digits = int(parsed.args[0])
        return 4 if digits <= 9 else 8 if digits <= 18 else 16 if digits <= 38 else 32
    if parsed.name.startswith("Interval"):
        return 8
    return _WIDTHS.get(parsed.name)


def _fixed(width: int) -> Skipper:
    return lambda source, rows: source.skip(width * rows)


def skip_strings(source: Source, rows: int) -> None:
    """Consume `rows` length-prefixed strings: the only type that has to be walked value by value."""
    source.need(rows)
    if source.buf.count(0, source.pos, source.pos + rows) == rows:  # all empty: common, and no walk
        source.pos += rows
        return
    left = rows
    while left:
        left -= _walk(source, left)


def _walk(source: Source, rows: int) -> int:
    """Walk strings as far as the buffer reaches or to one with a longer prefix; return how many are behind."""
    buf, at, step, done = source.buf, source.pos, _STEP, 0
    try:
        for done in range(rows):  # noqa: B007 - where the walk stopped
            at += step[buf[at]]  # kept this short because it runs once for every string of every row
        done = rows
    except IndexError:
        pass
    if at < _FAR:
        source.skip(at - source.pos)
        source.need(1 if done < rows else 0)
        return done
    source.pos = at - _FAR
    source.skip(source.varint())
    return done


def _nullable(args: tuple[str, ...]) -> Skipper:
    inner = _skipper(args[0])

    def skip(source: Source, rows: int) -> None:
        source.skip(rows)
        inner(source, rows)

    return skip


def _array(args: tuple[str, ...]) -> Skipper:
    inner = _skipper(args[0])

    def skip(source: Source, rows: int) -> None:
        source.skip(8 * (rows - 1))
        total = source.uint64()  # the last offset is the number of elements
        if total > source.limit:
            raise ProtocolError("an array longer than the block may be")
        if total:
            inner(source, total)

    return skip


def _tuple(args: tuple[str, ...]) -> Skipper:
    inners = [_skipper(element_type(arg)) for arg in args]

    def skip(source: Source, rows: int) -> None:
        for inner in inners:
            inner(source, rows)

    return skip


def _map(args: tuple[str, ...]) -> Skipper:
    return _array((f"Tuple({', '.join(args)})",))


def _nested(args: tuple[str, ...]) -> Skipper:
    return _array((f"Tuple({', '.join(args)})",))


def _low_cardinality(args: tuple[str, ...]) -> Skipper:
    inner = parse_type(args[0])
    keys = _skipper(inner.args[0] if inner.name == "Nullable" else args[0])

    def skip(source: Source, _rows: int) -> None:
        kind = source.uint64()
        if kind & _HAS_GLOBAL_KEYS or not kind & _HAS_OWN_KEYS or kind & 0xFF > 3:
            raise ProtocolError("a LowCardinality column without its own dictionary")
        count = source.uint64()
        if count > source.limit:
            raise ProtocolError("a dictionary longer than the block may be")
        if count:
            keys(source, count)
        source.skip(source.uint64() << (kind & 0xFF))

    return skip


def _aggregate_alias(args: tuple[str, ...]) -> Skipper:
    return _skipper(args[1])


_COMPOUND: dict[str, Callable[[tuple[str, ...]], Skipper]] = {
    "Nullable": _nullable,
    "Array": _array,
    "Tuple": _tuple,
    "Map": _map,
    "Nested": _nested,
    "LowCardinality": _low_cardinality,
    "SimpleAggregateFunction": _aggregate_alias,
}

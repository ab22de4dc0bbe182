"""Blocks handed on as they came are the blocks that a decoder would read, for random types and values."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from clickhouse_driver.bufferedwriter import CompressedBufferedWriter
from clickhouse_driver.columns.service import write_column
from hypothesis import given
from hypothesis import strategies as st

from embedded.store.errors import Disconnected, ProtocolError
from embedded.store.native_columns import Unskippable, skip_column
from embedded.store.native_insert import read_block
from embedded.store.native_recode import driver_context, recode_block
from embedded.store.packets import BLOCK_INFO
from embedded.store.wire import FrameSource, Source, pack_frames, pack_string, pack_varint
from tests.properties import examples

TEXT = st.one_of(st.just(""), st.text(max_size=6), st.integers(100, 400).map(lambda n: "x" * n))
SCALARS: list[tuple[str, Any]] = [
    ("UInt8", st.integers(0, 255)),
    ("Int64", st.integers(-(2**63), 2**63 - 1)),
    ("UInt128", st.integers(0, 2**128 - 1)),
    ("Float64", st.floats(allow_nan=False)),
    ("String", TEXT),
    ("FixedString(3)", st.text("abc", min_size=3, max_size=3)),
    ("UUID", st.uuids()),
    ("Date", st.dates(min_value=date(1970, 1, 1), max_value=date(2100, 1, 1))),
]


def _compound(inner: st.SearchStrategy[tuple[str, Any]]) -> st.SearchStrategy[tuple[str, Any]]:
    simple = st.sampled_from(SCALARS)
    return st.one_of(
        inner.map(lambda t: (f"Array({t[0]})", st.lists(t[1], max_size=4))),
        simple.map(lambda t: (f"Nullable({t[0]})", st.one_of(st.none(), t[1]))),
        st.tuples(inner, inner).map(lambda p: (f"Tuple({p[0][0]}, {p[1][0]})", st.tuples(p[0][1], p[1][1]))),
        simple.map(lambda t: (f"Map(String, {t[0]})", st.dictionaries(TEXT, t[1], max_size=3))),
        st.just(("LowCardinality(String)", TEXT)),
        st.just(("Array(LowCardinality(Nullable(String)))", st.lists(st.one_of(st.none(), TEXT), max_size=3))),
        st.just(("Map(LowCardinality(String), String)", st.dictionaries(TEXT, TEXT, max_size=3))),
    )


TYPES = st.recursive(st.sampled_from(SCALARS), _compound, max_leaves=4)


class Fed(Source):
    """A source that is given its bytes a few at a time, as a slow network would."""

    def __init__(self, data: bytes, step: int, limit: int = 1 << 30):
        super().__init__(limit)
        self._left, self._step = memoryview(data), step

    def more(self) -> None:
        if not self._left:
            raise Disconnected("end")
        self.buf += self._left[: self._step]
        self._left = self._left[self._step :]


def text_context() -> Any:
    context = driver_context()
    context.client_settings = {**context.client_settings, "strings_as_bytes": False}
    return context


def encode(columns: list[tuple[str, list[Any]]], rows: int) -> bytes:
    """A Native block made by clickhouse-driver."""
    out = BytesIO()
    out.write(pack_varint(len(columns)) + pack_varint(rows))
    for at, (kind, values) in enumerate(columns):
        out.write(pack_string(f"c{at}") + pack_string(kind))
        if rows:
            writer = CompressedBufferedWriter(out, 1 << 20)
            write_column(text_context(), f"c{at}", kind, values, writer)
            writer.flush()
    return out.getvalue()


@st.composite
def blocks(draw: st.DrawFn) -> tuple[bytes, int]:
    rows = draw(st.integers(0, 5))
    kinds = draw(st.lists(TYPES, min_size=1, max_size=4))
    columns = [(kind, draw(st.lists(values, min_size=rows, max_size=rows))) for kind, values in kinds]
    return encode(columns, rows), rows


@examples(300)
@given(blocks(), st.integers(1, 64))
def test_fast_path_keeps_the_bytes_and_finds_the_end(made: tuple[bytes, int], step: int) -> None:
    block, rows = made
    source = Fed(BLOCK_INFO + block + b"rest", step)
    assert read_block(source) == (block, rows)
    assert source.take(4) == b"rest"


@examples(200)
@given(blocks(), st.integers(1, 64))
def test_slow_path_makes_an_equal_block(made: tuple[bytes, int], step: int) -> None:
    block, rows = made
    source = Fed(block + b"rest", step)
    again, count = recode_block(source)
    assert count == rows
    assert source.take(4) == b"rest"
    assert sorted(again) == sorted(block)  # dictionaries may be in another order; every byte is there
    assert read_block(Fed(BLOCK_INFO + again, 1 << 20)) == (again, rows)


@examples(50)
@given(blocks())
def test_frames_carry_the_block(made: tuple[bytes, int]) -> None:
    block, rows = made
    packed = pack_frames(BLOCK_INFO + block)
    assert read_block(FrameSource(Fed(packed, 7), 1 << 30)) == (block, rows)


@examples(300)
@given(
    st.binary(max_size=200),
    st.sampled_from([kind for kind, _ in SCALARS] + ["Array(String)", "LowCardinality(String)"]),
)
def test_garbage_ends_in_an_error_or_is_skipped(data: bytes, kind: str) -> None:
    source = Fed(data, 16, limit=1000)
    try:
        skip_column(source, kind, 10)
    except (Disconnected, ProtocolError):
        return
    assert source.pos <= len(data)


@pytest.mark.parametrize(
    "kind", ["JSON", "Dynamic", "Variant(UInt8, String)", "AggregateFunction(sum, UInt8)", "Array(", ""]
)
def test_unknown_types_ask_for_the_slow_path(kind: str) -> None:
    with pytest.raises(Unskippable):
        skip_column(Fed(b"\0" * 100, 100), kind, 1)


def test_long_and_short_strings_mixed() -> None:
    values = ["", "x" * 127, "y" * 128, "z" * 20000, "", "q"] * 50
    block = encode([("String", values)], len(values))
    for step in (1, 100, 1 << 20):
        assert read_block(Fed(BLOCK_INFO + block, step)) == (block, len(values))

"""Every column type there and back, over both protocols."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import httpx
import pytest

from tests.fixtures.store import StoreServer
from tests.store.wire_client import WireClient

MOMENT = datetime(2024, 2, 29, 12, 30, 45, 123000, tzinfo=UTC)
LONG = "ü" * 5000

CASES: list[tuple[str, list[object]]] = [
    *((f"Int{bits}", [-(2 ** (bits - 1)), 0, 2 ** (bits - 1) - 1]) for bits in (8, 16, 32, 64, 128, 256)),
    *((f"UInt{bits}", [0, 1, 2**bits - 1]) for bits in (8, 16, 32, 64, 128, 256)),
    ("Float32", [0.0, -1.5, 65536.25]),
    ("Float64", [0.1, -1e300, 5e-324]),
    ("Bool", [True, False, True]),
    ("String", ["", "x", LONG]),
    ("FixedString(5)", ["abcde", "fghij", "éé1"]),
    ("LowCardinality(String)", ["a", "", "a"]),
    ("LowCardinality(Nullable(String))", ["a", None, ""]),
    ("LowCardinality(FixedString(2))", ["ab", "cd", "ab"]),
    ("Nullable(UInt32)", [None, 7, None]),
    ("Nullable(String)", [None, "", LONG]),
    ("Date", [date(1970, 1, 1), date(2024, 2, 29), date(2149, 6, 6)]),
    ("Date32", [date(1900, 1, 1), date(2024, 2, 29), date(2299, 12, 31)]),
    ("DateTime", [MOMENT.replace(microsecond=0, tzinfo=None)] * 3),
    ("DateTime64(3, 'UTC')", [MOMENT, MOMENT + timedelta(milliseconds=1), MOMENT]),
    ("DateTime64(6, 'Europe/Berlin')", [MOMENT, MOMENT, MOMENT]),
    ("Decimal(9, 2)", [Decimal("-1.50"), Decimal("0.00"), Decimal("9999999.99")]),
    ("Decimal(18, 4)", [Decimal("-1.5000"), Decimal("0.0001"), Decimal("99999999999999.9999")]),
    ("Decimal(38, 10)", [Decimal("1.0000000001")] * 3),
    ("Decimal(76, 1)", [Decimal("-0.1"), Decimal("1.0"), Decimal("12345678901234567890123456789012345.6")]),
    ("UUID", [UUID(int=0), UUID(int=1), UUID(int=2**128 - 1)]),
    ("IPv4", [IPv4Address("0.0.0.0"), IPv4Address("10.0.0.1"), IPv4Address("255.255.255.255")]),
    ("IPv6", [IPv6Address("::"), IPv6Address("::1"), IPv6Address("2001:db8::ff")]),
    ("Enum8('a' = -1, 'it\\'s, (b)' = 2)", ["a", "it's, (b)", "a"]),
    ("Enum16('x' = 1000, 'y' = -1000)", ["x", "y", "x"]),
    ("Array(UInt8)", [[], [1], [1, 2, 3]]),
    ("Array(String)", [[], ["", LONG], ["x"]]),
    ("Array(Array(Nullable(String)))", [[], [[], [None, "x"]], [["y"], []]]),
    ("Array(LowCardinality(String))", [["a", "b"], [], ["a"]]),
    ("Tuple(UInt8, String)", [(1, "a"), (2, ""), (3, LONG)]),
    ("Tuple(`odd name` UInt8, plain Array(String))", [(1, ["a"]), (2, []), (3, ["x", "y"])]),
    ("Map(String, UInt64)", [{}, {"a": 1}, {"a": 1, "b": 2**64 - 1}]),
    ("Map(LowCardinality(String), String)", [{"k": LONG}, {}, {"k": "", "l": "v"}]),
    ("Map(String, Array(UInt8))", [{"a": []}, {}, {"a": [1, 2]}]),
    ("Array(Tuple(String, Nullable(Int16)))", [[("a", None)], [], [("b", 1), ("c", None)]]),
    ("SimpleAggregateFunction(max, UInt64)", [1, 2, 3]),
    ("Point", [(0.0, 1.0), (1.5, -2.5), (0.0, 0.0)]),
    ("Ring", [[(0.0, 1.0)], [], [(1.0, 1.0), (2.0, 2.0)]]),
]


ALL = ", ".join(f"c{at} {kind}" for at, (kind, _) in enumerate(CASES))
ROWS = [(n, *(values[n] for _, values in CASES)) for n in range(3)]


@pytest.mark.parametrize(("kind", "values"), CASES, ids=[case[0] for case in CASES])
def test_each_type(store: StoreServer, fresh_database: str, kind: str, values: list[object]) -> None:
    client = store.client(database=fresh_database)
    client.execute(f"CREATE TABLE t (n UInt8, v {kind}) ENGINE = MergeTree ORDER BY n")
    rows = list(enumerate(values))
    assert client.execute("INSERT INTO t (n, v) VALUES", rows) == 3
    assert client.execute("SELECT n, v FROM t ORDER BY n") == rows
    client.disconnect()


@pytest.fixture
def wide(store: StoreServer, fresh_database: str) -> Iterator[str]:
    """A database with tables `t` and `u` of one column of every type."""
    client = store.client(database=fresh_database)
    for table in "tu":
        client.execute(f"CREATE TABLE {table} (n UInt16, {ALL}) ENGINE = MergeTree ORDER BY n")
    yield fresh_database
    client.disconnect()


@pytest.mark.parametrize("compression", [False, "lz4"], ids=["plain", "lz4"])
def test_all_types_by_row_and_by_column(store: StoreServer, wide: str, compression: object) -> None:
    client = store.client(database=wide, compression=compression)
    assert client.execute("INSERT INTO t VALUES", ROWS) == 3
    assert client.execute("SELECT * FROM t ORDER BY n") == ROWS
    columns = [list(range(600)), *(values * 200 for _, values in CASES)]
    assert client.execute("INSERT INTO u VALUES", columns, columnar=True) == 600
    assert [list(column) for column in client.execute("SELECT * FROM u ORDER BY n", columnar=True)] == columns
    client.disconnect()


@pytest.mark.parametrize("fmt", ["TabSeparated", "CSV", "JSONEachRow", "Native", "RowBinary", "Values"])
def test_all_types_over_http(store: StoreServer, wide: str, fmt: str) -> None:
    client = store.client(database=wide)
    client.execute("INSERT INTO t VALUES", ROWS)
    url, auth = f"http://{store.host}:{store.http_port}", (store.user, store.password)
    with httpx.Client(base_url=url, auth=auth, params={"database": wide}) as http:
        data = http.post("/", content=f"SELECT * FROM t ORDER BY n FORMAT {fmt}")
        assert data.status_code == 200, data.text
        answer = http.post("/", params={"query": f"INSERT INTO u FORMAT {fmt}"}, content=data.content)
        assert answer.status_code == 200, answer.text
    assert client.execute("SELECT * FROM u ORDER BY n") == ROWS
    client.disconnect()


def test_the_text_formats_say_what_was_stored(store: StoreServer, fresh_database: str) -> None:
    client = store.client(database=fresh_database)
    client.execute("CREATE TABLE t (n UInt64, s String, m Map(String, String)) ENGINE = MergeTree ORDER BY n")
    client.execute("INSERT INTO t VALUES", [(2**63, 'tab\t quote" comma, ü', {"k": "v"})])
    auth = (store.user, store.password)
    url = f"http://{store.host}:{store.http_port}/?database={fresh_database}"
    as_json = httpx.post(url, auth=auth, content="SELECT * FROM t FORMAT JSONEachRow").text
    assert json.loads(as_json) == {"n": 2**63, "s": 'tab\t quote" comma, ü', "m": {"k": "v"}}
    as_csv = httpx.post(url, auth=auth, content="SELECT n, s FROM t FORMAT CSV").text
    assert list(csv.reader(io.StringIO(as_csv))) == [[str(2**63), 'tab\t quote" comma, ü']]


def test_omitted_and_computed_columns(store: StoreServer, fresh_database: str) -> None:
    client = store.client(database=fresh_database)
    client.execute(
        "CREATE TABLE t (a UInt8, b String DEFAULT 'd', c String MATERIALIZED concat(b, 'm'), d String ALIAS b,"
        " `odd ``name` UInt8) ENGINE = MergeTree ORDER BY a"
    )
    client.execute("INSERT INTO t VALUES", [(1, "x", 5)])
    client.execute("INSERT INTO t (a, `odd ``name`) VALUES", [(2, 6)])
    client.execute("INSERT INTO t (* EXCEPT (b)) VALUES", [(3, 7)])
    rows = client.execute("SELECT a, b, c, d, `odd ``name` FROM t ORDER BY a")
    assert rows == [(1, "x", "xm", "x", 5), (2, "d", "dm", "d", 6), (3, "d", "dm", "d", 7)]


def test_states_of_aggregates_are_refused_clearly(store: StoreServer, fresh_database: str) -> None:
    """Nothing tells the length of such a column's data but the engine's own decoder."""
    client = store.client(database=fresh_database)
    client.execute(
        "CREATE TABLE t (a AggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY tuple()"
    )
    client.execute("INSERT INTO t SELECT sumState(number) FROM numbers(10)")
    assert client.execute("SELECT sumMerge(a) FROM t") == [(45,)]
    with WireClient(store) as wire:
        wire.begin_insert(f"INSERT INTO {fresh_database}.t VALUES", "")
        wire.send_block("a", "AggregateFunction(sum, UInt64)", 1, b"\x01" * 8)
        assert wire.receive_exception() == 48
    assert client.execute("SELECT count() FROM t") == [(1,)]

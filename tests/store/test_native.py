"""The native protocol with clickhouse-driver."""

from __future__ import annotations

import pytest
from clickhouse_driver import errors

from tests.fixtures.store import StoreServer


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_insert_and_select(store: StoreServer, fresh_database: str, compression: object) -> None:
    client = store.client(database=fresh_database, compression=compression)
    client.execute("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    assert client.execute("INSERT INTO t VALUES", [(1, "x"), (2, "é" * 200)]) == 2
    rows, columns = client.execute("SELECT * FROM t ORDER BY a", with_column_types=True)
    assert rows == [(1, "x"), (2, "é" * 200)]
    assert columns == [("a", "UInt64"), ("s", "String")]


def test_exceptions_carry_the_engines_codes(store: StoreServer) -> None:
    client = store.client()
    with pytest.raises(errors.ServerException, match="nope") as caught:
        client.execute("SELECT * FROM nope")
    assert caught.value.code == 60
    assert client.execute("SELECT 1") == [(1,)]


def test_wrong_password_is_refused(store: StoreServer) -> None:
    with pytest.raises(errors.ServerException) as caught:
        store.client(password="wrong").execute("SELECT 1")
    assert caught.value.code == 516

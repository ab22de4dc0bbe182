"""The read-only user: what it may do, what it may not, and that it cannot lift its limits."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from clickhouse_driver import Client, errors

from tests.fixtures.store import StoreServer


@pytest.fixture
def reader(store: StoreServer, fresh_database: str) -> Iterator[Client]:
    admin = store.client(database=fresh_database)
    admin.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    admin.execute("INSERT INTO t VALUES", [(n,) for n in range(10)])
    admin.execute("CREATE VIEW v AS SELECT sum(a) AS s FROM t")
    client = store.client("reader", database=fresh_database)
    yield client
    client.disconnect()
    admin.disconnect()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM t",
        "SELECT s FROM v",
        "WITH (SELECT max(a) FROM t) AS m SELECT m",
        "SHOW TABLES",
        "SHOW DATABASES",
        "SHOW CREATE TABLE t",
        "DESCRIBE TABLE t",
        "EXPLAIN SELECT * FROM t",
        "EXISTS TABLE t",
        "SELECT number FROM numbers(3)",
        "SELECT * FROM generateSeries(1, 3)",
        "SELECT * FROM values('a UInt8', 1, 2)",
        "SELECT name FROM system.tables LIMIT 1",
        "SELECT name FROM system.columns LIMIT 1",
        "SELECT count() FROM information_schema.tables",
        "SELECT version()",
    ],
)
def test_reading_is_allowed(reader: Client, sql: str) -> None:
    assert reader.execute(sql)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("INSERT INTO t VALUES (1)", 164),
        ("INSERT INTO t SELECT 1", 164),
        ("CREATE TABLE u (a UInt8) ENGINE = Memory", 164),
        ("CREATE TEMPORARY TABLE u (a UInt8)", 164),
        ("DROP TABLE t", 164),
        ("TRUNCATE TABLE t", 164),
        ("ALTER TABLE t DELETE WHERE 1", 164),
        ("OPTIMIZE TABLE t", 164),
        ("SYSTEM STOP MERGES", 164),
        ("KILL QUERY WHERE query_id = 'x' SYNC", 164),
        ("SET readonly = 0", 164),
        ("SET max_execution_time = 0", 164),
        ("USE system", 164),
        ("SELECT 1 SETTINGS max_execution_time = 0", 164),
        ("SELECT 1; DROP TABLE t", 164),
        ("SELECT * FROM t INTO OUTFILE 'x.tsv'", 164),
        ("SELECT * FROM file('/etc/passwd', 'LineAsString')", 497),
        ("SELECT file('/etc/passwd')", 497),
        ("SELECT * FROM `file`('/etc/passwd', 'LineAsString')", 497),
        ("SELECT * FROM t WHERE a IN (SELECT 1 FROM url('http://127.0.0.1', 'CSV', 'a UInt8'))", 497),
        ("SELECT * FROM view(SELECT * FROM url('http://127.0.0.1', 'CSV', 'a UInt8'))", 497),
        ("DESCRIBE TABLE file('/etc/passwd')", 497),
        ("EXPLAIN SELECT * FROM remote('127.0.0.1', 'system', 'one')", 497),
        ("WITH x AS (SELECT * FROM merge('.*', '.*')) SELECT * FROM x", 497),
        ("SELECT * FROM mergeTreeIndex(currentDatabase(), 't')", 497),
        ("SELECT * FROM cluster('default', 'system', 'one')", 497),
        ("SELECT * FROM s3('http://127.0.0.1/x')", 497),
        ("SELECT * FROM system.parts", 497),
        ("SELECT * FROM `system`.`parts`", 497),
        ("SELECT 1 WHERE 1 IN system.parts", 497),
        ("SELECT * FROM system.query_log", 497),
        ("SELEC 1", 62),
    ],
)
def test_the_rest_is_refused(reader: Client, sql: str, code: int) -> None:
    with pytest.raises(errors.ServerException) as caught:
        reader.execute(sql)
    assert caught.value.code == code, caught.value
    assert reader.execute("SELECT count() FROM t") == [(10,)]


def test_limits_hold_and_can_only_be_lowered(reader: Client) -> None:
    with pytest.raises(errors.ServerException) as caught:
        reader.execute("SELECT number FROM numbers(1000001)")
    assert caught.value.code == 396
    with pytest.raises(errors.ServerException) as caught:
        reader.execute("SELECT number FROM numbers(100)", settings={"max_result_rows": 10})
    assert caught.value.code == 396
    raised = {"max_result_rows": 100_000_000, "max_execution_time": 0, "readonly": 0}
    assert reader.execute("SELECT getSetting('max_result_rows')", settings=raised) == [(1_000_000,)]
    assert reader.execute("SELECT getSetting('max_execution_time')", settings=raised) == [(60.0,)]
    assert reader.execute("SELECT getSetting('readonly')", settings=raised) == [(1,)]


def test_system_cannot_be_the_default_database(store: StoreServer) -> None:
    with pytest.raises(errors.ServerException) as caught:
        store.client("reader", database="system").execute("SELECT * FROM parts")
    assert caught.value.code == 497


def test_the_same_over_http(store: StoreServer) -> None:
    url = f"http://{store.host}:{store.http_port}/"
    auth = ("reader", store.reader_password)
    assert httpx.post(url, auth=auth, content="SELECT 1").text == "1\n"
    assert httpx.post(url, auth=auth, content="SELECT * FROM system.parts").status_code == 403
    refused = httpx.post(url, auth=auth, content="CREATE DATABASE x")
    assert refused.headers["X-ClickHouse-Exception-Code"] == "164"
    assert httpx.post(url, auth=auth, params={"readonly": "0"}, content="SELECT 1").status_code == 404
    system = httpx.post(url, auth=auth, params={"database": "system"}, content="SELECT * FROM parts")
    assert system.headers["X-ClickHouse-Exception-Code"] == "497"


@pytest.mark.parametrize("user", ["reader", "footfall"])
def test_format_settings_reach_no_file(store: StoreServer, tmp_path: Path, user: str) -> None:
    secret, written = tmp_path / "secret", tmp_path / "written"
    secret.write_text("hidden")
    password = store.reader_password if user == "reader" else store.password
    url, auth = f"http://{store.host}:{store.http_port}/", (user, password)
    for setting, path, name in (
        ("format_template_row", secret, "Template"),
        ("output_format_schema", written, "Protobuf"),
        ("format_schema", secret, "CapnProto"),
    ):
        asked = {setting: str(path), "default_format": name}
        answer = httpx.post(url, auth=auth, params=asked, content="SELECT 1 AS a")
        assert answer.headers["X-ClickHouse-Exception-Code"] == "115"
        assert "hidden" not in answer.text
        with pytest.raises(errors.ServerException) as caught:
            store.client(user).execute(f"SELECT 1 AS a FORMAT {name}", settings={setting: str(path)})
        assert caught.value.code in ((497, 115) if user == "reader" else (115,))
    assert not written.exists()


def test_formats_of_the_reader(store: StoreServer) -> None:
    url, auth = f"http://{store.host}:{store.http_port}/", ("reader", store.reader_password)
    for name in ("Template", "Protobuf", "ProtobufList", "Avro", "AvroConfluent", "CustomSeparated"):
        by_parameter = httpx.post(url, auth=auth, params={"default_format": name}, content="SELECT 1")
        by_header = httpx.post(url, auth=auth, headers={"X-ClickHouse-Format": name}, content="SELECT 1")
        in_sql = httpx.post(url, auth=auth, content=f"SELECT 1 FORMAT/**/{name} -- end")
        for answer in (by_parameter, by_header, in_sql):
            assert answer.headers["X-ClickHouse-Exception-Code"] == "497", name
    assert httpx.post(url, auth=auth, content="SELECT 1 AS a FORMAT JSONEachRow").json() == {"a": 1}
    for tail in ("JSONEachRow", "JSONEachRow -- end", "Null /* end */", "JSONEachRow SETTINGS max_threads = 1"):
        hidden = httpx.post(url, auth=auth, content=f"SELECT * FROM system.parts FORMAT {tail}")
        assert hidden.headers.get("X-ClickHouse-Exception-Code") in ("497", "164"), tail


def test_parameters_of_the_reader(store: StoreServer) -> None:
    url, auth = f"http://{store.host}:{store.http_port}/", ("reader", store.reader_password)
    assert httpx.post(url, auth=auth, params={"param_x": "7"}, content="SELECT {x:UInt8}").text == "7\n"
    for sql, table in (("{t:Identifier}", "system.parts"), ("system.{t:Identifier}", "parts")):
        refused = httpx.post(url, auth=auth, params={"param_t": table}, content=f"SELECT * FROM {sql}")
        assert refused.headers.get("X-ClickHouse-Exception-Code") == "497", refused.text


def test_the_engines_own_processes_are_hidden(reader: Client) -> None:
    assert reader.execute("SELECT query FROM system.processes")
    for table in ("system/**/.processes", "system./**/processes", '"system"."processes"'):
        with pytest.raises(errors.ServerException) as caught:
            reader.execute(f"SELECT * FROM {table}")
        assert caught.value.code == 497


def test_odd_numbers_and_brackets_are_answered(store: StoreServer) -> None:
    url, auth = f"http://{store.host}:{store.http_port}/", ("reader", store.reader_password)
    for value in ("\u00b2", "9" * 5000):
        answer = httpx.post(url, auth=auth, params={"max_result_rows": value}, content="SELECT 1")
        assert answer.text == "1\n"
    broken = httpx.post(url, auth=(store.user, store.password), content="INSERT INTO t (a VALUES 1")
    assert broken.headers["X-ClickHouse-Exception-Code"] == "62"
    token = base64.b64encode(":".join(auth).encode()).decode()
    for length in (b"\xb2", b"9" * 5000):
        head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\nContent-Length: ".encode()
        with socket.create_connection((store.host, store.http_port), timeout=10) as sock:
            sock.sendall(head + length + b"\r\n\r\n")
            assert b"X-ClickHouse-Exception-Code: 117" in sock.recv(65536)

"""The HTTP interface as curl and HTTP clients of ClickHouse use it."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.store import StoreServer


@pytest.fixture
def http(store: StoreServer, fresh_database: str) -> Iterator[httpx.Client]:
    url = f"http://{store.host}:{store.http_port}"
    auth = (store.user, store.password)
    with httpx.Client(base_url=url, auth=auth, params={"database": fresh_database}, timeout=30) as client:
        yield client


def test_health(store: StoreServer) -> None:
    url = f"http://{store.host}:{store.http_port}"
    assert httpx.get(f"{url}/ping").text == "Ok.\n"
    assert httpx.get(f"{url}/").text == "Ok.\n"
    assert httpx.get(f"{url}/nothing").status_code == 404


def test_ways_to_authenticate(store: StoreServer) -> None:
    url = f"http://{store.host}:{store.http_port}/"
    query = {"query": "SELECT 1"}
    named = {"X-ClickHouse-User": store.user, "X-ClickHouse-Key": store.password}
    assert httpx.get(url, params=query, headers=named).text == "1\n"
    assert httpx.get(url, params={**query, "user": store.user, "password": store.password}).text == "1\n"
    assert httpx.get(url, params=query, auth=(store.user, store.password)).text == "1\n"
    assert httpx.get(url, params=query).status_code == 401
    wrong = httpx.get(url, params=query, auth=(store.user, "wrong"))
    assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (403, "516")


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM nope", 404, 60),
        ("SELEC 1", 400, 62),
        ("SELECT nope", 404, 47),
        ("SELECT nope()", 404, 46),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT * FROM nowhere.t", 404, 81),
    ],
)
def test_errors(http: httpx.Client, sql: str, status: int, code: int) -> None:
    answer = http.post("/", content=sql)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code)), answer.text
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_formats_by_clause_header_and_parameter(http: httpx.Client) -> None:
    assert http.post("/", content="SELECT 1 AS a FORMAT JSONEachRow").json() == {"a": 1}
    assert http.post("/", content="SELECT 1 AS a", headers={"X-ClickHouse-Format": "JSONEachRow"}).json() == {
        "a": 1
    }
    answer = http.post("/", content="SELECT 1 AS a, 'x'", params={"default_format": "CSV"})
    assert answer.text == '1,"x"\n'
    assert answer.headers["X-ClickHouse-Format"] == "CSV"
    assert http.post("/", content="SELECT 2 AS a FORMAT JSON").json()["data"] == [{"a": 2}]
    assert http.post("/", content="SELECT 'FORMAT JSON'").text == "FORMAT JSON\n"


def test_get_only_reads(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "CREATE TABLE t (a UInt8) ENGINE = Memory"}).status_code == 500
    assert http.get("/", params={"query": "EXISTS TABLE t"}).text == "0\n"


def test_parameters_query_id_and_settings(http: httpx.Client) -> None:
    answer = http.get("/", params={"query": "SELECT {x:UInt64} + 1", "param_x": "41", "query_id": "mine"})
    assert (answer.text, answer.headers["X-ClickHouse-Query-Id"]) == ("42\n", "mine")
    answer = http.get("/", params={"query": "SELECT getSetting('max_threads')", "max_threads": "1"})
    assert answer.text == "1\n"
    assert http.get("/", params={"query": "SELECT 1", "no_such_setting": "1"}).status_code == 404


def test_insert_with_data_in_the_body_in_the_text_and_gzipped(http: httpx.Client) -> None:
    http.post("/", content="CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a").raise_for_status()
    answer = http.post("/", params={"query": "INSERT INTO t FORMAT TabSeparated"}, content="1\ta\n2\tb\n")
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    http.post("/", content='INSERT INTO t FORMAT JSONEachRow\n{"a": 3, "s": "é"}\n').raise_for_status()
    http.post("/", content="INSERT INTO t VALUES (4, 'd'), (5, 'e;')").raise_for_status()
    packed = gzip.compress(b'6,"f"\n')
    headers = {"Content-Encoding": "gzip"}
    http.post(
        "/", params={"query": "INSERT INTO t FORMAT CSV"}, content=packed, headers=headers
    ).raise_for_status()

    def chunks() -> Iterator[bytes]:
        yield b"7\tg"
        yield b"\n8\th\n"

    http.post("/", params={"query": "INSERT INTO t (a, s) FORMAT TSV"}, content=chunks()).raise_for_status()
    http.post("/", content="/* why */ INSERT INTO t SELECT 9, 'i'").raise_for_status()
    text = http.post("/", content="SELECT groupArray((a, s)) FROM (SELECT * FROM t ORDER BY a)").text
    assert text == "[(1,'a'),(2,'b'),(3,'é'),(4,'d'),(5,'e;'),(6,'f'),(7,'g'),(8,'h'),(9,'i')]\n"


def test_a_bad_row_leaves_nothing(http: httpx.Client) -> None:
    http.post("/", content="CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").raise_for_status()
    answer = http.post("/", params={"query": "INSERT INTO t FORMAT TSV"}, content="1\n2\nx\n")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
    assert http.post("/", content="SELECT count() FROM t").text == "0\n"


def test_large_results_stream_and_compress(http: httpx.Client) -> None:
    sql = "SELECT number FROM numbers(500000)"
    expected = "".join(f"{n}\n" for n in range(500_000))
    with http.stream("POST", "/", content=sql) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert answer.read().decode() == expected
    packed = http.post(
        "/", content=sql, params={"enable_http_compression": "1"}, headers={"Accept-Encoding": "gzip"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == expected


def test_an_error_in_the_middle_breaks_off(http: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", content="SELECT throwIf(number = 2000000) FROM numbers(3000000)")


def test_a_body_that_ends_early_leaves_nothing(
    store: StoreServer, http: httpx.Client, fresh_database: str
) -> None:
    http.post("/", content="CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a").raise_for_status()
    with socket.create_connection((store.host, store.http_port)) as sock:
        query = f"/?query=INSERT+INTO+{fresh_database}.t+FORMAT+TSV&user={store.user}&password={store.password}"
        sock.sendall(f"POST {query} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n1\n2\n".encode())
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1000) == b""
    assert http.post("/", content="SELECT count() FROM t").text == "0\n"


def test_passwords_and_queries_stay_out_of_the_log(store: StoreServer, http: httpx.Client) -> None:
    url = f"http://{store.host}:{store.http_port}/"
    httpx.post(url, params={"user": "footfall", "password": "hidden-password"}, content="SELECT 'hidden-query'")
    http.post("/", content="SELECT 'hidden-query' FROM nope")
    if store.log:
        text = store.log[-1].read_text()
        assert "authentication failed" in text
        assert "hidden" not in text
        assert store.password not in text

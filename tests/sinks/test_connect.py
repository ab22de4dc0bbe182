"""Connections to a server of one's own: over TLS, to the replica that answers, with nothing secret told."""

from __future__ import annotations

import logging
import shutil
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_driver.errors import NetworkError, SocketTimeoutError

from embedded.probe import StoreError, query_store
from footfall.settings import Settings
from sinks.clickhouse import connect, in_one_line, is_away, is_retryable
from tests.fixtures.kafka_properties import make_certificate
from tests.fixtures.store import StoreServer, free_port
from tests.fixtures.tls_relay import TlsRelay


def settings_of(store: StoreServer, **more: Any) -> Settings:
    values = {
        "clickhouse_host": store.host,
        "clickhouse_port": store.port,
        "clickhouse_http_port": store.http_port,
        "clickhouse_user": store.user,
        "clickhouse_password": store.password,
    }
    return Settings.model_validate(values | more)


@pytest.fixture(scope="module")
def secure(store: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The settings that lead to the store over TLS."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl for a certificate (Debian: apt install openssl)")
    folder = tmp_path_factory.mktemp("tls") / "certificate"
    make_certificate(folder)
    native, web = (TlsRelay(folder / "server.pem", port) for port in (store.port, store.http_port))
    yield {
        "clickhouse_secure": True,
        "clickhouse_ca_file": folder / "cert.pem",
        "clickhouse_port": native.port,
        "clickhouse_http_port": web.port,
    }
    native.close()
    web.close()


def test_over_tls(store: StoreServer, secure: dict[str, Any], fresh_database: str) -> None:
    settings = settings_of(store, **secure)
    client = connect(settings, database=fresh_database)
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    client.execute("INSERT INTO t VALUES", [(n,) for n in range(100_000)])
    assert client.execute("SELECT sum(a) FROM t") == [(4_999_950_000,)]
    client.disconnect()
    assert query_store(settings, f"SELECT count() FROM {fresh_database}.t").strip() == "100000"


def test_a_certificate_nobody_vouches_for_is_refused_at_once(store: StoreServer, secure: dict[str, Any]) -> None:
    settings = settings_of(store, **secure | {"clickhouse_ca_file": None})
    with pytest.raises(NetworkError, match="CERTIFICATE_VERIFY_FAILED") as told:
        connect(settings).execute("SELECT 1")
    assert not is_retryable(told.value)
    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        query_store(settings, "SELECT 1")


def test_no_tls_to_a_server_that_speaks_none(store: StoreServer, secure: dict[str, Any]) -> None:
    wrong = settings_of(store, clickhouse_secure=True, clickhouse_ca_file=secure["clickhouse_ca_file"])
    with pytest.raises(NetworkError):
        connect(wrong).execute("SELECT 1")


def test_the_replica_that_answers_is_used(store: StoreServer, caplog: pytest.LogCaptureFixture) -> None:
    dead = f"127.0.0.1:{free_port()}"
    settings = settings_of(store, clickhouse_host=f"{dead},{store.host}:{store.port}")
    client = connect(settings)
    assert client.execute("SELECT 1") == [(1,)]
    client.disconnect()
    assert client.execute("SELECT 1") == [(1,)]
    client.disconnect()
    assert store.password not in caplog.text
    # Over HTTP every host has the same port: a dead one has another address.
    settings = settings_of(store, clickhouse_host=f"127.1.1.1,{store.host}")
    assert query_store(settings, "SELECT 1").strip() == "1"


def test_with_none_that_answers_the_wait_ends(store: StoreServer, caplog: pytest.LogCaptureFixture) -> None:
    dead = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    began = time.monotonic()
    with caplog.at_level(logging.DEBUG), pytest.raises(NetworkError) as told:
        connect(settings_of(store, clickhouse_host=",".join(dead))).execute("SELECT 1")
    assert time.monotonic() - began < 10
    assert is_retryable(told.value)
    assert not caplog.text  # a traceback a try, if the driver had its way
    assert store.password not in str(told.value)


def test_a_store_that_takes_connections_and_never_answers_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = connect(Settings(clickhouse_port=port, clickhouse_password="x"))
        client.connection.send_receive_timeout = 0.3
        with pytest.raises(SocketTimeoutError) as told:
            client.execute("SELECT 1")
    assert in_one_line(told.value) == f"no answer in time (127.0.0.1:{port})"
    assert is_away(told.value)
    in_the_middle = TimeoutError("timed out")
    assert in_one_line(in_the_middle) == "no answer in time"
    assert is_away(in_the_middle)


def test_a_reply_that_refuses_us_is_no_reason_to_ask_the_next(store: StoreServer) -> None:
    settings = settings_of(store, clickhouse_host=f"{store.host},192.0.2.1", clickhouse_password="wrong")
    with pytest.raises(StoreError, match="Authentication failed"):
        query_store(settings, "SELECT 1")


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("ch", [("ch", 9000)]),
        ("ch1,ch2:9440", [("ch1", 9000), ("ch2", 9440)]),
        ("::1", [("::1", 9000)]),
        ("[::1]:9001,[fe80::1]", [("::1", 9001), ("fe80::1", 9000)]),
    ],
)
def test_hosts(text: str, hosts: list[tuple[str, int]]) -> None:
    settings = Settings(clickhouse_host=text, clickhouse_password="x")
    assert settings.store_hosts() == hosts
    assert list(connect(settings).connection.hosts) == hosts


@pytest.mark.parametrize("text", ["", "a,", "a b", "user:secret@host", "http://host"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="clickhouse_host"):
        Settings(clickhouse_host=text)

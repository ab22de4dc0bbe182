"""The database server goes away, comes back, or stands still: every call ends in time with a
message for a person, and the next one works as soon as the server does."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import URL

import control
from control import Control, ControlAwayError
from control import postgres as driver
from tests.fixtures.postgres import PostgresServer, full

NOW = 1_700_000_000_000


@pytest.fixture
def server(postgres: PostgresServer, postgres_url: URL) -> Iterator[PostgresServer]:
    """As the next test (and whoever drops this one's database) expects it, whatever was done to it."""
    assert postgres.own.runs()
    yield postgres
    if postgres.own.runs():
        postgres.resume()
    else:
        postgres.start()


@pytest.fixture
def plane(server: PostgresServer, postgres_url: URL) -> Iterator[Control]:
    """Closed before `server` is put right: that must not wait either."""
    opened = control.open(full(postgres_url))
    yield opened
    opened.close()


def calls(plane: Control) -> dict[str, Callable[[], object]]:
    return {
        "version": plane.version,
        "sites": plane.sites,
        "set_setting": lambda: plane.set_setting("currency", "EUR"),
        "salts": lambda: plane.salts(NOW),
        "claim": lambda: plane.claim("repair", "me", 1000, now=NOW),
    }


@contextmanager
def told(url: URL, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The block ends with a plain error: it says where, and neither it nor the log says too much."""
    assert url.password is not None
    with pytest.raises(ControlAwayError) as caught:
        yield
    message = str(caught.value)
    assert f"database {url.database} of {url.username} at {url.host}:{url.port}" in message
    assert "FOOTFALL_CONTROL_URL" in message
    assert "\n" not in message
    assert url.password not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [record for record in caplog.records if record.exc_info], "a traceback in the log"


def test_after_a_restart_the_next_call_works(server: PostgresServer, plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    for end in (server.stop, server.kill):
        for call in calls(plane).values():
            end()
            server.start()
            call()
    assert "a.example" in plane.sites().by_id


def test_away_is_told_at_once(
    server: PostgresServer, plane: Control, postgres_url: URL, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.stop()
    started = time.monotonic()
    for call in calls(plane).values():
        with told(postgres_url, caplog):
            call()
    with told(postgres_url, caplog):
        control.open(full(postgres_url))
    assert time.monotonic() - started < 3
    server.start()
    for call in calls(plane).values():
        call()


def test_lost_in_the_middle_nothing_is_half_written(
    server: PostgresServer, plane: Control, postgres_url: URL, caplog: pytest.LogCaptureFixture
) -> None:
    before = plane.version()
    with told(postgres_url, caplog), plane.writing() as connection:
        connection.exec_driver_sql("INSERT INTO setting VALUES ('half', 'x')")
        server.kill()
        connection.exec_driver_sql("INSERT INTO setting VALUES ('whole', 'x')")
    with told(postgres_url, caplog):
        plane.version()
    server.start()
    assert plane.version() == before
    assert plane.setting("half") is None
    with told(postgres_url, caplog), plane.reading() as connection:
        server.restart()
        connection.exec_driver_sql("SELECT 1")
    assert plane.version() == before


def test_a_server_that_stands_still_is_not_waited_for(
    server: PostgresServer, postgres_url: URL, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(driver, "ANSWER_TIMEOUT_S", 0.5)
    url = postgres_url.update_query_dict({"connect_timeout": "2"})
    plane = control.open(full(url))
    server.pause()
    # The first finds that its connection is dead, and then that there is no new one.
    attempts: list[Callable[[], object]] = [plane.version, plane.sites, lambda: control.open(full(url))]
    for call in attempts:
        started = time.monotonic()
        with told(postgres_url, caplog):
            call()
        assert time.monotonic() - started < 4
    server.resume()
    for call in calls(plane).values():
        call()
    plane.close()


def test_a_server_that_freezes_in_a_transaction_is_not_waited_for(
    server: PostgresServer, plane: Control, postgres_url: URL, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(driver, "ANSWER_TIMEOUT_S", 0.5)
    started = time.monotonic()
    with told(postgres_url, caplog), plane.writing() as connection:
        connection.exec_driver_sql("INSERT INTO setting VALUES ('half', 'x')")
        server.pause()
        connection.exec_driver_sql("INSERT INTO setting VALUES ('whole', 'x')")
    assert time.monotonic() - started < 4
    server.resume()
    assert plane.setting("half") is None
    plane.set_setting("half", "y")


@pytest.mark.drill
def test_the_waits_are_as_long_as_they_say(server: PostgresServer, plane: Control, postgres_url: URL) -> None:
    plane.version()
    server.pause()
    started = time.monotonic()
    with pytest.raises(ControlAwayError):
        plane.version()
    limit = driver.ANSWER_TIMEOUT_S + driver.CONNECT_TIMEOUT_S
    assert driver.ANSWER_TIMEOUT_S <= time.monotonic() - started < limit + 3

"""What only a database server does: upgrade for two at once, hold rows, refuse people, be sorted
by a language. None of its messages repeats a password."""

from __future__ import annotations

import logging
import multiprocessing
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier

import pytest
from psycopg import sql
from sqlalchemy import URL, event, inspect, select, text

import control
from control import ControlAwayError, ControlError
from control.database import make_engine
from control.migrations import FIRST_VERSION, STEPS, upgrade
from control.schema import meta
from tests.fixtures.postgres import PostgresServer, full

NOW = 1_700_000_000_000
# Twice is noticed: in the count, and by the column that is there already.
SLOW = (
    "SELECT pg_sleep(0.5)",
    "UPDATE meta SET value = value + 1 WHERE name = 'revision'",
    "ALTER TABLE site ADD COLUMN note VARCHAR(10) DEFAULT '' NOT NULL",
)


def _upgrade(url: str, start: Barrier) -> None:
    engine = make_engine(url)
    start.wait(30)
    with engine.begin() as connection:
        upgrade(connection, (*STEPS, SLOW))
    engine.dispose()


@pytest.mark.parametrize("filled", [True, False])
def test_of_two_processes_one_upgrades_and_the_other_waits(postgres_url: URL, filled: bool) -> None:
    url = full(postgres_url)
    if filled:
        control.open(url).close()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    processes = [context.Process(target=_upgrade, args=(url, start)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    engine = make_engine(url)
    with engine.connect() as connection:
        values = {row.name: row.value for row in connection.execute(select(meta))}
        assert values == {"schema": FIRST_VERSION + len(STEPS) + 1, "revision": 2 if filled else 1}
        assert ("note" in [column["name"] for column in inspect(connection).get_columns("site")]) == filled
    engine.dispose()


def test_a_row_that_somebody_holds_is_waited_for_in_bounds(postgres: PostgresServer, postgres_url: URL) -> None:
    plane = control.open(full(postgres_url.update_query_dict({"options": "-c statement_timeout=500"})))
    with postgres.admin(str(postgres_url.database)) as holder, holder.transaction():
        holder.execute("SELECT * FROM footfall_prod.meta FOR UPDATE")
        started = time.monotonic()
        with pytest.raises(ControlAwayError, match="statement timeout"):
            plane.add_site("a.example", now=NOW)
        assert time.monotonic() - started < 5
        assert plane.sites().by_id == {}  # who reads does not wait
    assert plane.add_site("a.example", now=NOW).site_id == "a.example"
    plane.close()


def test_who_stands_still_in_a_transaction_loses_its_rows(postgres_url: URL) -> None:
    options = {"options": "-c idle_in_transaction_session_timeout=300"}
    still = control.open(full(postgres_url.update_query_dict(options)))
    other = control.open(full(postgres_url))

    def stand_still() -> None:
        with still.writing() as connection:
            other.set_setting("currency", "EUR")  # waits until the first one was ended
            connection.execute(select(meta))

    with pytest.raises(ControlAwayError, match="idle"):
        stand_still()
    assert other.setting("currency") == "EUR"
    still.set_setting("currency", "CHF")
    still.close()
    other.close()


def test_the_defaults_reach_the_server(postgres_url: URL) -> None:
    engine = make_engine(full(postgres_url))
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "application_name", "client_encoding",
             "transaction_isolation")  # fmt: skip
    with engine.connect() as connection:
        shown = [connection.execute(text(f"SHOW {name}")).scalar() for name in names]
    assert shown == ["5s", "30s", "footfall", "UTF8", "read committed"]
    engine.dispose()


def refused(url: URL) -> str:
    """What `open` says; neither it nor its traceback holds the password."""
    with pytest.raises(ControlError) as caught:
        control.open(full(url))
    assert url.password is not None
    assert url.password not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_who_is_not_let_in_is_told_why(
    postgres: PostgresServer, postgres_url: URL, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = "correct-horse"
    for url, said in {
        postgres_url.set(password=password): "password authentication failed",
        postgres_url.set(password=password, username="nobody_known"): "of nobody_known",
        postgres_url.set(database="not_there"): "not_there",
        postgres_url.set(password=password, host="nowhere.invalid"): "at nowhere.invalid",
        postgres_url.set(password=password, port=1): ":1",
    }.items():
        message = refused(url)
        assert said in message
        assert "FOOTFALL_CONTROL_URL" in message
    assert f"at {postgres.host}:{postgres.port}" in refused(postgres_url.set(password=password))
    assert password not in caplog.text
    assert postgres.owner_password not in caplog.text


def test_rights_that_lack_are_named(postgres: PostgresServer, postgres_url: URL) -> None:
    postgres.add_role("guest", "guest-password")
    name = str(postgres_url.database)
    guest = postgres.url(name, "guest", "guest-password")
    assert "permission denied for database" in refused(guest)
    with postgres.admin(name) as admin:
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO guest").format(sql.Identifier(name)))
        message = refused(guest)  # who may connect may make no tables
        assert "no schema has been selected" in message
        assert "docs/production.md" in message
        control.open(full(postgres_url)).close()
        assert "no schema has been selected" in refused(guest)
        admin.execute("GRANT USAGE ON SCHEMA footfall_prod TO guest")
        assert "permission denied for table meta" in refused(guest)
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA footfall_prod TO guest")
    plane = control.open(full(guest))  # nothing is to be upgraded
    assert plane.sites().by_id == {}
    with pytest.raises(ControlError, match="permission denied for table meta"):
        plane.add_site("a.example", now=NOW)
    plane.close()


def test_a_standby_is_told_apart(postgres: PostgresServer, postgres_url: URL) -> None:
    """As a standby answers: it reads and takes no changes."""
    read_only = postgres_url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    assert "Name the primary server" in refused(read_only)
    control.open(full(postgres_url)).close()
    plane = control.open(full(read_only))
    assert plane.sites().by_id == {}
    with pytest.raises(ControlError, match="Name the primary server"):
        plane.set_setting("currency", "EUR")
    plane.close()


def test_tables_of_another_program_are_told_apart(postgres: PostgresServer, postgres_url: URL) -> None:
    with postgres.admin(str(postgres_url.database)) as owner:
        owner.execute("CREATE TABLE footfall_prod.meta (id INTEGER)")
        owner.execute("GRANT ALL ON footfall_prod.meta TO PUBLIC")
    assert "a database of its own" in refused(postgres_url)


def test_a_strict_default_of_the_server_changes_nothing(postgres: PostgresServer, postgres_url: URL) -> None:
    with postgres.admin() as admin:
        strict = sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = 'serializable'")
        admin.execute(strict.format(sql.Identifier(str(postgres_url.database))))
    first, second = control.open(full(postgres_url)), control.open(full(postgres_url))
    assert first.claim("repair", "a", 1000, now=NOW) is not None
    assert second.claim("repair", "b", 1000, now=NOW) is None
    second.add_site("b.example", now=NOW)
    with first.reading(), pytest.raises(ControlError, match="already"):
        first.add_site("b.example", now=NOW)
    first.close()
    second.close()


def test_a_snapshot_stays_what_it_was(postgres_url: URL) -> None:
    reader, writer = control.open(full(postgres_url)), control.open(full(postgres_url))
    with reader.reading() as connection:
        before = connection.execute(select(meta)).all()
        writer.add_site("a.example", now=NOW)
        assert connection.execute(select(meta)).all() == before
    assert "a.example" in reader.sites().by_id
    reader.close()
    writer.close()


def test_no_statement_tells_the_server_a_secret(postgres_url: URL) -> None:
    """Values go as parameters: a server that logs statements logs no salt."""
    plane = control.open(full(postgres_url))
    seen: list[str] = []
    engine = plane._engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    salt = next(iter(plane.salts(NOW).values()))
    plane.add_site("a.example", now=NOW)
    assert any("INSERT INTO salt" in statement for statement in seen)
    assert not [line for line in seen if salt.hex() in line or "a.example" in line]
    plane.close()


def test_of_many_who_want_a_domain_one_gets_it(postgres_url: URL) -> None:
    planes = [control.open(full(postgres_url)) for _ in range(8)]

    def add(number: int) -> bool:
        try:
            planes[number].add_site(f"s{number}.example", now=NOW, domains=["shared.example"])
        except ControlError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 1
    assert len(planes[0].sites().by_id) == 1
    for plane in planes:
        plane.close()

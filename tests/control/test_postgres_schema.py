"""Installations share one PostgreSQL database: each has its tables in a schema of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import URL

import control
from control import Control, ControlError
from control.database import make_engine
from control.migrations import pending
from footfall.settings import Settings
from tests.fixtures.postgres import OWNER, SCHEMA, PostgresServer, full

NOW = 1_700_000_000_000


def of_stage(url: URL, stage: str) -> str:
    """As the settings make it: what a person gives names no schema."""
    given = full(url.difference_update_query(["schema"]))
    return Settings(stage=stage, dev_stage="", control_url=given).control_plane_url()


def add_schema(postgres: PostgresServer, url: URL, schema: str) -> None:
    with postgres.admin(str(url.database)) as admin:
        make = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}")
        admin.execute(make.format(sql.Identifier(schema), sql.Identifier(OWNER)))


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("postgresql://u:p@h/db", "postgresql://u:p@h/db?schema=footfall_prod"),
        ("postgresql://u:a?b@h/db", "postgresql://u:a?b@h/db?schema=footfall_prod"),
        ("postgresql://h/db?sslmode=require", "postgresql://h/db?sslmode=require&schema=footfall_prod"),
        ("postgresql://h/db?schema=mine", "postgresql://h/db?schema=mine"),
        ("sqlite:////var/control.db", "sqlite:////var/control.db"),
        ("", "sqlite:///data/control.db"),
    ],
)
def test_the_stage_names_the_schema(given: str, made: str) -> None:
    assert Settings(control_url=given, data_dir=Path("data")).control_plane_url() == made


def test_three_stages_on_one_database_share_nothing(postgres: PostgresServer, postgres_url: URL) -> None:
    for stage in ("staging", "dev"):
        add_schema(postgres, postgres_url, f"footfall_{stage}")
    planes = {stage: control.open(of_stage(postgres_url, stage)) for stage in ("prod", "staging", "dev")}
    public, secrets, runs = set(), set(), []
    for stage, plane in planes.items():
        public.add(plane.add_site("a.example", now=NOW).public_id)  # a name that is taken in no other
        secrets |= {plane.stage_secret("dev"), next(iter(plane.salts(NOW).values()))}
        plane.set_cursor("repair:dev", stage)
        runs.append(plane.claim("repair", stage, 60_000, now=NOW))
    assert (len(public), len(secrets)) == (3, 6)
    assert None not in runs  # each has the lease
    for stage, plane in planes.items():
        assert plane.cursor("repair:dev") == stage
        assert [run.holder for run in plane.job_runs()] == [stage]
        plane.close()


def test_a_search_path_of_the_users_own_changes_nothing(postgres: PostgresServer, postgres_url: URL) -> None:
    with postgres.admin(str(postgres_url.database)) as admin:
        strange = sql.SQL("ALTER DATABASE {} SET search_path = public")
        admin.execute(strange.format(sql.Identifier(str(postgres_url.database))))
    control.open(full(postgres_url.update_query_dict({"options": "-c search_path=public"}))).close()
    assert tables(postgres, postgres_url) == {SCHEMA}


def tables(postgres: PostgresServer, url: URL) -> set[str]:
    """The schemas that hold tables of a control plane."""
    with postgres.admin(str(url.database)) as admin:
        found = admin.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'meta'").fetchall()
    return {name for (name,) in found}


def test_a_path_that_does_not_arrive_is_noticed(postgres: PostgresServer, postgres_url: URL) -> None:
    """As where a connection pool drops the options."""
    engine = make_engine(full(postgres_url))
    with engine.connect() as connection:
        connection.exec_driver_sql("SET search_path = public")
        with pytest.raises(ControlError, match="the search path is public"):
            pending(connection)
    engine.dispose()


def test_a_schema_that_lacks_is_made_or_asked_for(postgres: PostgresServer, postgres_url: URL) -> None:
    url = of_stage(postgres_url, "other")
    for attempt in (control.open, control.missing_steps):
        with pytest.raises(ControlError, match='CREATE SCHEMA footfall_other AUTHORIZATION "footfall";'):
            attempt(url)
    with postgres.admin() as admin:
        may = sql.SQL("GRANT CREATE ON DATABASE {} TO {}")
        admin.execute(may.format(sql.Identifier(str(postgres_url.database)), sql.Identifier(OWNER)))
    assert control.missing_steps(url)[0] == "make schema footfall_other"
    control.open(url).close()
    assert control.missing_steps(url) == []
    assert tables(postgres, postgres_url) == {"footfall_other"}


@pytest.mark.parametrize("url", ["postgresql://h/db", "postgresql://h/db?schema=a&schema=b",
                                 "postgresql://h/db?schema=a-b", "postgresql://h/db?schema=pg_x"])  # fmt: skip
def test_a_url_without_a_proper_schema_is_refused(url: str) -> None:
    with pytest.raises(ControlError, match="schema=footfall_prod"):
        make_engine(url)


def earlier(postgres: PostgresServer, postgres_url: URL) -> Control:
    """A control plane as it was before each stage had a schema: in that of the user's name."""
    add_schema(postgres, postgres_url, "footfall")
    plane = control.open(full(postgres_url.update_query_dict({"schema": "footfall"})))
    plane.add_site("a.example", now=NOW)
    return plane


def test_an_earlier_control_plane_goes_on_by_the_line_that_is_told(
    postgres: PostgresServer, postgres_url: URL
) -> None:
    earlier(postgres, postgres_url).close()
    for attempt in (control.open, control.missing_steps):
        with pytest.raises(ControlError, match="before each stage had a schema") as told:
            attempt(full(postgres_url))
    assert tables(postgres, postgres_url) == {"footfall"}  # nothing was begun beside it
    typed = re.search(r"DROP SCHEMA .*; ALTER SCHEMA .* RENAME TO \w+;", str(told.value))
    assert typed is not None
    with postgres.admin(str(postgres_url.database)) as admin:
        admin.execute(typed[0])
    plane = control.open(full(postgres_url))
    assert list(plane.sites().by_id) == ["a.example"]
    plane.close()
    with postgres.admin(str(postgres_url.database)) as admin:
        admin.execute("CREATE SCHEMA footfall_staging AUTHORIZATION footfall")
    control.open(of_stage(postgres_url, "staging")).close()  # another stage begins beside it

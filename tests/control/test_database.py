from __future__ import annotations

import multiprocessing
import traceback
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text, update

import control
from control import Control, ControlError
from control.database import make_engine
from control.migrations import FIRST_VERSION, STEPS, SchemaTooNewError, upgrade
from control.schema import meta

NOW = 1_700_000_000_000


def test_every_change_changes_the_version(plane: Control) -> None:
    seen = [plane.version()]
    plane.add_site("a.example", now=NOW)
    seen.append(plane.version())
    info, _ = plane.create_key("a.example", now=NOW)
    seen.append(plane.version())
    plane.revoke_key(info.key_id, now=NOW)
    seen.append(plane.version())
    plane.set_setting("currency", "EUR")
    seen.append(plane.version())
    assert len(set(seen)) == len(seen)


def test_jobs_and_reads_leave_the_version(plane: Control) -> None:
    before = plane.version()
    plane.set_cursor("repair", "1")
    plane.claim("repair", "me", 1000, now=NOW)
    plane.sites()
    plane.salts(NOW)
    assert plane.version() == before


def _write(url: str, number: int) -> None:
    plane = control.open(url)
    for turn in range(20):
        plane.add_site(f"s{number}-{turn}.example", now=NOW)
        plane.set_setting("shared", str(turn))
        plane.set_cursor("shared", str(turn))
    plane.close()


def test_several_processes_open_and_write_at_once(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(url, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    plane = control.open(url)
    assert len(plane.sites().by_id) == 60
    assert plane.version() >= 1 + 60
    assert plane.cursor("shared") == "19"
    plane.close()


def test_an_older_schema_is_upgraded_once(plane: Control, url: str) -> None:
    plane.add_site("a.example", now=NOW)
    plane.close()
    steps = (*STEPS, ("ALTER TABLE site ADD COLUMN note VARCHAR(10) DEFAULT '' NOT NULL",))
    engine = make_engine(url)
    for _ in range(2):
        with engine.begin() as connection:
            assert upgrade(connection, steps) == FIRST_VERSION + len(steps)
    with engine.connect() as connection:
        assert "note" in [column["name"] for column in inspect(connection).get_columns("site")]
        assert connection.execute(text("SELECT note FROM site")).all() == [("",)]
    engine.dispose()


def test_a_step_that_fails_leaves_the_schema_as_it_was(plane: Control, url: str) -> None:
    plane.close()
    engine = make_engine(url)
    steps = (*STEPS, ("CREATE TABLE extra (x INTEGER)", "THIS IS NO SQL"))
    with pytest.raises(Exception, match="syntax error"), engine.begin() as connection:
        upgrade(connection, steps)
    with engine.connect() as connection:
        assert not inspect(connection).has_table("extra")
        now = connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar()
        assert now == FIRST_VERSION + len(STEPS)
    engine.dispose()


def test_keys_of_the_first_version_are_rotated_as_others(plane: Control, url: str) -> None:
    plane.add_site("a.example", now=NOW)
    key, _ = plane.create_key("a.example", now=NOW)
    plane.close()
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE server_key DROP COLUMN rotated_to"))
        connection.execute(text("DROP TABLE log_generation"))
        connection.execute(text("DROP TABLE flow_partition"))
        for column in ("script_name", "endpoint_path"):
            connection.execute(text(f"DROP INDEX site_{column}"))
            connection.execute(text(f"ALTER TABLE site DROP COLUMN {column}"))
        connection.execute(update(meta).where(meta.c.name == "schema").values(value=FIRST_VERSION))
    engine.dispose()
    again = control.open(url)
    new, _ = again.rotate_key(key.key_id, now=NOW, overlap_hours=1)
    assert again.key(key.key_id).rotated_to == new.key_id
    assert again.adopt_partition("prod-0000", "dir:a", "here", "worker 0", now=NOW)
    assert again.set_names("a.example", script_name="a.js").script_name == "a.js"
    again.close()


def test_a_newer_schema_is_refused(plane: Control, url: str) -> None:
    plane.close()
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(update(meta).where(meta.c.name == "schema").values(value=99))
    engine.dispose()
    with pytest.raises(SchemaTooNewError, match="upgrade Footfall"):
        control.open(url)


def test_what_is_to_be_done_is_told_and_not_done(url: str) -> None:
    newest = FIRST_VERSION + len(STEPS)
    assert control.missing_steps(url) == [f"make the tables (version {newest})"]
    assert control.missing_steps(url) == [f"make the tables (version {newest})"]
    control.open(url).close()
    assert control.missing_steps(url) == []
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(update(meta).where(meta.c.name == "schema").values(value=FIRST_VERSION))
    engine.dispose()
    assert control.missing_steps(url) == [f"bring the tables from version {FIRST_VERSION} to {newest}"]


def test_tables_of_something_else_are_left_alone(url: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE meta (name VARCHAR(64), value BIGINT)"))
    with pytest.raises(ControlError, match="not Footfall's"):
        control.open(url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["meta"]
    engine.dispose()


@pytest.mark.parametrize(
    "url_", ["postgresql://u:secret@h:secret/db", "no url, secret", "postgresql+x://u:secret@h/db"]
)
def test_a_url_that_cannot_be_read_is_not_repeated(url_: str) -> None:
    with pytest.raises(ControlError) as caught:
        control.open(url_)
    assert "secret" not in "".join(traceback.format_exception(caught.value, chain=False))


def test_memory_is_refused() -> None:
    with pytest.raises(ControlError, match="file"):
        control.open("sqlite://")


def test_settings_and_cursors(plane: Control) -> None:
    assert plane.setting("user:ada:timezone") is None
    plane.set_setting("user:ada:timezone", "Europe/Berlin")
    plane.set_setting("user:ada:timezone", "UTC")
    assert plane.setting("user:ada:timezone") == "UTC"
    plane.remove_setting("user:ada:timezone")
    assert plane.setting("user:ada:timezone") is None
    plane.set_cursor("repair:prod:0", "5")
    plane.set_cursor("repair%", "x")
    plane.set_cursor("Repair:prod:0", "7")
    assert plane.cursors("repair:") == {"repair:prod:0": "5"}
    assert plane.cursors("repair%") == {"repair%": "x"}


def test_the_directory_is_made(tmp_path: Path) -> None:
    control.open(f"sqlite:///{tmp_path / 'deep' / 'er' / 'control.db'}").close()
    assert (tmp_path / "deep" / "er" / "control.db").exists()

"""Everything that goes into a backup comes out of it, wherever it is restored to."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import URL

import control
from backup import logs
from backup.errors import BackupError, Damaged
from backup.make import backup
from backup.manifest import BEGUN, MANIFEST, Manifest, read_manifest
from backup.progress import NotShown
from backup.restore import Restored, check_empty, check_fits, restore
from backup.target import Target, open_target
from control import copying
from control.schema import salt
from eventlog.opening import open_generation
from footfall.generations import Generation
from footfall.settings import Settings
from objects.opening import open_objects
from tests.backup.making import contents, fill_store, new_stage, open_filled, settings_of
from tests.fixtures.engines import OLDEST
from tests.fixtures.postgres import full
from tests.fixtures.s3 import S3Server
from tests.fixtures.store import StoreServer, make_store
from tests.sinks.test_engines import store_on

QUIET = NotShown()
ARCHIVED = "raw/site=shop0.example.com/date=2026-11-26/0001.zst"


@pytest.fixture(scope="module")
def other_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    server = make_store(tmp_path_factory.mktemp("other"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def source(store: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with something of everything."""
    settings = settings_of(store, tmp_path_factory.mktemp("source"), new_stage())
    fill_store(settings)
    open_filled(settings).close()
    open_objects(settings, settings.stage).put(ARCHIVED, b"archived")
    return settings


@pytest.fixture(scope="module")
def taken(source: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    path = tmp_path_factory.mktemp("backup") / "one"
    plane = control.open(source.control_plane_url())
    backup(source, plane, open_target(source, str(path)), QUIET)
    plane.close()
    return path


def put_back(settings: Settings, place: Target) -> Restored:
    """As `footfall restore` does."""
    manifest = read_manifest(place)
    check_fits(settings, manifest)
    plane = control.open(settings.control_plane_url())
    try:
        check_empty(settings, plane)
        return restore(settings, plane, place, manifest, QUIET)
    finally:
        plane.close()


def different(one: Settings, other: Settings) -> list[tuple[str, bytes, bytes]]:
    """The cells that are not the same, of which table."""
    mine, theirs = contents(one), contents(other)
    assert {name: len(rows) for name, rows in mine.items()} == {name: len(rows) for name, rows in theirs.items()}
    return [
        (name, here, there)
        for name, rows in mine.items()
        for line, other_line in zip(rows, theirs[name], strict=True)
        for here, there in zip(line.split(b"\t"), other_line.split(b"\t"), strict=True)
        if here != there and not nearly(here, there)
    ]


def nearly(one: bytes, other: bytes) -> bool:
    """Older engines read the sixteenth digit of a float now and then wrong."""
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-15)
    except ValueError:
        return False


def control_rows(settings: Settings) -> list[copying.Row]:
    plane = control.open(settings.control_plane_url())
    rows = list(copying.dump(plane))
    plane.close()
    return rows


def test_into_the_same_shape(source: Settings, taken: Path, other_store: StoreServer, tmp_path: Path) -> None:
    target = settings_of(other_store, tmp_path, source.stage)
    done = put_back(target, open_target(target, str(taken)))
    assert (done.sites, done.objects) == (3, 1)
    assert contents(target) == contents(source)
    assert all(contents(target).values())
    assert open_objects(target, source.stage).get(ARCHIVED) == b"archived"
    found = [row for row in control_rows(target) if row[0] != "log_generation"]
    assert found == control_rows(source)
    assert {table for table, _ in found} >= {"site", "goal", "server_key", "secret", "setting", "cursor"}


def test_into_postgresql_and_s3(
    source: Settings,
    taken: Path,
    other_store: StoreServer,
    postgres_url: URL,
    s3: S3Server,
    bucket: str,
    tmp_path: Path,
) -> None:
    target = settings_of(
        other_store,
        tmp_path,
        source.stage,
        control_url=full(postgres_url),
        objects_endpoint=s3.endpoint,
        objects_bucket=bucket,
        objects_access_key=s3.access_key,
        objects_secret_key=s3.secret_key,
    )
    plane = control.open(target.control_plane_url())
    with pytest.raises(BackupError, match=r"is not empty .*--force"):  # the store is: the test before filled it
        check_empty(target, plane)
    restore(target, plane, open_target(target, str(taken)), read_manifest(open_target(target, str(taken))), QUIET)
    plane.close()
    assert contents(target) == contents(source)
    assert [row for row in control_rows(target) if row[0] != "log_generation"] == control_rows(source)
    # And on from there: a backup in the bucket, which the archive does not have to be copied for.
    plane = control.open(target.control_plane_url())
    backup(target, plane, open_target(target, "objects:night.1"), QUIET)
    plane.close()
    keys = [found.key for found in open_objects(target, source.stage).listing()]
    assert [key for key in keys if "raw/" in key] == [ARCHIVED]
    assert f"backups/night.1/{MANIFEST}" in keys
    restored = settings_of(other_store, tmp_path / "again", source.stage)
    restored = restored.model_copy(update={n: getattr(target, n) for n in Settings.model_fields if "objects" in n})
    plane = control.open(restored.control_plane_url())
    place = open_target(restored, "objects:night.1")
    restore(restored, plane, place, read_manifest(place), QUIET)
    plane.close()
    assert contents(restored) == contents(source)


@pytest.mark.drill
def test_into_the_oldest_engine_and_back(
    source: Settings, taken: Path, other_store: StoreServer, tmp_path: Path
) -> None:
    """As into a ClickHouse server of that release, whose time zone is another."""
    (tmp_path / "old").mkdir()
    with store_on(OLDEST, tmp_path / "old") as oldest:
        target = settings_of(oldest, tmp_path / "there", source.stage)
        put_back(target, open_target(target, str(taken)))
        assert different(source, target) == []
        plane = control.open(target.control_plane_url())
        backup(target, plane, open_target(target, str(tmp_path / "again")), QUIET)
        plane.close()
    place = open_target(source, str(tmp_path / "again"))
    home = settings_of(other_store, tmp_path / "back", source.stage)
    plane = control.open(home.control_plane_url())
    restore(home, plane, place, read_manifest(place), QUIET)
    plane.close()
    assert different(source, home) == []


def test_what_speaks_of_others_is_read_before_them(source: Settings, taken: Path) -> None:
    """A position is true of a table that was read after it, and the jobs' tables of events likewise."""
    tables = list(read_manifest(open_target(source, str(taken))).stages[source.stage].tables)
    assert tables[0] == "progress"
    assert tables.index("events") > max(
        map(tables.index, ("sessions", "repair_list", "rollup_state", "rollup_dirty"))
    )
    assert len(tables) == len(contents(source))


def test_salts_are_left_out_and_files_are_private(source: Settings, taken: Path) -> None:
    plane = control.open(source.control_plane_url())
    with plane.reading() as connection:
        salts = [bytes(row.value) for row in connection.execute(salt.select())]
    secret = plane.stage_secret(source.stage)
    plane.close()
    rows = msgspec.json.encode(control_rows(source))
    assert salts
    assert not any(msgspec.json.encode(value)[1:-1] in rows for value in salts)
    assert msgspec.json.encode(secret)[1:-1] in rows
    modes = {stat.S_IMODE(path.stat().st_mode) for path in taken.rglob("*") if path.is_file()}
    assert modes == {0o600}


def test_what_is_no_backup_is_said(source: Settings, taken: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no backup in"):
        read_manifest(open_target(source, str(tmp_path / "none")))
    half = open_target(source, str(tmp_path / "half"))
    half.put(BEGUN, b"{}")
    with pytest.raises(BackupError, match="was not finished"):
        read_manifest(half)
    plane = control.open(source.control_plane_url())
    with pytest.raises(BackupError, match="already"):
        backup(source, plane, open_target(source, str(taken)), QUIET)
    strange = open_target(source, str(tmp_path / "strange"))
    strange.put("letters", b"dear")
    with pytest.raises(BackupError, match="holds no backup"):
        backup(source, plane, strange, QUIET)
    plane.close()
    with pytest.raises(BackupError, match="is a file"):
        open_target(source, __file__)
    with pytest.raises(BackupError, match="names no backup"):
        open_target(source, "objects:../other")


def changed(taken: Path, settings: Settings, **values: object) -> Manifest:
    manifest = read_manifest(open_target(settings, str(taken)))
    return msgspec.structs.replace(manifest, **values)


def test_another_stage_or_a_newer_footfall_is_refused(source: Settings, taken: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="stages do not mix"):
        check_fits(source, changed(taken, source, stage="staging"))
    plane = changed(taken, source).control
    with pytest.raises(BackupError, match="newer: upgrade"):
        check_fits(source, changed(taken, source, control=msgspec.structs.replace(plane, schema=999)))
    target = open_target(source, str(tmp_path))
    target.put(MANIFEST, b'{"format": 2, "footfall": "9.9", "surprise": 1}')
    with pytest.raises(BackupError, match=r"format 2, made by Footfall 9\.9.*upgrade Footfall"):
        read_manifest(target)


def test_an_older_backup_fits_newer_tables(
    source: Settings, taken: Path, other_store: StoreServer, tmp_path: Path
) -> None:
    """One without a column that has come since, as its manifest and its rows show."""
    target = settings_of(other_store, tmp_path / "data", source.stage)
    older = open_target(source, str(tmp_path / "older"))
    place = open_target(source, str(taken))
    for found in place.listing():
        older.put(found.key, place.get(found.key))
    manifest = read_manifest(older)
    store = manifest.stages[source.stage]
    store.tables = {"quarantine_replays": store.tables["quarantine_replays"]}
    rows = store.tables["quarantine_replays"]
    from backup.pieces import PieceWriter, read_piece

    writer = PieceWriter(older, "older/", ".tsv.zst", tabs=len(rows.columns) - 2)
    for piece in rows.pieces:
        for line in read_piece(older, piece).splitlines():
            writer.add(line.rpartition(b"\t")[0] + b"\n")
    rows.columns, rows.pieces = rows.columns[:-1], writer.close()
    plane = control.open(target.control_plane_url())
    restore(target, plane, older, manifest, QUIET)
    plane.close()
    assert len(contents(target)["quarantine_replays"]) == len(contents(source)["quarantine_replays"])


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_damaged_backup_is_noticed_and_the_restore_stays_unfinished(
    source: Settings, taken: Path, other_store: StoreServer, tmp_path: Path, harm: str
) -> None:
    target = settings_of(other_store, tmp_path / "data", source.stage)
    place = open_target(source, str(taken))
    manifest = read_manifest(place)
    hurt = open_target(source, str(tmp_path / "hurt"))
    victim = manifest.stages[source.stage].tables["events"].pieces[-1].key
    for found in place.listing():
        data = place.get(found.key)
        if found.key == victim:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if found.key != victim or harm == "changed":
            hurt.put(found.key, data)
    plane = control.open(target.control_plane_url())
    with pytest.raises(Damaged, match="take another backup"):
        restore(target, plane, hurt, manifest, QUIET)
    assert copying.unfinished(plane)
    check_empty(target, plane)  # what is left is nobody's: the same command may begin anew
    restore(target, plane, place, manifest, QUIET)
    assert not copying.unfinished(plane)
    plane.close()
    assert contents(target) == contents(source)


def test_topics_that_the_log_grew_by_after_the_backup_are_taken_in(tmp_path: Path) -> None:
    """The control plane of the backup does not know of them; what is in them came after it, too."""
    settings = Settings(data_dir=tmp_path, partitions=2, dev_stage="")
    plane = control.open(settings.control_plane_url())
    try:
        grown = [Generation(number=n, first=f, partitions=p) for n, f, p in ((1, 0, 2), (2, 2, 4), (3, 6, 5))]
        for one in grown:
            open_generation(settings, "prod", one)
        for _ in range(2):  # repeated, it changes nothing
            logs.go_on(settings, plane, "prod")
            layout = plane.log_layout("prod", 2)
            assert [(one.number, one.first, one.partitions) for one in layout.served] == [
                (one.number, one.first, one.partitions) for one in grown
            ]
            assert layout.newest.number == 3
        assert len(plane.flow_partitions()) == 11
    finally:
        plane.close()

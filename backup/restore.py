"""Putting a backup into an empty installation of whatever shape.

The tables are made by this Footfall first and then filled by columns' names, so that an older backup
fits. From the first change to the last a mark in the control plane says that a restore is under way:
killed, it is begun anew by the same command, and until it is done no flow starts.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from backup import logs, tables
from backup.errors import BackupError, Damaged
from backup.manifest import Manifest, StageStore
from backup.objects_copy import copy_in
from backup.pieces import read_piece
from backup.progress import Progress
from backup.store_http import on_one_host
from backup.tables import StageTables
from backup.target import Target
from control import Control, copying
from flows.ownership import is_fresh
from footfall.names import database_name
from footfall.settings import Settings
from jobs.job import wall_ms
from sinks import migrate
from sinks.clickhouse import connect


class Restored(Struct, kw_only=True):
    """What came of it."""

    rows: int
    sites: int
    objects: int
    new_logs: list[str]  # stages whose log is not the one the backup's positions are of
    left_out: list[str]  # stages of the backup that the settings do not serve


def check_fits(settings: Settings, manifest: Manifest) -> None:
    """`BackupError` where the backup is another stage's or a newer Footfall's."""
    if manifest.stage != settings.stage:
        raise BackupError(
            f"this is a backup of stage {manifest.stage}, FOOTFALL_STAGE is {settings.stage}: stages do not mix"
        )
    newest = len(migrate.load())
    store_version = max((stage.migrations for stage in manifest.stages.values()), default=0)
    if manifest.control.schema > copying.SCHEMA or store_version > newest:
        raise BackupError(f"the backup was made by Footfall {manifest.footfall}, which is newer: upgrade this one")


def check_idle(plane: Control) -> None:
    """`BackupError` while a flow or a job is at work here."""
    now = wall_ms()
    workers = [row.worker for row in plane.flow_partitions().values() if is_fresh(row, now)]
    holders = [run.holder for run in plane.at_work(now=now)]
    for busy in (*workers, *holders):
        raise BackupError(
            f"{busy} is at work: stop every part first. One that was killed is forgotten after a minute"
        )


def check_empty(settings: Settings, plane: Control) -> None:
    """`BackupError` where somebody uses the installation; what an unfinished restore left is nobody's."""
    if copying.unfinished(plane):
        return
    used = copying.in_use(plane)
    if used:
        raise BackupError(
            f"the control plane is not empty ({_counted(used)}). Restore into a new one, or with --force to "
            "replace all there is, store included"
        )
    plain = connect(settings)
    try:
        for stage in settings.topics():
            database = database_name(stage)
            if migrate.applied(plain, database):
                client = connect(settings, database=database)
                filled = tables.filled_tables(client)
                client.disconnect()
                if filled:
                    raise BackupError(
                        f"database {database} is not empty ({_counted(filled)}). Restore into a new one, or with "
                        "--force to replace all there is, control plane included"
                    )
    finally:
        plain.disconnect()


def _counted(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {rows:,}" for name, rows in list(found.items())[:4])


def restore(
    settings: Settings, plane: Control, source: Target, manifest: Manifest, progress: Progress
) -> Restored:
    """Replace control plane and store by the backup's; `check_fits` and `check_empty` come first.

    Raises `Damaged` where the backup is not what its manifest says: the restore stays unfinished.
    """
    settings = on_one_host(settings)
    stages = {stage: store for stage, store in manifest.stages.items() if stage in settings.topics()}
    progress.expect(sum(table.rows for store in stages.values() for table in store.tables.values()))
    new_logs = [stage for stage, store in stages.items() if not logs.is_same(settings, stage, store)]
    copying.begin(plane, str(source))
    for stage, store in stages.items():
        _restore_stage(settings, stage, store, source, progress)
    copied = sum(copy_in(settings, stage, source, progress) for stage in stages) if source.elsewhere else 0
    progress.phase("control plane")
    counts = copying.load(plane, _rows(manifest, source), str(source))
    if counts != manifest.control.tables:
        raise Damaged(f"{source}: the control plane has {counts} rows and should have {manifest.control.tables}")
    for stage, store in stages.items():
        if stage in new_logs:
            logs.begin_new(settings, plane, stage, store)
        else:
            logs.go_on(settings, plane, stage)
    copying.finish(plane)
    return Restored(
        new_logs=new_logs,
        rows=sum(table.rows for store in stages.values() for table in store.tables.values()),
        sites=counts.get("site", 0),
        objects=copied,
        left_out=sorted(manifest.stages.keys() - stages.keys()),
    )


def _restore_stage(settings: Settings, stage: str, store: StageStore, source: Target, progress: Progress) -> None:
    database = database_name(stage)
    plain = connect(settings)
    try:
        migrate.migrate(plain, settings, database)
    finally:
        plain.disconnect()
    found = StageTables(settings, stage, source, progress)
    try:
        tables.empty_tables(found.client)
        found.load(store)
    finally:
        found.close()


class _Line(Struct):
    table: str
    row: dict[str, object]


def _rows(manifest: Manifest, source: Target) -> Iterator[copying.Row]:
    decoder = msgspec.json.Decoder(_Line)
    for piece in manifest.control.pieces:
        for line in read_piece(source, piece).splitlines():
            found = decoder.decode(line)
            yield found.table, found.row

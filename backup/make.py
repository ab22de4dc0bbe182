"""Taking a backup while everything runs.

The order makes it whole. Before any table, `progress` is read: whatever lies below a partition's
position is stored, and so comes into the backup; rows beyond it may come too, and are left out
again when the log is read from there. Jobs stand still while their tables and the sessions are
read, with the control plane and so the jobs' own positions. Events come last: they are a superset
of what everything before was made from.

Killed at any point it leaves no manifest, and a directory without one is no backup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec

from backup import tables
from backup.errors import BackupError
from backup.hold import jobs_held
from backup.manifest import BEGUN, MANIFEST, ControlPlane, LogTopic, Manifest, StageStore, write_manifest
from backup.objects_copy import copy_out
from backup.pieces import PieceWriter
from backup.progress import Progress
from backup.store_http import on_one_host
from backup.tables import StageTables
from backup.target import Target
from control import Control, copying
from eventlog.opening import log_identity
from footfall.names import database_name
from footfall.settings import Settings
from jobs.job import wall_ms
from sinks.clickhouse import connect
from sinks.migrate import applied, table_names

FIRST = ("progress",)  # what it says is stored is in the tables that are read after it
# Only the flow writes these.
LAST = ("events", "identities", "quarantine", "quarantine_replays", "ledger")


def backup(settings: Settings, plane: Control, target: Target, progress: Progress) -> Manifest:
    """Write a backup to an empty place, or to one where a backup was not finished; its manifest."""
    begun = wall_ms()
    settings = on_one_host(settings)
    _begin(target)
    with _databases(settings, target, progress) as databases:
        stages = {stage: _stage(settings, plane, stage, database) for stage, database in databases.items()}
        progress.expect(sum(sum(tables.filled_tables(each.client).values()) for each in databases.values()))
        with jobs_held(plane) as held:
            control_plane = _control(plane, target)
            middle = [name for name in table_names() if name not in FIRST + LAST]
            for stage, database in databases.items():
                _dump(database, [*FIRST, *middle], stages[stage])
                held.check()
        for stage, database in databases.items():
            _dump(database, LAST, stages[stage])
    manifest = Manifest(stage=settings.stage, begun_at=begun, control=control_plane, stages=stages)
    if target.elsewhere:
        for stage, store in stages.items():
            store.objects, store.object_bytes = copy_out(settings, stage, target, progress)
    manifest.finished_at = wall_ms()
    write_manifest(target, manifest)
    return manifest


def _begin(target: Target) -> None:
    """The place is free, or what an unfinished backup left there goes."""
    if target.size(MANIFEST) is not None:
        raise BackupError(f"there is a backup in {target} already: give another name")
    left = [found.key for found in target.listing()]
    if left and BEGUN not in left:
        raise BackupError(f"{target} is not empty and holds no backup: give another name")
    for key in left:
        if key != BEGUN:
            target.delete(key)
    target.put(BEGUN, b"{}")


@contextmanager
def _databases(settings: Settings, target: Target, progress: Progress) -> Iterator[dict[str, StageTables]]:
    """Of each stage that has tables."""
    databases = {stage: StageTables(settings, stage, target, progress) for stage in settings.topics()}
    plain = connect(settings)
    try:
        yield {stage: one for stage, one in databases.items() if applied(plain, database_name(stage))}
    finally:
        plain.disconnect()
        for one in databases.values():
            one.close()


def _stage(settings: Settings, plane: Control, stage: str, database: StageTables) -> StageStore:
    """How far it is stored, before any of its tables is read."""
    database.catch_up()
    found = tables.reached(database.client)
    topics = [
        LogTopic(
            number=one.number,
            first=one.first,
            partitions=one.partitions,
            identity=log_identity(settings, stage, one),
        )
        for one in plane.log_layout(stage, settings.topics()[stage]).served
    ]
    version = max(applied(database.client, database_name(stage)))
    return StageStore(migrations=version, log=topics, reached=found, tables={})


def _control(plane: Control, target: Target) -> ControlPlane:
    writer = PieceWriter(target, "control/", ".jsonl.zst")
    counts: dict[str, int] = {}
    for table, row in copying.dump(plane):
        writer.add(msgspec.json.encode({"table": table, "row": row}) + b"\n")
        counts[table] = counts.get(table, 0) + 1
    return ControlPlane(schema=copying.SCHEMA, tables=counts, pieces=writer.close())


def _dump(database: StageTables, names: Iterable[str], store: StageStore) -> None:
    database.catch_up()
    there = tables.filled_tables(database.client)
    for name in names:
        if name in there:
            store.tables[name] = database.dump(name)

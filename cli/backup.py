"""`footfall backup TARGET`: control plane, store and objects, while everything runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.plane import open_control
from cli.running import read_status
from footfall.settings import Settings

if TYPE_CHECKING:
    from backup.manifest import Manifest


@click.command()
@click.argument("target")
def command(target: str) -> None:
    """Take a backup to TARGET: a new directory, or objects:NAME in the object store.

    Nothing has to stop for it; where Footfall does not run, its store is started for as long as it
    takes. The backup holds what the installation knows of visitors, and its secrets: keep it as safe.
    """
    from backup.make import backup
    from backup.target import open_target
    from cli.progress import ProgressBar
    from embedded.paths import resolve

    settings = resolve(load_settings())
    plane = open_control(settings)
    try:
        with _store(settings), ProgressBar("rows") as bar:
            manifest = backup(settings, plane, open_target(settings, target), bar)
    finally:
        plane.close()
    click.echo(_told(target, manifest))


def _store(settings: Settings) -> contextlib.AbstractContextManager[None]:
    from embedded.store_alone import store_alone

    if read_status(settings) is not None or not settings.has_own_store:
        return contextlib.nullcontext()
    return store_alone(settings)


def _told(target: str, manifest: Manifest) -> str:
    seconds = (manifest.finished_at - manifest.begun_at) / 1000
    objects = sum(store.objects for store in manifest.stages.values())
    lines = [
        f"Backup {target}: {manifest.control.tables.get('site', 0):,} sites, {manifest.rows:,} rows, "
        f"{manifest.bytes / 1024**2:,.1f} MiB, {seconds:,.1f} s."
    ]
    if objects:
        size = sum(store.object_bytes for store in manifest.stages.values())
        lines.append(f"With it {objects:,} objects, {size / 1024**2:,.1f} MiB.")
    lines.append("Daily salts are not in it: after a restore, visitors of the running day are counted anew.")
    return "\n".join(lines)

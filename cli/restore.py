"""`footfall restore SOURCE`: a backup into an empty installation, whatever its shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cli.common import load_settings

if TYPE_CHECKING:
    from backup.manifest import Manifest


@click.command()
@click.argument("source")
@click.option("--force", is_flag=True, help="Replace the control plane and the store there are.")
def command(source: str, force: bool) -> None:
    """Restore the backup SOURCE: a directory, or objects:NAME in the object store.

    The settings say where to: SQLite or PostgreSQL, the embedded store or a server, a directory or S3.
    No part of Footfall may run meanwhile. Killed half-way, the same command begins anew.
    """
    import control
    import installations
    from backup.manifest import read_manifest
    from backup.restore import check_empty, check_fits, check_idle, restore
    from backup.target import open_target
    from cli.progress import ProgressBar
    from embedded.paths import resolve
    from embedded.store_alone import store_alone

    settings = resolve(load_settings())
    place = open_target(settings, source)
    manifest = read_manifest(place)
    check_fits(settings, manifest)
    with store_alone(settings):
        plane = control.open(settings.control_plane_url())
        try:
            check_idle(plane)
            installations.check(settings, installations.identify(plane, settings.stage), settings.topics())
            if not force:
                check_empty(settings, plane)
            with ProgressBar("rows") as bar:
                done = restore(settings, plane, place, manifest, bar)
        finally:
            plane.close()
    click.echo(f"Restored {source}: {done.sites:,} sites, {done.rows:,} rows, {done.objects:,} objects.")
    for stage in manifest.stages.keys() - set(done.left_out):
        click.echo(_what_follows(stage, manifest, stage in done.new_logs))
    if done.left_out:
        click.echo(f"Left out, as the settings do not serve them: stages {', '.join(done.left_out)}.")


def _what_follows(stage: str, manifest: Manifest, new_log: bool) -> str:
    """What came after the backup, and where it is."""
    times = [one.log_time for one in manifest.stages[stage].reached if one.log_time > 0]
    if not times:
        return f"{stage}: nothing was stored yet."
    reached = datetime.fromtimestamp(min(times) / 1000, UTC)
    since = f"{stage}: all is there up to {reached:%Y-%m-%d %H:%M:%S} UTC."
    if not new_log:
        return f"{since} The flow reads what came after it from the log, as soon as it starts."
    return (
        f"{since} The log here is another one: what came later comes from the raw archive, where that has it, for "
        f"each site with: footfall replay --site SITE --from {reached:%Y-%m-%d} --to {datetime.now(UTC):%Y-%m-%d}"
    )

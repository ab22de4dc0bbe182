"""`python -m embedded.prepare`: control plane and tables, made or brought up to date.

A process of its own, so that the supervisor never carries SQLAlchemy and the driver.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping

import control
import installations
from eventlog.opening import prepare_log
from eventlog.protocol import LogUnreachable, WrongLogError
from footfall.generations import Layout
from footfall.names import database_name
from footfall.settings import Settings
from objects.opening import prepare_objects
from objects.protocol import ObjectStoreError
from sinks.clickhouse import STORE_FAULTS, StoreUnreachableError, connect, in_one_line, is_retryable
from sinks.cluster import UnsupportedClusterError
from sinks.migrate import MigrationError, migrate

STORE_TIMEOUT_S = 60.0
POLL_S = 0.05
OBJECTS_PATIENCE_S = 3.0


def prepare(settings: Settings) -> list[str]:
    """Make what the other parts expect; what was done, line by line. May be repeated."""
    plane = control.open(settings.control_plane_url())
    for stage in settings.topics():
        plane.stage_secret(stage)
    layouts = {stage: plane.log_layout(stage, partitions) for stage, partitions in settings.topics().items()}
    installation = installations.settle(plane, settings.stage)
    plane.close()
    _wait_for_store(settings)
    installations.check(settings, installation, settings.topics())  # before anything of another's is changed
    done = migrate_stages(settings, layouts) + _archive_or_why_not(settings)
    return done + installations.claim(settings, installation, settings.topics())


def _archive_or_why_not(settings: Settings) -> list[str]:
    """An object store that is away holds up nothing but the archive, which waits for it."""
    try:
        return prepare_archive(settings, settings.topics(), patience_s=OBJECTS_PATIENCE_S)
    except ObjectStoreError as error:
        return [f"the raw archive waits: {error}"]


def prepare_archive(
    settings: Settings, stages: Iterable[str], *, change: bool = True, patience_s: float | None = None
) -> list[str]:
    """Make the bucket where an archive is kept and there is none; what was done, or with `change` false
    what is to be done. Raises `ObjectStoreError`."""
    if not settings.archive_days:
        return []
    return [
        f"{stage}: {step}"
        for stage in stages
        for step in prepare_objects(settings, stage, change=change, patience_s=patience_s)
    ]


def _wait_for_store(settings: Settings) -> None:
    """Until it answers; `StoreUnreachableError` after `STORE_TIMEOUT_S`, or at once where it refuses us."""
    deadline = time.monotonic() + STORE_TIMEOUT_S
    while True:
        try:
            with connect(settings) as client:
                client.execute("SELECT 1")
        except STORE_FAULTS as error:
            if not is_retryable(error) or time.monotonic() > deadline:
                raise StoreUnreachableError(f"the store does not answer: {in_one_line(error)}") from error
            time.sleep(POLL_S)  # between two looks
        else:
            return


def migrate_stages(settings: Settings, layouts: Mapping[str, Layout], *, again: bool = False) -> list[str]:
    """Bring the stages' topics and databases up to date; `prod: 0001_tables` for each step done. `again`:
    all steps of the databases."""
    done = [
        f"{stage}: {step}" for stage, layout in layouts.items() for step in prepare_log(settings, stage, layout)
    ]
    client = connect(settings)
    try:
        return done + [
            f"{stage}: {step}"
            for stage in layouts
            for step in migrate(client, settings, database_name(stage), again=again)
        ]
    finally:
        client.disconnect()


def main() -> int:
    """Exit code 0 once everything is there."""
    try:
        for line in prepare(Settings.model_validate({})):
            sys.stdout.write(line + "\n")
    except (
        control.ControlError,
        LogUnreachable,
        WrongLogError,
        StoreUnreachableError,
        UnsupportedClusterError,
        MigrationError,
    ) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

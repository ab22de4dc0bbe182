"""`python -m embedded.prepare`: control plane and tables, made or brought up to date.

A process of its own, so that the supervisor never carries SQLAlchemy and the driver.
"""

from __future__ import annotations

import sys

import control
from footfall.names import database_name
from footfall.settings import Settings
from sinks.clickhouse import connect
from sinks.migrate import migrate


def prepare(settings: Settings) -> list[str]:
    """Make what the other parts expect; what was done, line by line. May be repeated."""
    plane = control.open(settings.control_plane_url())
    for stage in settings.topics():
        plane.stage_secret(stage)
    plane.close()
    return migrate_stages(settings, list(settings.topics()))


def migrate_stages(settings: Settings, stages: list[str]) -> list[str]:
    """Bring the stages' databases up to date; `prod: 0001_tables` for each step done."""
    client = connect(settings)
    try:
        return [f"{stage}: {step}" for stage in stages for step in migrate(client, settings, database_name(stage))]
    finally:
        client.disconnect()


if __name__ == "__main__":
    for line in prepare(Settings.model_validate({})):
        sys.stdout.write(line + "\n")

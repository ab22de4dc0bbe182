"""`footfall doctor --bundle FILE`: what somebody who helps has to see, and nothing they must not.

Contents are left out at the source (counts and sizes, never rows), and every text goes through the scrubber
on top: secrets masked, public addresses truncated.
"""

from __future__ import annotations

import io
import json
import platform
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from cli.checks.finding import Finding
from footfall.settings import Settings
from telemetry.ports import MetricsPort, metrics_ports
from telemetry.scrubbing import MASK, Scrubber, secrets_of

LOG_BYTES = 512 * 1024  # the end of each log
JOB_RUNS = 20
TABLES = (
    "SELECT database, table, count() AS parts, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts "
    "WHERE active AND database LIKE 'footfall%' GROUP BY database, table ORDER BY database, table"
)
POSITIONS = "SELECT * FROM {}.progress FINAL ORDER BY log_partition"
LEDGER = "SELECT day, outcome, reason, sum(count) FROM {}.ledger_v1 GROUP BY ALL ORDER BY ALL"


def write_bundle(path: Path, settings: Settings, findings: Sequence[Finding]) -> list[str]:
    """Make the archive (gzip, mode 0600); the names of what is in it. `settings` are resolved."""
    scrub = Scrubber(secrets_of(settings) | _public_ids(settings)).scrub
    makers: dict[str, Callable[[], str]] = {
        "versions.json": lambda: _json(_versions()),
        "settings.json": lambda: _json(_settings(settings)),
        "doctor.json": lambda: _json([msgspec.to_builtins(one) for one in findings]),
        "status.json": lambda: _status(settings),
        "jobs.json": lambda: _jobs(settings),
        "tables.tsv": lambda: _query(settings, TABLES),
    }
    for stage in settings.topics():
        makers[f"{stage}/progress.tsv"] = partial(_of_stage, settings, stage, POSITIONS)
        makers[f"{stage}/ledger.tsv"] = partial(_of_stage, settings, stage, LEDGER)
    makers |= _metrics(settings)
    for log in sorted((settings.data_dir / "logs").glob("*.log")):
        makers[f"logs/{log.name}"] = partial(_end_of, log)
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, make in makers.items():
            _add(archive, f"footfall/{name}", scrub(_made(make)))
    return list(makers)


def _made(make: Callable[[], str]) -> str:
    """What cannot be asked says why."""
    from telemetry.logs import in_short

    try:
        return make()
    except Exception as error:  # noqa: BLE001 - a bundle is made when things are broken: told in this file's place
        return f"not to be had: {in_short(error)}\n"


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
    archive.addfile(entry, io.BytesIO(data))


def _versions() -> dict[str, Any]:
    import importlib.metadata

    packages = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
    return {"python": sys.version, "platform": platform.platform(), "packages": dict(sorted(packages.items()))}


def _settings(settings: Settings) -> dict[str, str]:
    """Those with secrets say only whether they are set."""
    fields = type(settings).model_fields
    return {
        name: str(getattr(settings, name)) if field.repr or not getattr(settings, name) else MASK
        for name, field in fields.items()
    }


def _status(settings: Settings) -> str:
    from cli.health import look

    return _json(look(settings).as_dict())


def _jobs(settings: Settings) -> str:
    from cli.plane import open_control
    from jobs.registry import JOBS

    plane = open_control(settings)
    try:
        return _json([_run(run) for job in JOBS for run in plane.job_runs(job.name, limit=JOB_RUNS)])
    finally:
        plane.close()


def _run(run: Any) -> dict[str, Any]:
    """Of a run that failed only the kind of error: its message may repeat a value."""
    found: dict[str, Any] = msgspec.to_builtins(run)
    if run.state == "failed":
        found["detail"] = run.detail.partition(":")[0][:100]
    return found


def _metrics(settings: Settings) -> dict[str, Callable[[], str]]:
    return {f"metrics/{one.part}-{one.port}.txt": partial(_scraped, one) for one in metrics_ports(settings)}


def _scraped(one: MetricsPort) -> str:
    from cli.scraping import fetch

    return fetch(one) or "no answer\n"


def _of_stage(settings: Settings, stage: str, query: str) -> str:
    from footfall.names import database_name

    return _query(settings, query.format(database_name(stage)))


def _query(settings: Settings, query: str) -> str:
    from embedded.probe import query_store

    return query_store(settings, f"{query} FORMAT TSVWithNames", timeout_s=10.0)


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        return file.read().decode("utf-8", "replace")


def _public_ids(settings: Settings) -> set[str]:
    """They are no secrets, but whoever has one can send."""
    from cli.plane import open_control
    from control import CONTROL_FAULTS

    try:
        plane = open_control(settings)
        try:
            return {site.public_id for site in plane.sites().by_id.values()}
        finally:
            plane.close()
    except (click.ClickException, *CONTROL_FAULTS):  # nothing names them; jobs.json says why
        return set()


def _json(value: object) -> str:
    return json.dumps(value, indent=1, default=str) + "\n"

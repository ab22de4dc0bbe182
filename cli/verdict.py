"""What `status` makes of what it found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cli.jobs_health import Worker, job_troubles
from cli.trouble import Trouble
from embedded.view import duration, heartbeat_limit_s
from footfall.settings import Settings

if TYPE_CHECKING:
    from cli.state import Health

FAILING_RESTARTS = 5  # a part that keeps dying is not well, even if data still arrive


def judge(settings: Settings, health: Health, status: dict[str, Any] | None) -> None:
    """The verdict: do data arrive, and is anything else wrong. `status`: the supervisor's."""
    _arrival(settings, health, runs=status is not None)
    health.troubles = _books(health) + _parts(settings, health)
    if status is not None:
        if health.arrives:  # else the verdict says it of everything
            health.troubles += _dev(settings, health)
        health.troubles += _jobs(settings, health, status)
        health.troubles += _archive(settings, health)
    health.problems += [f"{trouble.found}: {trouble.mend}" for trouble in health.troubles]
    grave = [trouble for trouble in health.troubles if trouble.grave]
    health.ok = health.arrives and not grave
    if health.arrives and grave:
        health.verdict = f"{grave[0].found}; {health.verdict}"


def _archive(settings: Settings, health: Health) -> list[Trouble]:
    if not settings.archive_days:
        return []
    from cli.spooled import archive_troubles, spooled

    found = spooled(settings)
    health.archive_bytes = found.size
    return archive_troubles(settings, found)


def _arrival(settings: Settings, health: Health, runs: bool) -> None:
    age = health.heartbeat_age_s
    health.arrives = age is not None and age < heartbeat_limit_s(settings)
    if age is not None and health.arrives:
        health.verdict = f"the last heartbeat reached the store {age:.0f} s ago"
    elif age is not None:
        late = f"the last heartbeat reached the store {duration(age)} ago: nothing gets through"
        health.verdict = late if runs else f"Footfall does not run; {late}"
    else:
        start = f"Footfall does not run on {settings.data_dir}: start it with `footfall up`"
        health.verdict = "no heartbeat is in the store" if runs else start


def _books(health: Health) -> list[Trouble]:
    wrong = [site.site_id for site in health.ledger if site.open < 0]
    found = f"the books do not add up for {', '.join(wrong)}: more was stored than accepted"
    mend = "please report it with what `footfall status --json` says"
    return [Trouble("books", found, mend)] if wrong else []


def _parts(settings: Settings, health: Health) -> list[Trouble]:
    return [
        Trouble(
            "parts",
            f"{part.name} is {part.state}",
            f"see {_log(settings, part.name)}",
            grave=part.restarts >= FAILING_RESTARTS,
        )
        for part in health.parts
        if part.state not in ("ready", "done")
    ]


def _dev(settings: Settings, health: Health) -> list[Trouble]:
    """Where localhost and previews have a stage, it has a log and a way through the flow of its own. Looked at
    once the flow had time for it: it counts as ready when its main stage's heartbeats are stored."""
    # Its first worker (`flow-0` where there are several) has that stage's first partition.
    name, up_s = next(
        (
            (part.name, part.up_s)
            for part in health.parts
            if part.name.startswith("flow") and part.state == "ready"
        ),
        ("flow", 0.0),
    )
    age = health.dev_heartbeat_age_s
    stage = settings.dev_stage
    if stage in ("", settings.stage) or up_s < heartbeat_limit_s(settings):
        return []
    if age is not None and age < heartbeat_limit_s(settings):
        return []
    last = "no heartbeat is in the store" if age is None else f"its last heartbeat was stored {duration(age)} ago"
    found = f"events of stage {stage} (from localhost and previews) do not get through: {last}"
    return [Trouble(stage, found, f"{_log(settings, name)} says why")]


def _jobs(settings: Settings, health: Health, status: dict[str, Any]) -> list[Trouble]:
    now = time.time()
    pid = next((part.pid for part in health.parts if part.name == "jobs"), 0)
    up_ms = max(0, int((now - float(status.get("started_at", now))) * 1000))
    return job_troubles(settings, Worker(pid, up_ms, _log(settings, "jobs")), int(now * 1000))


def _log(settings: Settings, part: str) -> str:
    return str(settings.data_dir / "logs" / f"{part}.log")

"""Sites that are silent against their usual week: compared by what is stored, so that data that are merely late
raise no alarm here. What was found is kept in the control plane, for metrics, `status` and `doctor`."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import msgspec
from clickhouse_driver import Client

from control.plane import Control
from footfall.silence import Watch, judge, windows
from footfall.sites import Site
from jobs.job import JobContext
from jobs.stored import has_tables, run, stored_until

_DAY = timedelta(days=1)


def look_for_silence(context: JobContext) -> str:
    """One look at every stage; says who is silent."""
    silent: list[str] = []
    watched = 0
    for stage in context.stages:
        client = context.store(stage)
        try:
            if not has_tables(client):
                continue
            found = _look(context, stage, client)
        finally:
            client.disconnect()
        context.control.set_cursor(_cursor(stage), msgspec.json.encode(found).decode())
        watched += len(found)
        silent += sorted(site_id for site_id, watch in found.items() if watch.since)
        context.check()
    return f"{watched} sites with a usual week" + (f", silent: {', '.join(silent)}" if silent else ", none silent")


def known(control: Control, stage: str) -> dict[str, Watch]:
    """Site -> what the last look found; sites without a usual week are not in it."""
    text = control.cursor(_cursor(stage))
    return msgspec.json.decode(text, type=dict[str, Watch]) if text else {}


def _look(context: JobContext, stage: str, client: Client) -> dict[str, Watch]:
    now = stored_until(client, lambda: context.layout(stage))
    if not now:
        return {}
    before = known(context.control, stage)
    by_zone: dict[str, list[Site]] = defaultdict(list)
    for site in context.control.sites().by_id.values():
        by_zone[site.timezone].append(site)
    found: dict[str, Watch] = {}
    for timezone, sites in by_zone.items():
        for site_id, counts in _counts(client, stage, timezone, sites, now).items():
            watch = judge(counts[0], counts[1:], before.get(site_id), now)
            if watch is not None:
                found[site_id] = watch
        context.check()
    return found


def _counts(client: Client, stage: str, timezone: str, sites: list[Site], now: int) -> dict[str, list[int]]:
    """Site -> events in each of the windows."""
    spans = windows(now, timezone)
    values = {
        "firsts": [first for first, _ in spans],
        "ends": [end for _, end in spans],
        "days": sorted({day for span in spans for day in _days(*span)}),
        "sites": [site.site_id for site in sites],
    }
    counts = {site.site_id: [0] * len(spans) for site in sites}
    for site_id, place, number in run(client, "same_hours", stage, values):
        counts[site_id][place - 1] = number
    return counts


def _days(first: int, end: int) -> set[date]:
    """Under which an event of the span is filed: its id's day, at most a day off, or that of its receipt."""
    days = {datetime.fromtimestamp(at / 1000, UTC).date() for at in (first, end)}
    return {day + shift * _DAY for day in days for shift in (-1, 0, 1)}


def _cursor(stage: str) -> str:
    return f"silence:{stage}"

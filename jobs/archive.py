"""Retention of the raw archive: objects go once their day is over for so long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from footfall.archive import PREFIX, place_of
from jobs.job import JobContext
from objects.opening import open_objects

CHECK_EVERY = 200  # objects


def forget_archive(context: JobContext) -> str:
    """Delete what is older than the settings say, in every stage; nothing where no archive is kept."""
    days = context.settings.archive_days
    if not days:
        return "no archive is kept"
    today = datetime.fromtimestamp(context.now_ms() / 1000, UTC).date()
    oldest = (today - timedelta(days=days)).isoformat()
    kept = gone = 0
    for stage in context.stages:
        store = open_objects(context.settings, stage)
        for listed in store.listing(PREFIX):
            place = place_of(listed.key)
            if place is not None and place.date < oldest:
                store.delete(listed.key)
                gone += 1
            else:
                kept += 1
            if (kept + gone) % CHECK_EVERY == 0:
                context.check()
    return f"{gone} objects of before {oldest} deleted, {kept} kept"

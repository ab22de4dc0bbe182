"""Who comes on the repair list by themselves: derived from the events stored since the last look, so
that a mark is never missing where a row is (see `sinks/flusher.py` for those found to be stored twice)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from clickhouse_driver import Client

from footfall.generations import Layout
from jobs.job import JobContext
from jobs.repair_list import mark_late, mark_split
from jobs.scope import widest_window
from jobs.stored import stored_by_partition

DAY_MS = 86_400_000


def mark_new(context: JobContext, stage: str, client: Client) -> None:
    """Visitors of what was stored since the last look. By partition: one need not wait for the others'
    heartbeats."""
    after = marked_until(context, stage)
    until = stored_by_partition(client)
    context.sync(client, stage, "events")
    if not until or until == after:
        return
    layout = context.layout(stage)  # asked for after `until`: whatever is stored by then, it knows of
    after = _beginnings(layout, until) | after if after else after
    mark_late(client, stage, after, until)
    if layout.is_switching:
        _mark_split(context, stage, client, layout, after, until)
    context.control.set_cursor(_cursor(stage), msgspec.json.encode(until).decode())


def marked_until(context: JobContext, stage: str) -> dict[int, int]:
    """Partition -> log time (ms) up to which it was looked at."""
    text = context.control.cursor(_cursor(stage))
    return msgspec.json.decode(text, type=dict[int, int]) if text else {}


def _mark_split(
    context: JobContext, stage: str, client: Client, layout: Layout, after: dict[int, int], until: dict[int, int]
) -> None:
    """A visit that goes on in a newer generation of the log is open in two partitions: two halves of
    what must become one."""
    served = {number: until[number] for number in layout.partitions if number in until}
    begin = layout.served[1].created_at - DAY_MS  # before it there are no such visits
    since = {number: max(after.get(number, -1), begin) for number in served}
    windows = [widest_window(site) for site in context.control.sites().by_id.values()]
    mark_split(client, stage, since, served, max(windows, default=0), context.settings.lateness_ms)


def _cursor(stage: str) -> str:
    return f"repair:{stage}"


def _beginnings(layout: Layout, partitions: Iterable[int]) -> dict[int, int]:
    """Partition -> log time (ms) at which it was still empty, of those a log got as it grew: to look
    there for events from the beginning of all time would be to read the whole table."""
    made = {number: one.created_at for one in layout.generations[1:] for number in one.numbers}
    return {number: made[number] - DAY_MS for number in partitions if number in made}

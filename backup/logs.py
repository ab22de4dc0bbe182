"""Whether the log here is the one a backup's positions are of, and what to do where it is not.

A position (partition, offset) means one log. Into another one (a new directory, Kafka in place of the
local one) the restored rows bring positions of theirs; so the new log's partitions are numbered from above
all of them, and the two can never be taken for each other.
"""

from __future__ import annotations

from backup.manifest import StageStore
from control import Control
from control.partitions import NOBODY
from eventlog.opening import log_identity, partitions_made
from flows.serving import served_keys
from footfall.generations import Generation
from footfall.names import database_name
from footfall.settings import Settings
from jobs.job import wall_ms
from sinks import orphans
from sinks.clickhouse import connect

_POSITIONED = ("events", "quarantine", "ledger", "progress")  # tables with a partition


def is_same(settings: Settings, stage: str, store: StageStore) -> bool:
    """Whether every topic that the backup's log consisted of is here. Raises `LogUnreachable`."""
    topics = [
        (topic.identity, Generation(number=topic.number, first=topic.first, partitions=topic.partitions))
        for topic in store.log
    ]
    return bool(topics) and all(known and log_identity(settings, stage, one) == known for known, one in topics)


def go_on(settings: Settings, plane: Control, stage: str) -> None:
    """The log is the one the store was filled from: whoever starts with a partition makes its state anew."""
    _take_in_newer(settings, plane, stage)
    for key in served_keys({stage: plane.log_layout(stage, settings.topics()[stage])}):
        plane.adopt_partition(str(key), NOBODY, "", "", now=0)


def _take_in_newer(settings: Settings, plane: Control, stage: str) -> None:
    """Topics by which the log grew after the backup: what is in them came after it, too, and is read."""
    begun = settings.topics()[stage]
    while True:
        layout = plane.log_layout(stage, begun)
        last = layout.generations[-1]
        made = partitions_made(settings, stage, last.number + 1)
        if made <= last.partitions:
            return
        if layout.waiting is not None:
            plane.open_generation(stage, last.number, now=wall_ms())
        added = plane.add_generation(stage, begun, made, now=wall_ms()).generations[-1]
        plane.open_generation(stage, added.number, now=wall_ms())


def begin_new(settings: Settings, plane: Control, stage: str, store: StageStore) -> None:
    """Number a new log from above all positions there are.

    No flow has the sessions that were open: they are closed, and repair makes their visitors' anew, as
    those of visitors with rows beyond what is certain, or so new that no session may be stored yet.
    Repeating it changes nothing.
    """
    database = database_name(stage)
    client = connect(settings, database=database)
    try:
        highest = max(
            (client.execute(f"SELECT max(toInt64(log_partition) + 1) FROM {name}")[0][0] for name in _POSITIONED),  # noqa: S608
            default=0,
        )
        mark = wall_ms()
        served = {number for topic in store.log for number in range(topic.first, topic.first + topic.partitions)}
        for one in store.reached:
            if one.partition in served:
                orphans.mark_after(client, database, one.partition, one.offset, mark)
                orphans.mark_newest(client, database, one.partition, mark)
        orphans.close_orphans(client, database, orphans.FAR, mark)
    finally:
        client.disconnect()
    first = max([highest, *(number + 1 for number in served)])
    if first:
        plane.begin_log(stage, first, settings.topics()[stage])

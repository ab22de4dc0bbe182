"""Heartbeats: they let log time go on in partitions where nothing happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from eventlog.protocol import LogFull
from footfall import record
from footfall.record import Record
from ingest_gateway.log_writer import LogWriter
from telemetry.incidents import Incident

logger = logging.getLogger(__name__)


async def beat(writer: LogWriter, now: int) -> None:
    """One heartbeat to every served partition; `LogFull` if the log cannot take all of them.

    Those to other generations than events go to are written aside: whatever becomes of a topic that is
    not in use yet, or no more, the gateway is well.
    """
    layout = writer.layout
    newest = layout.newest
    value = record.encode(Record(kind="heartbeat", received_at=now, generation=newest.number))
    writes = [
        (writer.write if one is newest else writer.write_aside)([(number, value) for number in one.numbers])
        for one in layout.served
    ]
    for outcome in await asyncio.gather(*writes, return_exceptions=True):
        if outcome is not None:
            raise outcome


async def beat_forever(writers: Iterable[LogWriter], every_s: float, clock: Callable[[], int]) -> None:
    """Until cancelled. A log that takes none is tried again at the next beat."""
    incident = Incident(logger)
    while True:
        for writer in writers:
            try:
                await beat(writer, clock())
            except LogFull as error:
                incident.met(f"no heartbeat: {error}")
            else:
                incident.over("heartbeats are written again")
        await asyncio.sleep(every_s)

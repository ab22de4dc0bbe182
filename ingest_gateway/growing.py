"""Notices that a stage's log has other generations than before, and goes over to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from eventlog.protocol import EventLog
from footfall import record
from footfall.generations import Layout
from footfall.record import Record
from ingest_gateway.log_writer import LogWriter
from telemetry.incidents import Incident

logger = logging.getLogger(__name__)

LOOK_S = 0.25
AGAIN_S = 5.0  # after a log that could not be opened, or takes nothing
TRY_S = 10.0

OpenLog = Callable[[str, Layout], EventLog]  # may wait: called on a thread


async def follow(
    writers: Mapping[str, LogWriter],
    layouts: Callable[[], Mapping[str, Layout]],
    open_log: OpenLog,
    clock: Callable[[], int],
) -> None:
    """Until cancelled. `layouts` is what the control plane said last; `clock` is UTC milliseconds."""
    incident = Incident(logger)
    while True:
        pause = LOOK_S
        for stage, layout in layouts().items():
            if layout == writers[stage].layout:
                continue
            try:
                await _go_over(stage, writers[stage], layout, open_log, clock())
            except Exception as error:  # noqa: BLE001 - whatever it is, events go on to where they went
                incident.met(f"stage {stage} goes on with its log as it was: {str(error) or type(error).__name__}")
                pause = AGAIN_S
            else:
                incident.over(f"stage {stage} has gone over")
        await asyncio.sleep(pause)


async def _go_over(stage: str, writer: LogWriter, layout: Layout, open_log: OpenLog, now: int) -> None:
    log = await asyncio.to_thread(open_log, stage, layout)
    before, newest = writer.layout.newest, layout.newest
    if newest.number != before.number:
        await asyncio.to_thread(
            _try, log, layout, Record(kind="heartbeat", received_at=now, generation=before.number)
        )
    writer.switch(log, layout)
    logger.info(
        "stage %s: events go to generation %d of its log, of %d partitions; heartbeats to %s",
        stage, newest.number, newest.partitions, ", ".join(str(one.number) for one in layout.served),
    )  # fmt: skip


def _try(log: EventLog, layout: Layout, beat: Record) -> None:
    """A heartbeat to each partition to which events are to go: whoever may not write there finds out before
    any request does. Raises whatever an append raises."""
    value = record.encode(beat)
    appender = log.appender()
    try:
        appender.append([(number, value) for number in layout.newest.numbers]).result(TRY_S)
    finally:
        appender.close(TRY_S)

"""Notices that a stage's log has other generations than before, and goes over to them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from eventlog.protocol import EventLog
from footfall.generations import Layout
from ingest_gateway.log_writer import LogWriter

logger = logging.getLogger(__name__)

LOOK_S = 0.25
AGAIN_S = 5.0  # after a log that could not be opened
REPEAT_S = 60.0

OpenLog = Callable[[str, Layout], EventLog]  # may wait: called on a thread


async def follow(
    writers: Mapping[str, LogWriter], layouts: Callable[[], Mapping[str, Layout]], open_log: OpenLog
) -> None:
    """Until cancelled. `layouts` is what the control plane said last."""
    silent_until = 0.0
    while True:
        pause = LOOK_S
        for stage, layout in layouts().items():
            writer = writers[stage]
            if layout == writer.layout:
                continue
            try:
                log = await asyncio.to_thread(open_log, stage, layout)
            except Exception as error:  # noqa: BLE001 - whatever it is, events go on to where they went
                pause = AGAIN_S
                if time.monotonic() > silent_until:
                    silent_until = time.monotonic() + REPEAT_S
                    logger.warning("stage %s goes on with its log as it was: %s", stage, error)
                continue
            newest = layout.newest
            writer.switch(log, layout)
            logger.info(
                "stage %s: events go to generation %d of its log, of %d partitions; heartbeats to %s",
                stage, newest.number, newest.partitions, ", ".join(str(one.number) for one in layout.served),
            )  # fmt: skip
        await asyncio.sleep(pause)

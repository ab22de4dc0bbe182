"""One gateway process: opens its parts, serves, drains."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import cast

from granian.server.embed import Server
from prometheus_client import REGISTRY

import control
import installations
from eventlog.opening import open_log
from footfall.settings import Settings
from ingest_gateway import scripts
from ingest_gateway.app import Gateway
from ingest_gateway.directory import Directory
from ingest_gateway.growing import follow
from ingest_gateway.heartbeat import beat_forever
from ingest_gateway.listening import find_port, make_server
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.metrics import Counts
from ingest_gateway.sharing import Sharing

logger = logging.getLogger(__name__)

DRAIN_S = 15.0


def wall_ms() -> int:
    """The wall clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


async def serve(settings: Settings, clock: Callable[[], int] = wall_ms) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    find_port(settings.gateway_host, settings.gateway_port, "set FOOTFALL_GATEWAY_PORT")
    loop = asyncio.get_running_loop()
    plane = control.open(settings.control_plane_url())
    topics = settings.topics()
    installations.check(
        settings, installations.identify(plane, settings.stage), topics, frozenset({installations.LOG})
    )
    served = scripts.load_scripts(scripts.FOLDER)
    directory = Directory(plane, topics, settings.site_events_per_second, clock, served.tails)
    timeout_s = settings.gateway_timeout_seconds
    layouts = directory.view.layouts
    writers = {
        stage: LogWriter(
            open_log(settings, stage, layouts[stage]),
            layouts[stage],
            loop,
            timeout_s,
            settings.gateway_queue_bytes,
        )
        for stage in topics
    }
    counts = _counts(directory, writers)
    gateway = Gateway(settings, directory, writers, counts, clock, served)
    server = make_server(gateway, settings.gateway_host, settings.gateway_port, timeout_s)
    directory.start()
    sharing = _shared_limits(settings, gateway, directory)
    tasks = [
        loop.create_task(gateway.bodies.reading.run()),
        loop.create_task(beat_forever(writers.values(), settings.heartbeat_seconds, clock)),
        loop.create_task(follow(writers, lambda: directory.view.layouts, partial(open_log, settings), clock)),
    ]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, gateway, server)
    _calm_collector()
    logger.info("gateway on http://%s:%d, stage %s", settings.gateway_host, settings.gateway_port, settings.stage)
    serving = loop.create_task(server.serve())
    clean = await _until_drained(serving, gateway)
    for task in tasks:
        task.cancel()
    for writer in writers.values():
        await writer.close(DRAIN_S)
    if sharing is not None:
        sharing.stop()
    directory.stop()
    plane.close()
    logger.info("gateway stopped")
    if not clean:
        # A client that will not go holds Granian's threads: all that was acknowledged is
        # in the log, so do not wait for them.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def _shared_limits(settings: Settings, gateway: Gateway, directory: Directory) -> Sharing | None:
    """Where no Redis is named there is one gateway, and nobody to share with."""
    if not settings.redis_url:
        return None
    secret = directory.secrets[settings.stage]
    sharing = Sharing(settings.redis_url, settings.stage, secret, gateway.admission.touched)
    sharing.start()
    return sharing


def _counts(directory: Directory, writers: dict[str, LogWriter]) -> Counts:
    counts = Counts()
    counts.reachable = lambda: directory.reachable
    counts.waiting = lambda: sum(writer.waiting for writer in writers.values())
    REGISTRY.register(counts)
    return counts


def _stop(gateway: Gateway, server: Server) -> None:
    gateway.health.draining = True
    cast(Callable[[], None], server.stop)()  # closes the listener, lets running requests end


def _calm_collector() -> None:
    # What is there now stays; requests make next to no cycles, so look for them seldom.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _until_drained(serving: asyncio.Task[None], gateway: Gateway) -> bool:
    """True if the server ended by itself within the time to drain."""
    while not serving.done() and not gateway.health.draining:
        await asyncio.wait([serving], timeout=0.5)
    done, _ = await asyncio.wait([serving], timeout=DRAIN_S)
    if done:
        serving.result()  # a port that is taken, say
    return bool(done)

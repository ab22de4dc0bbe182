"""One gateway process: opens its parts, serves, drains."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import cast

from granian.constants import HTTPModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
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
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.metrics import Counts
from ingest_gateway.sharing import Sharing

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 8192
DRAIN_S = 15.0
MAX_HEADER_BYTES = 64 * 1024


class PortTakenError(RuntimeError):
    """The gateway cannot listen; the message says what to do."""


def wall_ms() -> int:
    """The wall clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def check_port(host: str, port: int) -> None:
    """`PortTakenError` if somebody listens there. Granian itself would share the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            told = f"port {port} is taken or {host} is not an address of this machine ({error.strerror}): "
            raise PortTakenError(told + "stop what listens there or set FOOTFALL_GATEWAY_PORT") from error


async def serve(settings: Settings, clock: Callable[[], int] = wall_ms) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    check_port(settings.gateway_host, settings.gateway_port)
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
    server = Server(
        gateway,
        settings.gateway_host,
        settings.gateway_port,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(
            header_read_timeout=max(1000, int(timeout_s * 1000)), max_buffer_size=MAX_HEADER_BYTES
        ),
        log_level=LogLevels.error,
    )
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

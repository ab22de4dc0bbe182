"""One process of `footfall micro`: gateway, memory, HTTP."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import cast

from granian.server.embed import Server
from prometheus_client import REGISTRY

from footfall.addresses import reachable
from footfall.settings import Settings
from footfall.sites import Site
from ingest_gateway.app import Gateway
from ingest_gateway.heartbeat import beat_forever
from ingest_gateway.listening import find_port, make_server
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.metrics import Counts
from ingest_gateway.scripts import FOLDER, load_scripts
from micro.app import Micro
from micro.log import HandingOn
from micro.sites import LAYOUT, STAGE, MadeUpDirectory

START_S = 10.0
POLL_S = 0.01
DRAIN_S = 5.0


async def serve(
    settings: Settings, sites: tuple[Site, ...], host: str, port: int, ready: Callable[[int], None]
) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is called with the port once it takes requests;
    `PortTakenError` if it cannot, `ScriptsError` if the SDK's files are damaged."""
    loop = asyncio.get_running_loop()
    port = find_port(host, port, "give another one with --port (0: any that is free)")
    directory = MadeUpDirectory(sites)
    micro = Micro(directory, _wall_ms)
    settings = _unlimited(settings)
    writer = LogWriter(HandingOn(micro.take), LAYOUT, loop, settings.gateway_timeout_seconds)
    counts = Counts()
    REGISTRY.register(counts)
    gateway = micro.gateway = Gateway(settings, directory, {STAGE: writer}, counts, _wall_ms, load_scripts(FOLDER))
    server = make_server(micro, host, port, settings.gateway_timeout_seconds)
    tasks = [
        loop.create_task(gateway.bodies.reading.run()),
        loop.create_task(beat_forever([writer], settings.heartbeat_seconds, _wall_ms)),
    ]
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    serving = loop.create_task(server.serve())
    await _until_listening(serving, host, port)
    ready(port)
    await asyncio.wait([serving, loop.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
    await _stop(micro, gateway, server, serving)
    for task in tasks:
        task.cancel()
    await writer.close(DRAIN_S)


def _unlimited(settings: Settings) -> Settings:
    """Localhost counts like any host, and nothing is held up: both stages are one, and rates have no limit."""
    chosen = {
        "stage": STAGE,
        "dev_stage": STAGE,
        "address_requests_per_second": 0.0,
        "site_events_per_second": 0.0,
    }
    return settings.model_copy(update=chosen)


async def _until_listening(serving: asyncio.Task[None], host: str, port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection(reachable(host), port)
        except OSError:
            if serving.done():
                break
            await asyncio.sleep(POLL_S)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise TimeoutError(f"the HTTP server does not listen on {host}:{port} after {START_S:g} s")


async def _stop(micro: Micro, gateway: Gateway, server: Server, serving: asyncio.Task[None]) -> None:
    micro.journal.close()
    gateway.health.draining = True
    cast(Callable[[], None], server.stop)()
    done, _ = await asyncio.wait([serving], timeout=DRAIN_S)
    if done:
        serving.result()


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000

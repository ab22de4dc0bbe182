"""Where each part's metrics are."""

from __future__ import annotations

from typing import NamedTuple

from footfall.settings import Settings


class MetricsPort(NamedTuple):
    """One process to ask. `setting` is the variable that changes the port."""

    part: str
    host: str
    port: int
    setting: str


def metrics_ports(settings: Settings) -> list[MetricsPort]:
    """Of every part that shows metrics; a port that is switched off (0) is left out."""
    found = [
        MetricsPort("gateway", settings.gateway_host, settings.gateway_port, "FOOTFALL_GATEWAY_PORT"),
        *_flow_ports(settings),
        MetricsPort("jobs", settings.metrics_host, settings.jobs_metrics_port, "FOOTFALL_JOBS_METRICS_PORT"),
    ]
    return [one for one in found if one.port]


def _flow_ports(settings: Settings) -> list[MetricsPort]:
    """Worker N of the flow has the N-th port after the first worker's."""
    here = range(settings.workers) if settings.worker is None else [settings.worker]
    first = settings.flow_metrics_port
    return [
        MetricsPort(
            "flow" if len(here) == 1 else f"flow-{worker}",
            settings.metrics_host,
            first and first + worker,
            "FOOTFALL_FLOW_METRICS_PORT",
        )
        for worker in here
    ]

"""Metrics over HTTP, for parts that serve nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable

from prometheus_client import start_http_server

logger = logging.getLogger(__name__)


def serve_metrics(host: str, port: int, setting: str) -> Callable[[], None]:
    """Serve the process's metrics on `/metrics` from a thread of its own; what is returned stops it.

    Port 0: not at all. Where the port cannot be had the part goes on without: what it is for
    matters more than being watched. `setting` names the variable to change then.
    """
    if not port:
        return lambda: None
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        logger.error(
            "no metrics: port %d on %s cannot be used (%s). Stop what listens there, or set %s to a free port "
            "(0: none), and restart",
            port, host, error.strerror or error, setting,
        )  # fmt: skip
        return lambda: None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(5.0)

    return stop

"""The HTTP server, and the port it listens on."""

from __future__ import annotations

import socket
from typing import Any

from granian.constants import HTTPModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

MAX_CONNECTIONS = 8192
MAX_HEADER_BYTES = 64 * 1024


class PortTakenError(RuntimeError):
    """The gateway cannot listen; the message says what to do."""


def find_port(host: str, port: int, mend: str) -> int:
    """The port, or for 0 one that is free now. `PortTakenError`, which ends with `mend`, if somebody
    listens there: Granian itself would share the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            told = f"port {port} is taken or {host} is not an address of this machine ({error.strerror}): "
            raise PortTakenError(f"{told}stop what listens there or {mend}") from error
        return int(probe.getsockname()[1])


def make_server(app: Any, host: str, port: int, timeout_s: float) -> Server:
    """Not started yet. `app` speaks RSGI; headers that take longer than `timeout_s` end the connection."""
    return Server(
        app,
        host,
        port,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        backpressure=MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(
            header_read_timeout=max(1000, int(timeout_s * 1000)), max_buffer_size=MAX_HEADER_BYTES
        ),
        log_level=LogLevels.error,
    )

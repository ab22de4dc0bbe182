"""Ends queries whose client has cancelled or gone away while the engine is still at work."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time

from .packets import CLIENT_CANCEL
from .running import RunningQueries, RunningQuery

log = logging.getLogger(__name__)

_PERIOD = 0.5  # seconds; queries shorter than this are left alone


class Watcher:
    """One thread that looks at the sockets of long queries."""

    def __init__(self, running: RunningQueries, stopping: threading.Event):
        self._running = running
        self._stopping = stopping

    def start(self) -> None:
        """Begin to watch, until the store stops."""
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _watch(self) -> None:
        while not self._stopping.wait(_PERIOD):
            for query in self._running.all():
                if query.sock is not None and time.monotonic() - query.started > _PERIOD and _left(query.sock):
                    self._end(query)

    def _end(self, query: RunningQuery) -> None:
        query.by_client = True
        try:
            query.cancel()
        except Exception:
            # The next round tries again; one query's trouble must not end the watching of the others.
            log.exception("cannot cancel a query whose client has gone")


def _left(sock: socket.socket) -> bool:
    try:
        if not select.select([sock], [], [], 0)[0]:
            return False
        return sock.recv(1, socket.MSG_PEEK) in (b"", bytes([CLIENT_CANCEL]))
    except (OSError, ValueError):  # closed meanwhile
        return True

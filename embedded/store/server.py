"""Accept clients: one thread each, a bounded number, and an orderly end."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from .context import Store

log = logging.getLogger(__name__)

Serve = Callable[[socket.socket, str], None]
_ACCEPT_POLL = 0.5  # seconds between looks at the stop flag


class Listener:
    """Accepts on one port and gives every client a thread; `refuse` answers those beyond the limit."""

    def __init__(self, name: str, sock: socket.socket, store: Store, serve: Serve, refuse: Serve):
        self._name = name
        self._sock = sock
        self._store = store
        self._serve = serve
        self._refuse = refuse
        self._lock = threading.Lock()
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._thread = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._sock.listen(128)  # only now: whoever can connect meets a store that is ready
        self._sock.settimeout(_ACCEPT_POLL)
        self._thread.start()

    def _accept(self) -> None:
        while not self._store.stopping.is_set():
            try:
                client, address = self._sock.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if self._store.stopping.wait(_ACCEPT_POLL):
                    return
                log.warning("%s: cannot accept: %s", self._name, error)
                continue
            self._admit(client, f"{address[0]}:{address[1]}")

    def _admit(self, client: socket.socket, peer: str) -> None:
        thread = threading.Thread(target=self._run, args=(client, peer), name=f"{self._name}-{peer}", daemon=True)
        with self._lock:
            full = len(self._clients) >= self._store.limits.clients
            if not full:
                self._clients[thread] = client
        if full:
            log.warning("%s client %s refused: %d clients already", self._name, peer, self._store.limits.clients)
            client.settimeout(1.0)
            with suppress(OSError), client:
                self._refuse(client, peer)
            return
        thread.start()

    def _run(self, client: socket.socket, peer: str) -> None:
        try:
            with client:
                self._serve(client, peer)
        except Exception:
            # A defect in serving one client must not end the store; the thread and its client end here.
            log.exception("%s client %s: unexpected error", self._name, peer)
        finally:
            with self._lock:
                self._clients.pop(threading.current_thread(), None)

    def stop(self, deadline: float) -> None:
        """Stop accepting, let running queries end until `deadline` (monotonic), then cut what is left."""
        self._sock.close()
        self._thread.join(2 * _ACCEPT_POLL)
        self._shutdown(socket.SHUT_RD)
        while self._count() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._shutdown(socket.SHUT_RDWR)
        while self._count() and time.monotonic() < deadline + 5:
            time.sleep(0.01)

    def _count(self) -> int:
        with self._lock:
            return len(self._clients)

    def _shutdown(self, how: int) -> None:
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            with suppress(OSError):
                client.shutdown(how)

"""Sends made-up traffic to a gateway, as browsers behind a proxy would."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Iterable

from embedded.traffic import Request

TIMEOUT_S = 5.0
TRIES = 4
BATCH_PATH = "/v1/batch"


class Sender:
    """One connection. A request that fails is sent again with the same bytes."""

    def __init__(self, host: str, port: int, public_id: str) -> None:
        self._address = (host, port)
        self._public_id = public_id
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and answer; `OSError` after `TRIES` without one."""
        for left in reversed(range(TRIES)):
            try:
                return self._once(body, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not left:
                    raise OSError(f"the gateway does not answer: {error}") from error
                time.sleep(0.2)
        raise AssertionError("unreachable")

    def _once(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S)
        self._connection.request("POST", BATCH_PATH, body, {**headers, "X-Footfall-Site": self._public_id})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class TrafficThread(threading.Thread):
    """Sends requests when they are due; counts what was answered."""

    def __init__(self, sender: Sender, requests: Iterable[Request]) -> None:
        super().__init__(name="traffic", daemon=True)
        self.accepted = 0  # events
        self.refused: dict[int, int] = {}  # status -> requests
        self.visits: set[int] = set()
        self.error = ""
        self._sender = sender
        self._requests = requests
        self._stop_now = threading.Event()

    def run(self) -> None:
        """All requests, each at its time."""
        began = time.monotonic()
        try:
            for request in self._requests:
                if self._stop_now.wait(max(0.0, began + request.at_s - time.monotonic())):
                    break
                self._send(request)
        except OSError as error:
            self.error = str(error)
        self._sender.close()

    @property
    def visit_count(self) -> int:
        """Visits of which something was taken."""
        return len(self.visits)

    @property
    def repeated(self) -> int:
        """Events that were taken and are no rows: none, since each is counted once here."""
        return 0

    def problems(self) -> list[str]:
        """What did not go as it should."""
        refused = self.error or self.refused
        return [f"the gateway refused requests: {refused}"] if refused else []

    def stop(self) -> None:
        """End early."""
        self._stop_now.set()

    def _send(self, request: Request) -> None:
        body = request.visit.body(request.step, time.time_ns() // 1_000_000, os.urandom)
        status, _ = self._sender.post(body, request.visit.headers)
        if status == 202:
            self.accepted += len(request.step.events)
            self.visits.add(id(request.visit))
        else:
            self.refused[status] = self.refused.get(status, 0) + 1

"""Traffic for drills: every batch is sent until it is acknowledged, some twice, some late."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from tests.drill.visitors import AGENT, Crowd, Told, Visitor

__all__ = ["AGENT", "Load", "Sent"]


@dataclass
class Sent:
    """What was acknowledged."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    told: dict[bytes, Told] = field(default_factory=dict)  # by event id
    batches: int = 0
    attempts: int = 0
    repeats: int = 0
    refused: int = 0  # attempts answered 503
    failed: int = 0  # attempts without an answer
    acknowledged_at: list[float] = field(default_factory=list)  # time.monotonic() of each batch
    gave_up: list[str] = field(default_factory=list)

    def longest_gap(self, since: float) -> float:
        """The longest time (s) in which nothing was acknowledged, from a moment of time.monotonic() on."""
        with self.lock:
            times = [since, *(at for at in self.acknowledged_at if at > since)]
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)


class Load:
    """Threads that send for a site until stopped; `stop` returns once all is acknowledged.

    `pause_s`: between two batches of a thread, where less load will do. `every_s`: a thread begins a
    batch so often, and catches up where it could not. `crowd`: visitors a thread
    sends for by turns; `stay`: batches of a visitor before they leave (0: nobody does); `most`: events a
    batch has at most. With more `ports` each attempt goes to
    any of them.
    """

    def __init__(
        self,
        port: int,
        public_id: str,
        host: str,
        threads: int = 4,
        seed: int = 1,
        pause_s: float = 0.0,
        every_s: float = 0.0,
        crowd: int = 150,
        stay: int = 0,
        most: int = 6,
    ) -> None:
        self.sent = Sent()
        self._pause_s, self._every_s, self._most = pause_s, every_s, most
        self._crowd, self._stay = crowd, stay
        self.ports = [port]
        self._kept: deque[tuple[dict[str, object], dict[str, str]]] = deque(maxlen=500)
        self._public_id, self._host = public_id, host
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed * 1000 + n),), daemon=True)
            for n in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 60) -> Sent:
        self._stop.set()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), "a batch was not acknowledged in time"
        assert not self.sent.gave_up, self.sent.gave_up[:3]
        return self.sent

    def _run(self, chance: random.Random) -> None:
        crowd = Crowd(chance, self._host, self._crowd, self._stay)
        next_at = time.monotonic()
        while not self._stop.is_set():
            visitor = crowd.next()
            country = visitor.country()
            body, told = visitor.batch(time.time_ns() // 1_000_000, country, self._most)
            headers = self._headers(visitor, country)
            self._send(body, headers, chance)
            with self.sent.lock:
                self.sent.told.update(told)
                self.sent.batches += 1
                self.sent.acknowledged_at.append(time.monotonic())
            self._kept.append((body, headers))
            if chance.random() < 0.1:
                self._send(body, headers, chance)
                with self.sent.lock:
                    self.sent.repeats += 1
            next_at += self._every_s
            self._stop.wait(max(self._pause_s, next_at - time.monotonic() if self._every_s else 0.0))

    def repeat(self, number: int) -> None:
        """Send so many of the last batches again, as whoever did not hear that they were taken."""
        chance = random.Random(number)
        kept = list(self._kept)
        for body, headers in chance.sample(kept, min(number, len(kept))):
            self._send(body, headers, chance)
        with self.sent.lock:
            self.sent.repeats += number

    def _headers(self, visitor: Visitor, country: str) -> dict[str, str]:
        """As a proxy hands them on."""
        return {
            "content-type": "application/json",
            "x-footfall-site": self._public_id,
            "origin": f"https://{self._host}",
            "user-agent": visitor.agent,
            "accept-language": visitor.language,
            "x-forwarded-for": visitor.address,
            "cf-ipcountry": country,
        }

    def _send(self, body: dict[str, object], headers: dict[str, str], chance: random.Random) -> None:
        """One batch, again and again until it is acknowledged, as an SDK would."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.sent.attempts += 1
            port = chance.choice(self.ports)
            status = self._attempt(port, {**body, "sent_at": time.time_ns() // 1_000_000}, headers)
            if status == 202:
                return
            self.sent.refused += status == 503
            self.sent.failed += status == 0
            if status not in (0, 429, 503):
                self.sent.gave_up.append(f"status {status}")
                return
            threading.Event().wait(chance.uniform(0.02, 0.2))  # back off with jitter
        self.sent.gave_up.append("no acknowledgement within 60 s")

    def _attempt(self, port: int, body: dict[str, object], headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        try:
            connection.request("POST", "/v1/batch", json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 202 and json.loads(text)["rejected"]:
                self.sent.gave_up.append(text.decode()[:200])
            return answer.status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

"""Traffic for drills: every batch is sent until it is acknowledged, some twice, some late."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import uuid
from dataclasses import dataclass, field

from footfall.ids import uuid7

HOUR_MS = 3_600_000
PAGES = [f"/products/{n}" for n in range(40)] + ["/", "/cart", "/about"]
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@dataclass
class Sent:
    """What was acknowledged."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    event_ids: set[bytes] = field(default_factory=set)
    batches: int = 0
    attempts: int = 0
    repeats: int = 0
    gave_up: list[str] = field(default_factory=list)


class Visitor:
    """Somebody with an id of their own, clicking now, or coming back from a tunnel."""

    def __init__(self, chance: random.Random, host: str) -> None:
        self.id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        self._chance = chance
        self._host = host

    def batch(self, now_ms: int) -> tuple[dict[str, object], list[bytes]]:
        """A batch body without `sent_at`, and its event ids; one in ten is hours late."""
        chance = self._chance
        base = now_ms
        if chance.random() < 0.1:
            base -= chance.choice((60_000, 2 * HOUR_MS, 26 * HOUR_MS)) + chance.randrange(30_000)
        events, ids = [], []
        for _ in range(chance.randint(1, 6)):
            at = base - chance.randrange(2_000)
            event_id = uuid7(at, chance.randbytes(10))
            ids.append(event_id)
            events.append(self._event(at, event_id))
        body: dict[str, object] = {
            "batch_id": str(uuid.UUID(bytes=uuid7(base, chance.randbytes(10)))),
            "visitor_id": self.id,
            "consent": "granted",
            "events": events,
        }
        return body, ids

    def _event(self, at: int, event_id: bytes) -> dict[str, object]:
        event: dict[str, object] = {
            "name": "page_view" if self._chance.random() < 0.6 else "click",
            "event_id": str(uuid.UUID(bytes=event_id)),
            "occurred_at": at,
            "url": f"https://{self._host}{self._chance.choice(PAGES)}",
        }
        if event["name"] == "click":
            event["element"] = {"tag": "button", "text": "Buy", "selector": "#buy"}
        return event


class Load:
    """Threads that send for a site until stopped; `stop` returns once all is acknowledged."""

    def __init__(self, port: int, public_id: str, host: str, threads: int = 4, seed: int = 1) -> None:
        self.sent = Sent()
        self._port, self._public_id, self._host = port, public_id, host
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
        visitors = [Visitor(chance, self._host) for _ in range(60)]
        while not self._stop.is_set():
            body, ids = chance.choice(visitors).batch(time.time_ns() // 1_000_000)
            self._send(body, chance)
            with self.sent.lock:
                self.sent.event_ids.update(ids)
                self.sent.batches += 1
            if chance.random() < 0.1:
                self._send(body, chance)
                with self.sent.lock:
                    self.sent.repeats += 1

    def _send(self, body: dict[str, object], chance: random.Random) -> None:
        """One batch, again and again until it is acknowledged, as an SDK would."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.sent.attempts += 1
            status = self._attempt({**body, "sent_at": time.time_ns() // 1_000_000})
            if status == 202:
                return
            if status not in (0, 429, 503):
                self.sent.gave_up.append(f"status {status}")
                return
            threading.Event().wait(chance.uniform(0.02, 0.2))  # back off with jitter
        self.sent.gave_up.append("no acknowledgement within 60 s")

    def _attempt(self, body: dict[str, object]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        try:
            headers = {
                "content-type": "application/json",
                "x-footfall-site": self._public_id,
                "origin": f"https://{self._host}",
                "user-agent": AGENT,
                "accept-language": "en",
            }
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

"""How old an event is when it can be queried, and when the live counters show it.

Sends page views through the gateway at a given rate. In the store, 10 probes a second, each
a page of its own, are looked for. The live counters' age is how long ago the first page
view they do not count yet was sent.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path

import redis

from bench.stand import stand
from bench.traffic import HOST, agents
from embedded.paths import socket_path
from footfall.ids import uuid7
from sinks.live import read_live
from tests.drill.stack import Stack

BATCH = 20
LOOK_S = 0.02


class Probes:
    """When each was sent, and when it was seen."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}
        self.in_store: dict[str, float] = {}
        self.batches: list[float] = []  # when each batch was sent
        self.live_ages: list[float] = []


def send(stack: Stack, rate: int, seconds: float, probes: Probes, stop: threading.Event | None = None) -> int:
    """Batches of 20 at the rate, for the time or until stopped; returns how many events were acknowledged."""
    connection = HTTPConnection("127.0.0.1", stack.settings.gateway_port, timeout=10)
    agent_list = agents()
    visitors = [str(uuid.uuid4()) for _ in range(2_000)]
    began, sent, number = time.monotonic(), 0, 0
    next_probe = began
    while (now := time.monotonic()) < began + seconds and not (stop and stop.is_set()):
        due = began + sent / rate
        if due > now:
            time.sleep(due - now)  # the pace is what is being made
        path = f"/products/item-{number % 800}"
        if now >= next_probe:
            path, next_probe = f"/probe/{number}", next_probe + 0.1
            probes.sent[path] = time.time()
        body = batch(visitors[number % len(visitors)], path)
        headers = {
            "content-type": "application/json", "x-footfall-site": stack.public_id, "origin": f"https://{HOST}",
            "user-agent": agent_list[number % len(agent_list)], "accept-language": "en",
        }  # fmt: skip
        probes.batches.append(time.time())
        connection.request("POST", "/v1/batch", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
        sent += BATCH
        number += 1
    connection.close()
    return sent


def batch(visitor: str, path: str) -> bytes:
    now = time.time_ns() // 1_000_000
    events = []
    for place in range(BATCH):
        event_id = uuid.UUID(bytes=uuid7(now, uuid.uuid4().bytes))
        url = f"https://{HOST}{path if place == BATCH - 1 else '/'}"
        events.append(
            {"name": "page_view", "event_id": str(event_id), "occurred_at": now - 1000 + place, "url": url}
        )
    body = {
        "batch_id": str(uuid.uuid4()),
        "sent_at": now,
        "visitor_id": visitor,
        "consent": "granted",
        "events": events,
    }
    return json.dumps(body).encode()


def watch_store(stack: Stack, probes: Probes, stop: threading.Event) -> None:
    client = stack.client()
    while not stop.is_set():
        pending = [path for path in list(probes.sent) if path not in probes.in_store]
        if pending:
            found = client.execute("SELECT DISTINCT path FROM events WHERE path IN %(paths)s", {"paths": pending})
            now = time.time()
            for (path,) in found:
                probes.in_store[path] = now
        stop.wait(LOOK_S)
    client.disconnect()


def watch_live(stack: Stack, probes: Probes, stop: threading.Event) -> None:
    client = redis.from_url(f"unix://{socket_path(stack.data_dir)}")
    while not stop.is_set():
        view = read_live(client, "prod", HOST, time.time_ns() // 1_000_000)
        shown = sum(count for _, count in view.views) // BATCH
        if 0 < shown < len(probes.batches):
            probes.live_ages.append(time.time() - probes.batches[shown])
        stop.wait(LOOK_S)
    client.close()


def delays(sent: dict[str, float], seen: dict[str, float]) -> list[float]:
    return sorted(seen[path] - at for path, at in sent.items() if path in seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, stand(Path(directory)) as stack:
        probes, stop = Probes(), threading.Event()
        watchers = [
            threading.Thread(target=watch, args=(stack, probes, stop)) for watch in (watch_store, watch_live)
        ]
        for watcher in watchers:
            watcher.start()
        began = time.monotonic()
        sent = send(stack, arguments.rate, arguments.seconds, probes)
        rate = sent / (time.monotonic() - began)
        live_ages = list(probes.live_ages)  # afterwards nothing new comes
        stop.wait(5)
        stop.set()
        for watcher in watchers:
            watcher.join()
    print(f"{rate:,.0f} events/s sent, {len(probes.sent)} probes")
    found = delays(probes.sent, probes.in_store)
    unseen = len(probes.sent) - len(found)
    print(f"queryable in the store: {percentiles(found)}, {unseen} not seen")
    print(f"live counters: {percentiles(sorted(live_ages))} old, {len(live_ages)} looks")


def percentiles(values: list[float]) -> str:
    return f"p50 {statistics.median(values):.2f} s, p95 {values[int(len(values) * 0.95)]:.2f} s"


if __name__ == "__main__":
    main()

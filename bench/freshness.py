"""How old an event is when it can be queried, and when the live counters show it.

Sends page views through the gateway at a given rate. In the store, 10 probes a second, each
a page of its own, are looked for. The live counters' age is how long ago the first page
view they do not count yet was sent. With --replay, while `footfall replay` puts that many
events of the archive into the log again beside them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import redis

from bench.stand import stand
from bench.traffic import HOST, agents
from embedded.paths import socket_path
from footfall.ids import uuid7
from objects.directory import DirectoryStore
from sinks.live import read_live
from tests.archive.reading import stored_entries
from tests.drill.stack import Stack, wait_for

BATCH = 20
LOOK_S = 0.02
FILL_RATE = 5_000  # events a second that fill the archive
ARCHIVED = {"FOOTFALL_ARCHIVE_DAYS": "30", "FOOTFALL_ARCHIVE_MINUTES": "0.1"}


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
    before = batches_shown(client)  # what filled the archive
    while not stop.is_set():
        shown = batches_shown(client) - before
        if 0 < shown < len(probes.batches):
            probes.live_ages.append(time.time() - probes.batches[shown])
        stop.wait(LOOK_S)
    client.close()


def batches_shown(client: redis.Redis) -> int:
    view = read_live(client, "prod", HOST, time.time_ns() // 1_000_000)
    return sum(count for _, count in view.views) // BATCH


def delays(sent: dict[str, float], seen: dict[str, float]) -> list[float]:
    return sorted(seen[path] - at for path, at in sent.items() if path in seen)


def fill_archive(stack: Stack, events: int) -> None:
    """Send so many events and wait until the archive has them."""
    batches = send(stack, FILL_RATE, events / FILL_RATE, Probes()) // BATCH
    archive = DirectoryStore(stack.data_dir / "objects", "prod")
    wait_for("the archive", lambda: sum(map(len, stored_entries(archive).values())) >= batches, 120)


def replay(stack: Stack) -> subprocess.Popen[str]:
    """`footfall replay` of today, under way."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    command = [sys.executable, "-m", "cli", "replay", "--site", HOST, "--from", today, "--to", today]
    return subprocess.Popen(command, env=stack.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def measure(stack: Stack, rate: int, seconds: float, beside: subprocess.Popen[str] | None) -> None:
    """Send, for as long as what runs beside it, and print how fresh everything was."""
    probes, stop, enough = Probes(), threading.Event(), threading.Event()
    watchers = [threading.Thread(target=watch, args=(stack, probes, stop)) for watch in (watch_store, watch_live)]

    def wait() -> None:
        if beside is not None:
            beside.wait()
            enough.set()

    threading.Thread(target=wait, daemon=True).start()
    for watcher in watchers:
        watcher.start()
    began = time.monotonic()
    sent = send(stack, rate, seconds, probes, enough)
    took = time.monotonic() - began
    live_ages = list(probes.live_ages)  # afterwards nothing new comes
    stop.wait(5)
    stop.set()
    for watcher in watchers:
        watcher.join()
    if beside is not None:
        print(f"beside it, {took:.0f} s: {beside.communicate(timeout=60)[0].strip()}")
    print(f"{sent / took:,.0f} events/s sent, {len(probes.sent)} probes")
    found = delays(probes.sent, probes.in_store)
    print(f"queryable in the store: {percentiles(found)}, {len(probes.sent) - len(found)} not seen")
    print(f"live counters: {percentiles(sorted(live_ages))} old, {len(live_ages)} looks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument(
        "--replay", type=int, default=0, metavar="EVENTS", help="replay so many beside the traffic"
    )
    given = parser.parse_args()
    env = ARCHIVED if given.replay else {}
    with tempfile.TemporaryDirectory() as directory, stand(Path(directory), env) as stack:
        if given.replay:
            fill_archive(stack, given.replay)
            measure(stack, given.rate, 600, replay(stack))
        else:
            measure(stack, given.rate, given.seconds, None)


def percentiles(values: list[float]) -> str:
    return f"p50 {statistics.median(values):.2f} s, p95 {values[int(len(values) * 0.95)]:.2f} s"


if __name__ == "__main__":
    main()

"""Parts that hang, go away or are wiped under load; an import beside live traffic.

One stack for all of it: each test leaves it whole, and what the tests before it sent still
has to be right after it.
"""

from __future__ import annotations

import http.client
import json
import logging
import random
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from embedded.paths import socket_path
from footfall.ids import uuid7
from footfall.live_view import LiveView
from sinks.live import read_live
from tests.drill.load import AGENT, Load
from tests.drill.settle import settle
from tests.drill.stack import HOST, LATENESS_S, WINDOW_S, Stack, wait_for
from tests.drill.visitors import Told

HISTORY = "history.example.com"
LINES = 5_000
log = logging.getLogger(__name__)


class Live:
    """The stack and all that was acknowledged for its live site so far."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.told: dict[bytes, Told] = {}  # and acknowledged
        self._seed = 0

    def load(self, threads: int = 2) -> Load:
        self._seed += 1
        settings = self.stack.settings
        load = Load(settings.gateway_port, self.stack.public_id, HOST, threads, seed=self._seed)
        load.start()
        wait_for("traffic", lambda: load.sent.batches > 20, 30)
        return load

    def stop(self, load: Load) -> None:
        self.told |= load.stop().told

    def query(self, sql: str, **values: object) -> list[Any]:
        client = self.stack.client()
        try:
            rows: list[Any] = client.execute(sql, values)
            return rows
        finally:
            client.disconnect()

    def problems(self) -> list[str]:
        return settle(self.stack, self.told) + self.wrongly_late()

    def wrongly_late(self) -> list[str]:
        """Late is a property of the record: the append time against the event's own."""
        sql = (
            "SELECT countIf(late AND in_time), countIf(NOT late AND NOT in_time) FROM (SELECT late, "
            "dateDiff('millisecond', occurred_at, log_time) <= %(ms)s AS in_time FROM events WHERE source != 2)"
        )
        late, not_late = self.query(sql, ms=LATENESS_S * 1000)[0]
        return [f"{late} events late that were in time, {not_late} not late that were"] if late or not_late else []


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with Stack(tmp_path_factory.mktemp("outages") / "data") as stack:
        yield Live(stack)


def received_between(live: Live, begun: float, ended: float) -> tuple[int, int]:
    """(events the gateway took in that time, how many of them are late)."""
    sql = (
        "SELECT count(), countIf(late) FROM events WHERE received_at BETWEEN "
        "fromUnixTimestamp64Milli(toInt64(%(a)s)) AND fromUnixTimestamp64Milli(toInt64(%(b)s))"
    )
    taken, late = live.query(sql, a=int(begun * 1000), b=int(ended * 1000))[0]
    return int(taken), int(late)


def hold(seconds: float) -> None:
    """Let an outage last."""
    threading.Event().wait(seconds)


@pytest.mark.timeout(150)
def test_a_hanging_store_and_valkey_a_killed_valkey_and_a_flow_that_stands_still(live: Live) -> None:
    """Each for longer than window and lateness together are here; for the real ones see test_downtime.py."""
    load = live.load()
    begun = time.time()
    with live.stack.frozen("store", "valkey"):
        before = load.sent.batches
        hold(WINDOW_S + LATENESS_S + 1)
        assert load.sent.batches > before + 20, "the gateway must not wait for the store"
    with live.stack.frozen("flow"):
        before = load.sent.batches
        live.stack.kill("valkey")
        hold(WINDOW_S + LATENESS_S + 3)
        assert load.sent.batches > before + 20, "the gateway must not wait for the flow"
    ended = time.time()
    live.stop(load)
    assert live.problems() == []
    taken, late = received_between(live, begun, ended)
    assert taken > 100
    assert late < taken / 4, "a tenth of the batches is sent late"
    wait_for("the live counters of a new Valkey", lambda: live_problem(live) == "", 60)


def live_problem(live: Live) -> str:
    """What differs between Redis and a recount in the store."""
    view = live_view(live)
    if not view.as_of:
        return "nothing is known"
    sql = (
        "SELECT uniqExact(visitor_id) FROM events WHERE NOT late AND bot = '' AND site_id = %(site)s "
        "AND log_time > fromUnixTimestamp64Milli(toInt64(%(since)s))"
    )
    visitors = live.query(sql, site=HOST, since=view.as_of - 300_000)[0][0]
    sql = (
        "SELECT toInt64(toUnixTimestamp(toStartOfMinute(log_time))) * 1000 AS minute, count() FROM events "
        "WHERE NOT late AND bot = '' AND site_id = %(site)s AND name IN ('page_view', 'path_change') "
        "GROUP BY minute ORDER BY minute"
    )
    views = [tuple(row) for row in live.query(sql, site=HOST)]
    shown = [(at, count) for at, count in view.views if count]
    return (
        "" if (view.visitors, shown) == (visitors, views) else f"{view.visitors} {shown}, not {visitors} {views}"
    )


def live_view(live: Live) -> LiveView:
    with redis.from_url(f"unix://{socket_path(live.stack.data_dir)}") as client:
        return read_live(client, live.stack.settings.stage, HOST, time.time_ns() // 1_000_000)


class Marks:
    """Sends an event now and then and measures until it can be queried."""

    def __init__(self, live: Live) -> None:
        self.waits: list[float] = []
        self.ids: list[bytes] = []
        self.failed = ""
        self._live = live
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert self.failed == ""

    def _run(self) -> None:
        chance = random.Random(7)
        client = self._live.stack.client()
        sql = "SELECT count() FROM events_v1 WHERE site_id = %(site)s AND event_id = toUUID(%(id)s)"
        while not self._stop.wait(0.2):
            now = time.time_ns() // 1_000_000
            event_id = uuid7(now, chance.randbytes(10))
            begun = time.monotonic()
            status = send_mark(self._live.stack, event_id, now)
            if status != 202:
                self.failed = f"status {status}"
                return
            self.ids.append(event_id)
            text = str(uuid.UUID(bytes=event_id))
            while not client.execute(sql, {"site": HOST, "id": text})[0][0]:
                if time.monotonic() > begun + 30:
                    self.failed = "an event was not queryable within 30 s"
                    return
                time.sleep(0.05)  # between two looks
            self.waits.append(time.monotonic() - begun)


def send_mark(stack: Stack, event_id: bytes, now: int) -> int:
    url = f"https://{HOST}/mark"
    event = {"name": "page_view", "event_id": str(uuid.UUID(bytes=event_id)), "occurred_at": now, "url": url}
    body = {"visitor_id": "marks", "consent": "granted", "sent_at": now, "events": [event]}
    headers = {"content-type": "application/json", "x-footfall-site": stack.public_id, "user-agent": AGENT}
    headers |= {"origin": f"https://{HOST}", "accept-language": "en"}
    connection = http.client.HTTPConnection("127.0.0.1", stack.settings.gateway_port, timeout=15)
    try:
        connection.request("POST", "/v1/batch", json.dumps(body).encode(), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def write_log(path: Path) -> tuple[int, int]:
    """An access log of the last days; (lines, page views among them)."""
    chance = random.Random(3)
    at = datetime.now(UTC) - timedelta(days=3)
    lines, views = [], 0
    for number in range(LINES):
        at += timedelta(milliseconds=chance.randrange(20_000))
        target = chance.choice(("/", "/a", "/b?c=1", "/logo.png"))
        status = chance.choice((200, 200, 304, 404))
        views += target != "/logo.png" and status != 404
        stamp = at.strftime("%d/%b/%Y:%H:%M:%S +0000")
        address = f"203.0.113.{chance.randrange(1, 255)}"
        lines.append(f'{address} - - [{stamp}] "GET {target} HTTP/1.1" {status} {number} "-" "{AGENT}"')
    path.write_text("\n".join(lines) + "\n")
    return LINES, views


@pytest.mark.timeout(150)
def test_an_import_beside_live_traffic_disturbs_neither(live: Live, tmp_path: Path) -> None:
    """Redis is wiped meanwhile: its counters are right again within a minute."""
    live.stack.add_site(HISTORY)
    lines, views = write_log(tmp_path / "access.log")
    load, marks = live.load(1), Marks(live)
    marks.start()
    wipe(live)
    begun = time.monotonic()
    summary = live.stack.run("import", "access-log", str(tmp_path / "access.log"), "--site", HISTORY)
    took = time.monotonic() - begun
    marks.stop()
    live.stop(load)
    live.told |= dict.fromkeys(marks.ids, Told("page_view", "/mark", "", 0, 0, "", "desktop"))
    waits = sorted(marks.waits)
    p95 = waits[int(len(waits) * 0.95)]
    middle = waits[len(waits) // 2]
    log.info("import %.1f s; %d events queryable after p50 %.2f s, p95 %.2f s", took, len(waits), middle, p95)
    assert p95 < 3
    assert imported(live) == (lines, views, lines)
    assert f"{lines:,}" in summary
    late = "SELECT countIf(late), count() FROM events WHERE path = '/mark'"
    assert live.query(late)[0] == (0, len(marks.ids))
    assert live.problems() == []
    wait_for("the wiped live counters", lambda: live_problem(live) == "", 60)


def wipe(live: Live) -> None:
    with redis.from_url(f"unix://{socket_path(live.stack.data_dir)}") as client:
        client.flushall()


def imported(live: Live) -> tuple[int, int, int]:
    """(events, page views, events that are in sessions) of the imported site."""
    sql = "SELECT count(), countIf(name = 'page_view') FROM events_v1 WHERE site_id = %(site)s AND late"
    events, views = live.query(sql, site=HISTORY)[0]
    sql = "SELECT sum(events) FROM sessions_v1 WHERE site_id = %(site)s"
    return events, views, live.query(sql, site=HISTORY)[0][0]

"""`python -m tests.live.full_disk FOLDER`: a Redis with snapshots on a disk that gets full, and those who
write to it. Run by test_redis_full_disk.py, where FOLDER is a disk of its own."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
import redis

from cli.checks.finding import Finding
from cli.checks.parts import valkey as checked
from footfall.live_view import LiveValues
from footfall.settings import Settings
from ingest_gateway.limits import Bucket
from ingest_gateway.sharing import Sharing
from sinks.live import LiveWriter, read_live
from tests.drill import stack
from tests.fixtures.disk import fill, make_room
from tests.fixtures.valkey import ValkeyProcess

SECRET = b"s" * 32
RATE, BURST = 1000.0, 2000.0
SITE, REVENUE = "shop", 987_654_321


def wait_for(what: str, ready: Callable[[], bool]) -> None:
    stack.wait_for(what, ready, timeout_s=20)


class Gateway:
    """The limits of a gateway, exchanged from their own thread; the rest is not here."""

    def __init__(self, url: str) -> None:
        self.bucket = Bucket(RATE, BURST, 0.0)
        self.sharing = Sharing(url, "prod", SECRET, lambda: [("pub:shop", self.bucket)])
        self.sharing.start()

    def take(self, count: int) -> None:
        """Time is the test's, and stands still."""
        assert not self.bucket.wait_s(0.0)
        self.bucket.take(count)

    @property
    def owed(self) -> float:
        return self.bucket._owed


class Drive:
    """The server and those who write to it."""

    def __init__(self, server: ValkeyProcess, writer: LiveWriter, gateways: list[Gateway]) -> None:
        self.server, self.writer, self.gateways = server, writer, gateways
        self.visitors = 0

    def put(self) -> None:
        """More visitors, as the flow would tell; it must not have to wait."""
        began = time.monotonic()
        self.visitors += 1
        now = time.time_ns() // 1_000_000
        self.writer.put([LiveValues(site_id=SITE, log_time=now, visitors=self.visitors, revenue=REVENUE)])
        assert time.monotonic() - began < 0.1

    def are_shown(self) -> bool:
        with self.server.client() as client:
            return read_live(client, "prod", SITE, time.time_ns() // 1_000_000).visitors == self.visitors

    def doctor(self) -> Finding:
        return checked(Settings(redis_url=self.server.url))[0]

    def save(self) -> str:
        """Have it save, as its own timer does now and then; how that went."""
        with self.server.client() as client:
            client.bgsave()
            wait_for("the end of it", lambda: not client.info("persistence")["rdb_bgsave_in_progress"])
            return str(client.info("persistence")["rdb_last_bgsave_status"])


@contextmanager
def begun(folder: Path) -> Iterator[Drive]:
    server = ValkeyProcess(folder)
    server.start()
    with server.client() as client:
        client.config_set("save", "3600 1")
    with closing(LiveWriter(server.url, "prod")) as writer:
        gateways = [Gateway(server.url) for _ in range(2)]
        yield Drive(server, writer, gateways)
        for gateway in gateways:
            gateway.sharing.stop()
    server.kill()


def has_told(gateway: Gateway, number: float) -> bool:
    return gateway.bucket.told == number


def before(drive: Drive) -> None:
    first, second = drive.gateways
    drive.put()
    wait_for("the live counters", drive.are_shown)
    second.take(100)  # it is followed from now on
    first.take(100)
    wait_for("both to be followed", lambda: bool(first.sharing._followed and second.sharing._followed))
    first.take(300)
    wait_for("the other to hear", lambda: second.owed >= 300)
    assert drive.doctor().state == "ok"


def while_full(drive: Drive) -> None:
    first, second = drive.gateways
    assert drive.save() == "err"
    with drive.server.client() as client, pytest.raises(redis.ResponseError, match="MISCONF"):
        client.set("x", "y")
    for _ in range(3):
        drive.put()
        first.take(50)
        second.take(50)
        wait_for("both to go on alone", lambda: not (first.sharing.reachable or second.sharing.reachable))
    finding = drive.doctor()
    assert (finding.state, finding.mend) == ("warn", "make room on its disk"), finding
    assert "Redis refuses writes: it cannot write its files" in finding.found
    assert not drive.are_shown()


def after(drive: Drive) -> None:
    first, second = drive.gateways
    assert drive.save() == "ok"
    wait_for("the live counters", drive.are_shown)
    wait_for("limits to be shared", lambda: first.sharing.reachable and second.sharing.reachable)
    owed = second.owed
    for _ in range(2):  # the first exchange only tells where the counter stands
        first.take(20)
        second.take(20)
        wait_for("it to be told", partial(has_told, first, first.bucket.taken))
    wait_for("the other to hear", lambda: second.owed > owed)
    assert drive.doctor().state == "ok"


def main(folder: Path) -> None:
    with begun(folder) as drive:
        before(drive)
        fill(folder)
        while_full(drive)
        make_room(folder)
        after(drive)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s %(message)s")
    main(Path(sys.argv[1]))

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import control
from eventlog.local import LocalLog
from eventlog.protocol import LogFull
from footfall.generations import one_generation
from ingest_gateway.answers import RefusedError
from ingest_gateway.deadlines import Deadlines
from ingest_gateway.directory import Directory
from ingest_gateway.limits import MAX_ADDRESSES, AddressLimit, Bucket
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.memory import MAX_KNOWN, Memory
from ingest_gateway.origins import host_of, is_bound, is_dev


def test_a_bucket_refills_and_may_be_overdrawn_once() -> None:
    bucket = Bucket(10, 20, 0.0)
    assert bucket.wait_s(0) == 0
    bucket.take(50)
    assert bucket.wait_s(0) == pytest.approx(3, abs=0.01)
    assert bucket.wait_s(2.9) > 0
    assert bucket.wait_s(3.1) == 0
    assert Bucket(0, 0, 0.0).wait_s(0) == 0  # no limit


def test_addresses_are_forgotten_in_bounded_memory() -> None:
    limit = AddressLimit(1.0)
    for number in range(MAX_ADDRESSES + 10):
        limit.check(str(number), 0.0)
    assert len(limit._buckets) <= MAX_ADDRESSES // 2 + 10
    for _ in range(2):
        limit.check("busy", 1000.0)
    with pytest.raises(RefusedError) as caught:
        limit.check("busy", 1000.0)
    assert caught.value.status == 429


def test_deadlines() -> None:
    expired: list[str] = []
    deadlines: Deadlines[str] = Deadlines(10.0, expired.append)
    deadlines.add("a")
    deadlines.add("b")
    assert deadlines.remove("a")
    deadlines.sweep(time.monotonic() + 9)
    assert expired == []
    deadlines.sweep(time.monotonic() + 11)
    assert expired == ["b"]
    assert not deadlines.remove("b")
    assert len(deadlines) == 0


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example:443/x", "a.example"),
        ("http://[::1]:3000", "::1"),
        ("https://user:pw@a.example?x", "a.example"),
        ("null", ""),
        ("", ""),
        ("https://a.example.", "a.example"),
    ],
)
def test_hosts(url: str, host: str) -> None:
    assert host_of(url) == host


def test_domains_are_compared_by_label() -> None:
    assert is_bound("www.a.example", ("a.example",))
    assert not is_bound("ba.example", ("a.example",))
    assert is_bound("a.example", ("*",))
    assert not is_bound("", ("*",))
    assert is_dev("x.vercel.app", ("a.example",))
    assert not is_dev("x.vercel.app", ("x.vercel.app",))  # bound by its full name: it lives there
    assert is_dev("localhost", ("localhost",))
    assert not is_dev("evilvercel.app", ())


def test_a_change_does_not_refill_buckets(tmp_path: Path) -> None:
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    site = plane.add_site("a.example", now=0)
    directory = Directory(plane, {"prod": 4}, 10.0, lambda: int(time.time() * 1000))
    before = directory.view.by_public_id[site.public_id].bucket
    plane.add_site("b.example", now=0)
    directory.refresh()
    assert directory.view.by_public_id[site.public_id].bucket is before
    assert directory.view.domains == ("a.example", "b.example")
    plane.close()


def test_what_is_known_of_browsers_is_bounded(tmp_path: Path) -> None:
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    directory = Directory(plane, {"prod": 4}, 10.0, lambda: int(time.time() * 1000))
    memory: Memory[str, int] = Memory(directory.view)
    for number in range(MAX_KNOWN + 5):
        memory.keep(str(number), number, 5)
    assert len(memory.known) == 5
    memory.keep("x" * 10_000, 0, 10_000)
    assert len(memory.known) == 5
    plane.close()


def test_a_submission_that_does_not_fit_is_tried_in_parts(tmp_path: Path) -> None:
    async def run() -> list[object]:
        log = LocalLog(tmp_path / "log", 1, queue_bytes=4000)
        writer = LogWriter(log, one_generation(log.partitions), asyncio.get_running_loop(), 5.0)
        writes = [writer.write([(0, bytes(size))]) for size in (100, 100, 9000)]
        found = await asyncio.gather(*writes, return_exceptions=True)
        await writer.close(5.0)
        return list(found)

    small, other, large = asyncio.run(run())
    assert (small, other) == (None, None)
    assert isinstance(large, LogFull)


def test_an_attack_from_many_addresses_does_not_forget_nearly_everybody() -> None:
    limit = AddressLimit(10)
    for number in range(MAX_ADDRESSES + 1):
        limit.check(str(number), 0.0)
    limit.check("one more", 1e-9)
    assert len(limit._buckets) >= MAX_ADDRESSES // 2

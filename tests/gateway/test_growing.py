"""A gateway goes over to another generation of the log, under load, or stays where it can write."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from eventlog.generations import GrownLog
from eventlog.local import LocalLog
from eventlog.protocol import EventLog, LogFull
from footfall.generations import SINCE_EVER, Generation, Layout, one_generation
from footfall.record import decode
from ingest_gateway import growing
from ingest_gateway.growing import follow
from ingest_gateway.health import Health
from ingest_gateway.heartbeat import beat
from ingest_gateway.log_writer import LogWriter
from tests.eventlog.contract import read_all

ONE = Generation(number=1, first=0, partitions=2, opened_at=SINCE_EVER)
WAITING = Generation(number=2, first=2, partitions=3, created_at=5)
OPEN = Generation(number=2, first=2, partitions=3, created_at=5, opened_at=6)
DRAINED = Generation(number=1, first=0, partitions=2, opened_at=SINCE_EVER, drained_at=7)
PLENTY = 1 << 60


class Logs:
    """The generations' logs in a directory; `full`: those that take nothing."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.full: set[int] = set()

    def open(self, _stage: str, layout: Layout) -> EventLog:
        def open_topic(one: Generation) -> EventLog:
            room = PLENTY if one.number in self.full else 0
            return LocalLog(self.directory / str(one.number), one.partitions, min_free_bytes=room)

        return GrownLog(layout.served, open_topic)

    def values(self, generation: Generation) -> list[bytes]:
        """What is in a generation."""
        reader = self.open("", Layout((generation,))).reader()
        found = [record.value for number in generation.numbers for record in read_all(reader, number)]
        reader.close()
        return found


class Gateway:
    """What of a gateway has to do with it: a writer, and what it knows of the control plane."""

    def __init__(self, logs: Logs) -> None:
        self.layout = one_generation(2)
        self.writer = LogWriter(logs.open("", self.layout), self.layout, asyncio.get_running_loop(), 5.0)
        self.health = Health({"prod": self.writer}, 10.0)
        self._follower = asyncio.create_task(
            follow({"prod": self.writer}, lambda: {"prod": self.layout}, logs.open, lambda: 1)
        )

    async def has_gone_over(self) -> None:
        await until(lambda: self.writer.layout == self.layout)

    async def close(self) -> None:
        self._follower.cancel()
        await self.writer.close(5.0)


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.01)


def with_gateway(directory: Path, test: Callable[[Gateway, Logs], Awaitable[None]]) -> Logs:
    logs = Logs(directory)

    async def run() -> None:
        gateway = Gateway(logs)
        try:
            await test(gateway, logs)
        finally:
            await gateway.close()

    asyncio.run(run())
    return logs


def test_no_request_fails_while_it_goes_over(tmp_path: Path) -> None:
    sent: list[bytes] = []

    async def test(gateway: Gateway, _logs: Logs) -> None:
        stop = False

        async def requests(who: int) -> None:
            number = 0
            while not stop:
                number += 1
                value = b"%d %d" % (who, number)
                await gateway.writer.write([(gateway.writer.layout.partition_of(number), value)])
                sent.append(value)

        tasks = [asyncio.create_task(requests(who)) for who in range(20)]
        for generations in ((ONE, WAITING), (ONE, OPEN), (DRAINED, OPEN)):
            enough = len(sent) + 200
            await until(lambda enough=enough: len(sent) > enough)  # type: ignore[misc]
            gateway.layout = Layout(generations)
            await gateway.has_gone_over()
        enough = len(sent) + 200
        await until(lambda: len(sent) > enough)
        stop = True
        await asyncio.gather(*tasks)

    logs = with_gateway(tmp_path, test)
    old, new = logs.values(ONE), [value for value in logs.values(OPEN) if value[0] != 1]  # no heartbeat
    assert sorted(old + new) == sorted(sent)
    assert min(len(old), len(new)) > 150


def test_heartbeats_go_to_all_generations_and_say_where_events_go(tmp_path: Path) -> None:
    async def test(gateway: Gateway, _logs: Logs) -> None:
        await beat(gateway.writer, 1)
        for generations in ((ONE, WAITING), (ONE, OPEN), (DRAINED, OPEN)):
            gateway.layout = Layout(generations)
            await gateway.has_gone_over()
            await beat(gateway.writer, 1)

    logs = with_gateway(tmp_path, test)
    assert [decode(value).generation for value in logs.values(ONE)] == [1, 1, 2] * 2
    # The second is the one by which the gateway tried the new topic, before it sent events there.
    assert [decode(value).generation for value in logs.values(OPEN)] == [1, 1, 2, 2] * 3


def test_a_topic_that_takes_nothing_leaves_events_and_health_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(growing, "AGAIN_S", 0.05)

    async def test(gateway: Gateway, logs: Logs) -> None:
        logs.full = {2}
        gateway.layout = Layout((ONE, WAITING))
        await gateway.has_gone_over()
        with pytest.raises(LogFull):
            await beat(gateway.writer, 1)
        await gateway.writer.write([(gateway.writer.layout.partition_of(1), b"event")])
        assert gateway.writer.failing == "", "a topic that is not in use yet"
        gateway.layout = Layout((ONE, OPEN))
        await until(lambda: "stage prod goes on with its log as it was" in caplog.text)
        assert gateway.writer.layout.newest == ONE
        await gateway.writer.write([(gateway.writer.layout.partition_of(1), b"event")])
        assert gateway.writer.failing == ""
        logs.full = set()
        await gateway.has_gone_over()
        await beat(gateway.writer, 1)
        logs.full = {1}  # and once the older one is out of order
        gateway.layout = Layout((ONE, Generation(number=2, first=2, partitions=3, created_at=9, opened_at=6)))
        await gateway.has_gone_over()
        with contextlib.suppress(LogFull):
            await beat(gateway.writer, 1)
        assert gateway.writer.failing == ""

    logs = with_gateway(tmp_path, test)
    assert logs.values(ONE).count(b"event") == 2

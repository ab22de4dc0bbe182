"""From the event loop to the log and back.

Delivery: `write` returns only after its records are durable. If it raises, they may still
become so later (a timeout): whoever retries sends the same batch id again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from eventlog.appending import RECORD_OVERHEAD
from eventlog.protocol import AppendableLog, Appender, LogFull
from footfall.generations import Layout
from ingest_gateway.deadlines import SWEEP_S, Deadlines
from ingest_gateway.shares import PATIENCE, Shares

# At moderate load every request would else be a commit of its own: waiting this long made
# a third of the commits and saved a fifth of the CPU, at the price of so much latency.
GATHER_S = 0.002
SWITCH_S = 15.0  # for what an appender has taken before the log grew
TIMED_OUT = "the log did not answer in time"
NO_SHARE = "more waits for the log already than this site may add"


class Lane:
    """Requests that wait together: for the local log all, on Kafka those of one partition."""

    def __init__(self, queue_bytes: int, timeout_s: float) -> None:
        self.waiting: Deadlines[asyncio.Future[None]] = Deadlines(timeout_s, _time_out)
        self.shares = Shares(queue_bytes, timeout_s * PATIENCE)


class LogWriter:
    """One stage's appender, for coroutines. Its methods run on the event loop."""

    def __init__(
        self,
        log: AppendableLog,
        layout: Layout,
        loop: asyncio.AbstractEventLoop,
        timeout_s: float,
        queue_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.layout = layout
        self.last_success = time.monotonic()
        self.failing = ""  # why the newest append failed; empty: it did not
        self._loop = loop
        self._gathered: list[tuple[Sequence[tuple[int, bytes]], asyncio.Future[None]]] = []
        self._limits = (queue_bytes, timeout_s)
        self._lanes: dict[int, Lane] = {}
        self._closing: list[asyncio.Future[None]] = []  # appenders of before the log grew
        self._appender: Appender = log.appender(on_done=self._on_done)
        self._sweeper = loop.create_task(self._sweep())

    @property
    def waiting(self) -> int:
        """Requests whose records are not durable yet."""
        return sum(len(lane.waiting) for lane in self._lanes.values())

    async def write(self, records: Sequence[tuple[int, bytes]], site: str = "") -> None:
        """Make `(partition, value)` records of a site durable; `LogFull` if that cannot be now, or
        this site already has its share waiting. Without a site (heartbeats): whatever waits."""
        lane = self._lane(records)
        if not site or not records:
            return await self._write(records, lane)
        size = sum(len(value) + RECORD_OVERHEAD for _, value in records)
        if not lane.shares.take(site, size):
            raise LogFull(NO_SHARE)
        try:
            await self._write(records, lane)
        finally:
            lane.shares.give_back(site, size)

    def _lane(self, records: Sequence[tuple[int, bytes]]) -> Lane:
        # On Kafka the first one's: most requests are of one visitor, and so of one partition.
        key = 0 if self._appender.gathers or not records else records[0][0]
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(*self._limits)
        return lane

    async def _write(self, records: Sequence[tuple[int, bytes]], lane: Lane) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        lane.waiting.add(future)
        if not self._appender.gathers:
            self._submit(records, [future])
        else:
            if not self._gathered:
                self._loop.call_later(GATHER_S, self._submit_gathered)
            self._gathered.append((records, future))
        try:
            await future
        except LogFull as error:
            self.failing = str(error)
            raise
        finally:
            lane.waiting.remove(future)

    async def write_aside(self, records: Sequence[tuple[int, bytes]]) -> None:
        """The same of what no request depends on: how it goes says nothing about the log's health."""
        try:
            future = asyncio.wrap_future(self._appender.append(records), loop=self._loop)
            await asyncio.wait_for(future, self._limits[1])
        except ValueError as error:
            raise _as_full(error) from error
        except TimeoutError:
            raise LogFull(TIMED_OUT) from None

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            for lane in self._lanes.values():
                lane.shares.adapt(lane.waiting.oldest_s(now))
                lane.waiting.sweep(now)

    def _submit_gathered(self) -> None:
        """What came within `GATHER_S` as one submission: the log's thread is woken once, and
        hands back one token for all."""
        gathered, self._gathered = self._gathered, []
        records = [item for some, _ in gathered for item in some]
        if not self._submit(records, [future for _, future in gathered], alone=len(gathered) == 1):
            for some, future in gathered:  # some of them may have room
                self._submit(some, [future])

    def _submit(
        self, records: Sequence[tuple[int, bytes]], futures: list[asyncio.Future[None]], *, alone: bool = True
    ) -> bool:
        """Whether the log took it; if not, `alone` says that whoever waits is to hear so."""
        try:
            self._appender.submit(records, futures)
        except (LogFull, ValueError) as error:
            if alone:
                self._finish([futures], _as_full(error))
            return alone
        return True

    def switch(self, log: AppendableLog, layout: Layout) -> None:
        """From now on write to this log, of which the one before is a part: what it has taken is
        still written, and whoever waits for that is told as ever."""
        before = self._appender
        self._appender = log.appender(on_done=self._on_done)
        self.layout = layout
        self._closing.append(self._loop.run_in_executor(None, before.close, SWITCH_S))

    async def close(self, timeout_s: float) -> None:
        """Write what is queued, then stop."""
        await self._loop.run_in_executor(None, self._appender.close, timeout_s)
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._sweeper.cancel()

    def _on_done(self, tokens: list[Any], error: LogFull | None) -> None:
        # On a thread of the log, once for a whole commit: one wake-up of the loop for all.
        self._loop.call_soon_threadsafe(self._finish, tokens, error)

    def _finish(self, tokens: list[list[asyncio.Future[None]]], error: LogFull | None) -> None:
        if error is None:
            self.last_success = time.monotonic()
            self.failing = ""
        else:
            self.failing = str(error)
        for futures in tokens:
            for future in futures:
                if future.done():  # timed out, or the client went
                    continue
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)


def _as_full(error: Exception) -> LogFull:
    # ValueError: more than the whole queue holds. To the sender that is the same.
    return error if isinstance(error, LogFull) else LogFull(str(error))


def _time_out(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(LogFull(TIMED_OUT, retry_after_s=5.0))

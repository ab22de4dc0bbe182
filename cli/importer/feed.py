"""Records into the local log, no faster than the flow stores them.

At most `MAX_WAITING` events are in the log and not yet in the store, so that live events
that come in meanwhile wait for few others.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import click

from cli.importer.records import Made
from eventlog.protocol import EventLog, LogFull
from footfall.generations import Layout
from footfall.record import Record, encode

BATCH_EVENTS = 500
MAX_WAITING = 10_000
STALL_S = 120.0  # without any progress in the store
APPEND_TIMEOUT_S = 30.0
POLL_S = 0.1
STEP_TIMEOUT_S = 1.0  # a clock that was set back may need longer: then a heartbeat does it, later

Positions = dict[int, int]  # partition -> next offset


class Feed:
    """Appends, throttles and waits. `stored` asks how far the store is."""

    def __init__(
        self, log: EventLog, layout: Layout, stored: Callable[[], Positions], tick: Callable[[], None]
    ) -> None:
        self._appender = log.appender()
        self._reader = log.reader()
        self._layout = layout
        self._stored = stored
        self._tick = tick
        self._batch: list[tuple[int, bytes]] = []
        self._batch_events = 0
        self._waiting: deque[tuple[Positions, int]] = deque()
        self._waiting_events = 0

    def put(self, made: Made) -> None:
        """Take a record; blocks while too many events wait to be stored."""
        self._put(self._layout.partition_of(made.route), made.record)

    def put_in(self, partition: int, record: Record) -> None:
        """The same for a record that was in the log before, in that partition."""
        self._put(self._layout.writable(partition), record)

    def _put(self, partition: int, record: Record) -> None:
        self._batch.append((partition, encode(record)))
        self._batch_events += len(record.events) or 1
        if self._batch_events >= BATCH_EVENTS:
            self.flush()
            self._wait(lambda: self._waiting_events <= MAX_WAITING)

    def flush(self) -> None:
        """Make what was put durable."""
        if not self._batch:
            return
        self._append(self._batch)
        self._waiting.append((self.ends(), self._batch_events))
        self._waiting_events += self._batch_events
        self._batch, self._batch_events = [], 0

    def wait_stored(self) -> None:
        """Until everything put is in the store, and the store knows that it has all of that time."""
        self.flush()
        self._step_on()
        self._wait(lambda: not self._waiting)

    def wait_for(self, ends: Positions) -> None:
        """Until the store has everything below these positions."""
        self._waiting.append((ends, 0))
        self._wait(lambda: not self._waiting)

    def ends(self) -> Positions:
        """Where the next append goes."""
        return {number: self._reader.bounds(number)[1] for number in self._layout.partitions}

    def close(self) -> None:
        """Give the log back."""
        self._appender.close(APPEND_TIMEOUT_S)
        self._reader.close()

    def _step_on(self) -> None:
        """An empty record in every partition, later than the last one there. What is known to be
        stored ends a millisecond before a partition's newest record: without this one, repair
        would leave out the import's last records until the next heartbeat."""
        newest = max(self._log_time(number, end) for number, end in self.ends().items())
        deadline = time.monotonic() + STEP_TIMEOUT_S
        while time.time_ns() // 1_000_000 <= newest and time.monotonic() < deadline:
            time.sleep(0.001)  # until the clock is past it
        empty = encode(Record(received_at=time.time_ns() // 1_000_000))
        self._append([(number, empty) for number in self._layout.partitions])
        self._waiting.append((self.ends(), 0))

    def _log_time(self, partition: int, end: int) -> int:
        found = self._reader.read(partition, end - 1, 1, 1) if end > self._reader.bounds(partition)[0] else []
        return found[-1].log_time if found else 0

    def _append(self, batch: list[tuple[int, bytes]]) -> None:
        deadline = time.monotonic() + APPEND_TIMEOUT_S
        while True:
            try:
                self._appender.append(batch).result(APPEND_TIMEOUT_S)
                return
            except LogFull as error:
                if time.monotonic() > deadline:
                    raise
                time.sleep(error.retry_after_s)

    def _wait(self, enough: Callable[[], bool]) -> None:
        moved_at, before = time.monotonic(), -1
        while not enough():
            stored = self._stored()
            while self._waiting and all(stored.get(n, 0) >= end for n, end in self._waiting[0][0].items()):
                self._waiting_events -= self._waiting.popleft()[1]
            if enough():
                return
            if sum(stored.values()) != before:
                moved_at, before = time.monotonic(), sum(stored.values())
            elif time.monotonic() - moved_at > STALL_S:
                raise click.ClickException(
                    f"nothing was stored for {STALL_S:.0f} s: see `footfall status`. What was read is safe in the "
                    "log; run the same command again later, nothing is counted twice."
                )
            self._tick()
            time.sleep(POLL_S)

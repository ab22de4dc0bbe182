"""The local event log: `python -m bench.eventlog`, about 15 s, one process.

Closed loop: N requests wait at any time, each one a record of 20 events as a browser sends
them (about 5 kB; the log compresses it); a request is
sent again when its commit is acknowledged, as the gateway's clients do. CPU is that of
the whole process (this load generator included), checkpoints too.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

import msgspec

from bench.gateway_load import make_requests
from eventlog.local import LocalLog
from eventlog.protocol import LogFull
from footfall import record
from footfall.event import Batch
from footfall.record import LogEvent, Record

POOL = 200
EVENTS_PER_RECORD = 20
PARTITIONS = 4
SECONDS = 3.0
PACED_PER_S = 10_000  # = 200k events/s
IDLE_POLLS = 2_000


def make_records() -> list[bytes]:
    """What the gateway would write for the requests of its own benchmark."""
    bodies = [request.partition(b"\r\n\r\n")[2] for request in make_requests("pub_x", "x")[:POOL]]
    batches = [msgspec.json.decode(body, type=Batch) for body in bodies]
    return [record.encode(Record(site_id="x", events=cast(list[LogEvent], b.events))) for b in batches]


RECORDS = make_records()
RECORD_BYTES = round(statistics.mean(map(len, RECORDS)))


@dataclass
class Load:
    """What one run saw."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0

    def line(self, name: str) -> str:
        """One row of the table."""
        ordered = sorted(self.latencies)
        rate = len(ordered) / self.seconds
        p50, p99 = (ordered[int(len(ordered) * q)] * 1e3 for q in (0.5, 0.99))
        return (
            f"{name:>16} {rate:>10,.0f} {rate * RECORD_BYTES / 1e6:>7,.0f} {rate * EVENTS_PER_RECORD:>11,.0f} "
            f"{p50:>8.2f} {p99:>8.2f} {self.cpu / self.seconds:>10.0%} {self.cpu / len(ordered) * 1e4:>11.2f}"
        )


HEADER = (
    f"{'waiting requests':>16} {'appends/s':>10} {'MB/s':>7} {'events/s':>11} "
    f"{'p50 ms':>8} {'p99 ms':>8} {'CPU (core)':>10} {'CPU s / 10k':>11}"
)


@contextmanager
def timed(load: Load) -> Iterator[None]:
    """Fill in wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    load.seconds = time.perf_counter() - wall
    load.cpu = time.process_time() - cpu


class Driver:
    """Sends records and collects acknowledgements, a commit at a time."""

    def __init__(self, log: LocalLog) -> None:
        self.done: SimpleQueue[tuple[list[Any], LogFull | None]] = SimpleQueue()
        self.appender = log.appender(on_done=lambda tokens, error: self.done.put((tokens, error)))
        self.sent = 0

    def send(self) -> None:
        """One request, its start as its token."""
        self.sent += 1
        self.appender.submit([(self.sent % PARTITIONS, RECORDS[self.sent % POOL])], time.perf_counter())

    def collect(self, load: Load) -> int:
        """Wait for one commit; how many requests it answered."""
        tokens, error = self.done.get(timeout=10)
        if error is not None:
            raise error
        now = time.perf_counter()
        load.latencies.extend(now - started for started in tokens)
        return len(tokens)

    def closed_loop(self, waiting: int) -> Load:
        """As fast as it goes with `waiting` requests at a time."""
        load = Load()
        with timed(load):
            end = time.perf_counter() + SECONDS
            for _ in range(waiting):
                self.send()
            open_requests = waiting
            while open_requests:
                answered = self.collect(load)
                open_requests -= answered
                if time.perf_counter() < end:
                    for _ in range(answered):
                        self.send()
                    open_requests += answered
        return load

    def paced(self) -> Load:
        """At a fixed rate, in bursts of a millisecond: what it costs the gateway."""
        load = Load()
        total = int(PACED_PER_S * SECONDS)
        with timed(load):
            start = time.perf_counter()
            sent = answered = 0
            while answered < total:
                due = min(total, int((time.perf_counter() - start) * PACED_PER_S))
                for _ in range(due - sent):
                    self.send()
                sent = due
                time.sleep(0.001)
                while not self.done.empty() or (sent == total and answered < total):
                    answered += self.collect(load)
        return load


def read_all(log: LocalLog) -> str:
    """Read everything back."""
    reader = log.reader()
    started, cpu = time.perf_counter(), time.process_time()
    records = size = 0
    for partition in range(PARTITIONS):
        offset = 0
        while batch := reader.read(partition, offset, 5_000, 4 * 1024 * 1024):
            records += len(batch)
            size += sum(len(record.value) for record in batch)
            offset = batch[-1].offset + 1
    seconds = time.perf_counter() - started
    line = f"read {records:,} records: {records / seconds:,.0f}/s, {size / seconds / 1e6:,.0f} MB/s"
    line += f", CPU {time.process_time() - cpu:.2f} s\n"
    started = time.process_time()
    for _ in range(IDLE_POLLS):
        reader.changed()
    share = (time.process_time() - started) / IDLE_POLLS * 100
    reader.close()
    return line + f"idle: 5 partitions polled 20 times a second = {share:.3%} of a core"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        log = LocalLog(Path(directory) / "prod.raw", PARTITIONS)
        driver = Driver(log)
        print(HEADER)
        for waiting in (16, 64, 256):
            print(driver.closed_loop(waiting).line(str(waiting)), flush=True)
        print(driver.paced().line(f"at {PACED_PER_S:,}/s"), flush=True)
        driver.appender.close(30)
        print(read_all(log))


if __name__ == "__main__":
    main()

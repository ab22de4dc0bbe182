"""A whole Footfall for benchmarks: full windows, the traffic's site, a filled log."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.traffic import HOST, START_MS, records
from eventlog.local import LocalLog
from footfall.record import encode
from tests.drill.stack import Stack

APPEND = 500  # records a time


class Clock:
    """Log time is the time in the traffic, so that it goes by as it would live."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def fill(
    directory: Path,
    partitions: int,
    events: int,
    visitors: int,
    events_per_second: int = 2_000,
    start_ms: int = START_MS,
) -> int:
    """Write the traffic to a local log; returns the bytes of all records."""
    clock = Clock()
    appender = LocalLog(directory, partitions, clock=clock).appender()
    pending, size = [], 0
    for record in records(events, visitors, events_per_second=events_per_second, start_ms=start_ms):
        value = encode(record)
        size += len(value)
        pending.append((record.visitor_id % partitions, value))
        if len(pending) == APPEND:
            clock.now = record.received_at
            appender.append(pending).result(60)
            pending = []
    if pending:
        appender.append(pending).result(60)
    appender.close(10)
    return size


def stand(directory: Path, env: Mapping[str, str] | None = None) -> Stack:
    """Not started yet. The traffic's time is long past: retention must not see it so."""
    stack = Stack(directory / "data", host=HOST, quick=False, env=env)
    stack.env["FOOTFALL_LOG_RETENTION_HOURS"] = "1000000"
    return stack


def memory_by_part(stack: Stack) -> dict[str, float]:
    """Resident MiB of each part (proportional share of what is shared), and the supervisor."""
    parts = {name: state["pid"] for name, state in stack.status()["parts"].items() if state["pid"]}
    parts["supervisor"] = stack.status()["pid"]
    found = {}
    for name, pid in parts.items():
        process = psutil.Process(pid)
        family = [process] if name == "supervisor" else [process, *process.children(recursive=True)]
        found[name] = sum(each.memory_full_info().pss for each in family) / 2**20
    return found


def wait_for_rows(stack: Stack, rows: int, timeout_s: float) -> tuple[float, float, int]:
    """(time of the first look that found rows, time all were there, rows at the first look)."""
    client = stack.client()
    deadline = time.monotonic() + timeout_s
    first, at_first = 0.0, 0
    while time.monotonic() < deadline:
        found = client.execute("SELECT count() FROM events")[0][0]
        now = time.monotonic()
        if found and not first:
            first, at_first = now, found
        if found >= rows:
            client.disconnect()
            return first, now, at_first
        time.sleep(0.1)  # between two looks
    raise SystemExit(f"only {found} of {rows} rows after {timeout_s:.0f} s; see {os.fspath(stack.data_dir)}/logs")

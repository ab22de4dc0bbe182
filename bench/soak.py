"""Half an hour of 2,000 events/s with a fault every three minutes: does memory grow, is anything lost or double?

    python -m bench.soak [--minutes 30] [--rate 2000]

The embedded default with its windows and horizons scaled 1:10 (a session ends after 3 minutes, lateness is
1 minute, batch ids are remembered for 6), so that half an hour sees what five hours would. Parts are
killed in the first two thirds (`kill -9`) and only frozen (SIGSTOP) in the last, since a killed one starts
small again. Memory is the proportional share of all parts, every 10 s. At the end every acknowledged event
must be stored once, and rollups and sessions equal their independent recomputation (tests/drill).
Exit code 1 where something is wrong, or where memory grows by 1 % or more over the last third.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import psutil

import control
from bench.stand import memory_by_part
from tests.drill.checker import check
from tests.drill.load import Load
from tests.drill.settle import run_jobs
from tests.drill.stack import HOST, ZONE, Stack, wait_for

WINDOW_S, LATENESS_S = 180, 60
SCALED = {
    "FOOTFALL_LATENESS_MINUTES": str(LATENESS_S / 60),
    "FOOTFALL_DUPLICATE_HORIZON_MINUTES": "6",
    "FOOTFALL_HEARTBEAT_SECONDS": "1",
    "FOOTFALL_EPOCH_SECONDS": "3",
    "FOOTFALL_FLUSH_SECONDS": "1",
}
THREADS, MOST = 2, 39  # 20 events a batch on average
# Of a thread: visitors that are there at a time, and batches until one leaves for good and another comes.
# So each comes every 40 s for some 3 minutes, as in a visit, and new ones come all the time.
CROWD, STAY = 2_000, 5
# One every tenth of the time; those of the last third leave the parts' memory as it is.
FAULTS = (
    ("kill", "jobs"), ("kill", "store"), ("kill", "flow"), ("kill", "gateway"), ("kill", "valkey"),
    ("freeze", "store"), ("freeze", "flow"), ("freeze", "gateway"), ("freeze", "valkey"),
)  # fmt: skip
FREEZE_S = 10.0
LOOK_S = 10.0
BAR = 0.01


class Memory(threading.Thread):
    """MiB of all parts, every `LOOK_S`."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.looks: list[tuple[float, dict[str, float]]] = []
        self._stack = stack
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Until stopped."""
        while not self._stop_asked.wait(LOOK_S):
            try:
                self.looks.append((time.monotonic(), memory_by_part(self._stack)))
            except (psutil.Error, FileNotFoundError, json.JSONDecodeError):
                continue  # a part ended between two questions

    def __str__(self) -> str:
        """The last look."""
        parts = self.looks[-1][1]
        shares = ", ".join(f"{part} {mib:,.0f}" for part, mib in parts.items())
        return f"memory {sum(parts.values()):,.0f} MiB ({shares})"

    def stop(self) -> None:
        """No more looks."""
        self._stop_asked.set()
        self.join(LOOK_S)

    def growth(self, since: float) -> float:
        """Of the sum over all parts, from the first third of the time since then to its last third."""
        totals = [sum(parts.values()) for at, parts in self.looks if at >= since]
        third = len(totals) // 3
        return median(totals[-third:]) / median(totals[:third]) - 1


def break_something(stack: Stack, kind: str, part: str) -> None:
    """One fault; returns when it is over."""
    if kind == "kill":
        stack.kill(part)
        return
    with stack.frozen(part):
        threading.Event().wait(FREEZE_S)  # how long it stands still is the fault


def soak(stack: Stack, load: Load, memory: Memory, seconds: float) -> None:
    """Load and faults for the time."""
    began = time.monotonic()
    for number, (kind, part) in enumerate(FAULTS, 1):
        threading.Event().wait(max(0.0, began + number * seconds / (len(FAULTS) + 1) - time.monotonic()))
        break_something(stack, kind, part)
        minutes = (time.monotonic() - began) / 60
        print(
            f"  {minutes:5.1f} min: {kind} {part}; {len(load.sent.told):,} events acknowledged; {memory}",
            flush=True,
        )
    threading.Event().wait(max(0.0, began + seconds - time.monotonic()))


def verdict(stack: Stack, load: Load) -> list[str]:
    """What is wrong once everything has settled."""
    ended = time.time_ns() // 1_000_000
    closing_ms = (WINDOW_S + LATENESS_S) * 1000

    wait_for("all sessions to close", lambda: stack.stored_until() > ended + closing_ms, 600)
    plane = control.open(stack.settings.control_plane_url())
    deadline = time.monotonic() + 900
    try:
        while True:
            run_jobs(stack, plane)
            client = stack.client()
            problems = check(client, load.sent.told, WINDOW_S * 1000, ended - 600_000, HOST, ZONE)
            client.disconnect()
            if not problems or time.monotonic() > deadline:
                return problems
    finally:
        plane.close()


def main() -> int:
    """Exit code 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=2_000)
    given = parser.parse_args()
    seconds = given.minutes * 60
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(Path(directory) / "data", window_s=WINDOW_S, env=SCALED)
        with stack:
            every_s = THREADS * (MOST + 1) / 2 / given.rate
            load = Load(
                stack.settings.gateway_port, stack.public_id, HOST,
                threads=THREADS, every_s=every_s, crowd=CROWD, stay=STAY, most=MOST,
            )  # fmt: skip
            memory = Memory(stack)
            began = time.monotonic()
            memory.start()
            load.start()
            soak(stack, load, memory, seconds)
            sent = load.stop()
            rate = len(sent.told) / (time.monotonic() - began)
            memory.stop()
            growth = memory.growth(began + seconds * 2 / 3)
            print(
                f"{len(sent.told):,} events acknowledged, {rate:,.0f} a second; {sent.refused:,} answers were 503"
            )
            print(f"  at the end: {memory}")
            print(f"memory over the last third: {growth:+.2%} (bar 1 %)", flush=True)
            problems = verdict(stack, load)
            print(
                "\n".join(problems)
                or "nothing lost, nothing double; sessions and rollups equal their recomputation"
            )
            return 0 if not problems and growth < BAR else 1


if __name__ == "__main__":
    sys.exit(main())

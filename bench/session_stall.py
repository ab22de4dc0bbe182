"""How long a recovery point holds up a real dataflow with 200,000 open sessions.

    python -m bench.session_stall [--epochs 20] [--inline]

Bytewax, one worker, four partitions of 50,000 open sessions of 12 events, an epoch of 5 s
in which 60,000 events touch 20,000 visitors. The stall of an epoch is the longest time
between two calls of the source in it: so it holds all of the snapshot, what Bytewax does
with it, and the writing. With --inline the sessions are in Bytewax's own recovery state,
as before there were state files. Exit code 1 where p99 misses 250 ms.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from bytewax.testing import TestingSink

from bench.sessioniser import MINUTE, SITE, WHO, settle, twelve
from flows.session_state import SessionState
from flows.state_file import StateFile
from footfall.sessions import Fact, Policy, SessionShard

PARTITIONS, VISITORS, EPOCH_S = 4, 200_000, 5.0
TOUCHES_PER_S, BATCH = 20_000 / EPOCH_S, 50
BASE = 1_800_000_000_000
BAR_MS = 250

Touch = tuple[int, int, list[Fact]]  # visitor, log time, events


class Bench:
    """What source and state share: who there is, and what was measured."""

    def __init__(self, epochs: int) -> None:
        self.chance = random.Random(5)
        self.ids = [self.chance.getrandbits(64) for _ in range(VISITORS)]
        self.touches = [twelve(0, self.chance, 3) for _ in range(1000)]
        self.ends_at = time.perf_counter() + (epochs + 1) * EPOCH_S
        self.began = self.last = 0.0
        self.given = 0
        self.stalls: list[float] = []  # ms, one per epoch
        self.longest = 0.0
        self.snapshot_s = 0.0

    def batch(self) -> list[tuple[str, Touch]]:
        """What is due by now, at most a batch."""
        now = time.perf_counter()
        if not self.began:
            self.began = self.last = now
            self.ends_at = now + self.ends_at
        self.longest, self.last = max(self.longest, now - self.last), now
        due = int((now - self.began) * TOUCHES_PER_S) - self.given
        self.given += (number := min(due, BATCH))
        return [self._touch(now) for _ in range(number)]

    def _touch(self, now: float) -> tuple[str, Touch]:
        place = self.chance.randrange(VISITORS)
        at = BASE + VISITORS * 3 + MINUTE + int((now - self.began) * 1000)
        facts = [
            fact._replace(occurred_at=at + n, event_id=self.chance.randbytes(16))
            for n, fact in enumerate(self.touches[place % 1000])
        ]
        return f"prod-{place % PARTITIONS:04d}", (self.ids[place], at, facts)

    def epoch_over(self) -> None:
        self.stalls.append(self.longest * 1000)
        self.longest = 0.0


class Part(StatefulSourcePartition[Any, int]):
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def next_batch(self) -> Iterable[Any]:
        bench = self._bench
        if len(bench.stalls) and time.perf_counter() > bench.ends_at:
            raise StopIteration
        found = bench.batch()
        if not found:
            time.sleep(0.0005)
        return found

    def snapshot(self) -> int:
        self._bench.epoch_over()
        return 0


class Source(FixedPartitionedSource[Any, int]):
    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def list_parts(self) -> list[str]:
        return ["one"]

    def build_part(self, *_: Any) -> Part:
        return Part(self._bench)


class Logic(StatefulBatchLogic[Touch, Any, Any]):
    """As the flow's: absorb, advance, write ahead."""

    def __init__(self, bench: Bench, shard: SessionShard, state: SessionState | None) -> None:
        self._bench, self._shard, self._state = bench, shard, state

    def on_batch(self, values: list[Touch]) -> tuple[Iterable[Any], bool]:
        shard = self._shard
        for visitor_id, log_time, facts in values:
            shard.absorb(SITE, visitor_id, WHO, facts, log_time)
        shard.advance(values[-1][1])
        if self._state is not None:
            self._state.drain(shard)
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self) -> Any:
        start = time.perf_counter()
        value = self._shard.snapshot() if self._state is None else self._state.snapshot(self._shard)
        self._bench.snapshot_s += time.perf_counter() - start
        return value


def filled(ids: list[int], number: int, chance: random.Random) -> SessionShard:
    """A partition's open sessions, their first rows written."""
    shard = SessionShard(Policy())
    for place in range(number, len(ids), PARTITIONS):
        at = BASE + place * 3
        shard.absorb(SITE, ids[place], WHO, twelve(at, chance), at + 700)
        shard.advance(at + 700)
    shard.advance(BASE + len(ids) * 3 + MINUTE)
    return shard


def run(directory: Path, epochs: int, inline: bool) -> Bench:
    """The dataflow; what it measured."""
    bench = Bench(epochs)
    waiting = []
    for number in range(PARTITIONS):
        shard = filled(bench.ids, number, bench.chance)
        state = None
        if not inline:
            state = SessionState(StateFile(directory / f"prod-{number:04d}"))
            shard = state.open(shard.snapshot(), Policy())
        waiting.append(Logic(bench, shard, state))
    settle()
    gc.set_threshold(50_000, 20, 50)
    flow = Dataflow("stall")
    events = op.input("in", flow, Source(bench))
    out = op.stateful_batch("admit", events, lambda _: waiting.pop())
    op.output("out", out, TestingSink([]))
    init_db_dir(directory, 1)
    bench.ends_at = (epochs + 2.5) * EPOCH_S
    cli_main(
        flow, epoch_interval=timedelta(seconds=EPOCH_S), recovery_config=RecoveryConfig(directory, timedelta(0))
    )
    return bench


def main() -> int:
    """Exit code 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--inline", action="store_true")
    parser.add_argument("--directory", type=Path, help="of the files; a temporary one by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        bench = run(Path(directory), arguments.epochs, arguments.inline)
        stored = sum(path.stat().st_size for path in Path(directory).rglob("*.seg"))
    # Of the end of an epoch the next one tells. The first end writes all that was filled in.
    first, stalls = bench.stalls[1], sorted(bench.stalls[2 : arguments.epochs + 2])
    p99 = stalls[min(len(stalls) - 1, int(len(stalls) * 0.99))]
    print(
        f"{len(stalls)} epochs, {bench.given * 3:,} events: stall p50 {median(stalls):,.0f} ms, "
        f"p99 {p99:,.0f} ms, longest {stalls[-1]:,.0f} ms (bar {BAR_MS}); the first {first:,.0f} ms; "
        f"in snapshot() {bench.snapshot_s / len(bench.stalls) * 1000:,.0f} ms; {stored / 1e6:,.0f} MB of files"
    )
    return 0 if p99 <= BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())

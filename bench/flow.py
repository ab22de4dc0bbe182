"""Log to encoded rows: the whole dataflow in Bytewax with everything on, but no store.

Prints CPU-seconds per 1M events (user + system, of the whole process, start-up left out).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bytewax.run import cli_main

from bench.stand import fill
from bench.traffic import HOST
from eventlog.local import LocalLog
from flows.app import Parts, build
from flows.garbage import collect_seldom
from flows.items import PartitionKey
from flows.partition import PartitionPolicy
from footfall.enrich.context import Context
from footfall.sessions import Policy
from footfall.sites import Goal, Site
from sinks.event_block import EventBlock
from sinks.event_columns import Encoder
from sinks.native import StringPieces
from sinks.positions import Stored
from sinks.session_block import encode_sessions
from sinks.writer import StoredPositions

PARTITIONS = 4
BLOCK_ROWS = 50_000
SITE = Site(
    site_id=HOST,
    domains=(HOST,),
    currency="EUR",
    goals=(Goal(name="order", event="purchase"), Goal(name="c", path="/c/*")),
)


class EncodingWriter:
    """Encodes like the real writer, then throws the bytes away."""

    def __init__(self) -> None:
        self.block = EventBlock()
        self.encoder = Encoder()
        self.pieces = StringPieces()
        self.session_rows: list[Any] = []
        self.rows = self.sessions = self.bytes = 0

    def recover(self, partition: int, position: int) -> StoredPositions:
        return StoredPositions(position, Stored(), lambda _first, _last: {})

    def add_events(self, *args: Any, stored: object, look_up_before: int) -> None:
        self.block.add(*args)
        if self.block.rows >= BLOCK_ROWS:
            self.flush()

    def add_sessions(self, rows: Sequence[Any]) -> None:
        self.sessions += len(rows)
        self.session_rows.extend(rows)

    def flush(self) -> None:
        self.rows += self.block.rows
        self.bytes += sum(len(piece) for encoded in self.block.encode(self.encoder) for piece in encoded.columns)
        self.block = EventBlock()
        if self.session_rows:
            encode_sessions(self.session_rows, self.pieces)
            self.session_rows = []

    def take_results(self, partition: int) -> list[Any]:
        return []

    def set_ledger(self, *_: object) -> None: ...
    def progress(self, *_: object) -> None: ...
    def add_identities(self, rows: Iterable[Any]) -> None: ...
    def add_quarantine(self, rows: Iterable[Any]) -> None: ...


class NoLive:
    def put(self, *_: object) -> None: ...


class StopAtEnd:
    """Stops the flow once every partition has been read to its end."""

    def __init__(self, reader: Any, stop: threading.Event, partitions: Iterable[int]) -> None:
        self._reader, self._stop = reader, stop
        self._open = set(partitions)

    def read(self, partition: int, *args: int) -> Any:
        found = self._reader.read(partition, *args)
        if not found:
            self._open.discard(partition)
            if not self._open:
                self._stop.set()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


def run(directory: Path, partitions: Sequence[int] = range(PARTITIONS)) -> tuple[float, float, EncodingWriter]:
    """(CPU seconds, wall seconds, what was written) of a worker that has these partitions."""
    log = LocalLog(directory, PARTITIONS)
    stop = threading.Event()
    writer: Any = EncodingWriter()
    parts = Parts(
        keys=[PartitionKey("prod", number) for number in partitions],
        open_reader=lambda _stage: StopAtEnd(log.reader(), stop, partitions),
        sites={HOST: SITE}.get,
        context=Context(geo=None),
        policy=PartitionPolicy(
            sessions=Policy(), duplicate_horizon_ms=3_600_000,
            quarantine_per_site_per_day=1000,
        ),
        load_batches=lambda *_: (),
        store_writer=lambda _stage: writer,
        live_writer=lambda _stage: NoLive(),  # type: ignore[arg-type,return-value]
        stop=stop,
    )  # fmt: skip
    flow = build(parts)
    collect_seldom()
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    cli_main(flow)
    writer.flush()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - began, writer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "prod.raw"
        fill(path, PARTITIONS, arguments.events, 20_000)
        figures = []
        for _ in range(arguments.runs):
            cpu, wall, writer = run(path)
            assert writer.rows == arguments.events, f"{writer.rows} rows of {arguments.events} events"
            figures.append(cpu * 1e6 / arguments.events)
            print(
                f"{figures[-1]:.2f} CPU-s per 1M events, wall {wall:.1f} s, {writer.sessions} session rows, "
                f"{writer.bytes / writer.rows:.0f} encoded bytes an event"
            )
        print(f"median {sorted(figures)[len(figures) // 2]:.2f} CPU-seconds per 1M events")


if __name__ == "__main__":
    main()

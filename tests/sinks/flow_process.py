"""A flow cut down to its sink, to be killed: adds records from its recovered position on and
keeps position and counts in a file, as a recovery snapshot would. `python -m tests.sinks.flow_process`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from clickhouse_driver import Client

from sinks.positions import StoredPositions
from sinks.writer import StoreWriter
from tests.sinks.making import NOW, batch_of

RECORDS = 200
EVENTS = 20
SNAPSHOT_EVERY = 40


def main() -> None:
    port, password, database, state_file, skip = sys.argv[1:]
    writer = StoreWriter(
        lambda: Client("127.0.0.1", port=int(port), user="footfall", password=password, compression="lz4"),
        database=database,
        flush_seconds=0.02,
        query_prefix="test-killed",
        retry_limit_s=60.0,
    )
    state = Path(state_file)
    position, counted = json.loads(state.read_text()) if state.exists() else (0, 0)
    stored: StoredPositions | None = writer.recover(0, position)
    if skip == "no":
        stored = None  # what the test must notice
    for offset in range(position, RECORDS):
        batch = batch_of(EVENTS, offset=offset, at=NOW + offset * 1000)
        writer.add_events(batch, 7, None, None, 0, offset, NOW, stored=stored)
        writer.progress(0, offset + 1, NOW, 0)
        time.sleep(0.005)  # a pace at which it can be caught in the middle
        if (offset + 1) % SNAPSHOT_EVERY == 0:
            writer.flush()
            counted += sum(number for _, number, _ in writer.take_results(0))
            state.with_suffix(".new").write_text(json.dumps((offset + 1, counted)))
            os.replace(state.with_suffix(".new"), state)
    writer.close()


if __name__ == "__main__":
    main()

"""`python -m bench.storage`: bytes an event takes in `events`, column by column.

Realistic traffic goes through the flow's own encoder into an embedded store of its own,
a flush at a time; then the parts are merged, as they are after a while, and weighed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from clickhouse_driver import Client

from bench.storage_traffic import records
from footfall.enrich.batch import EnrichedBatch
from footfall.settings import Settings
from sinks.event_block import EventBlock
from sinks.event_columns import Encoder
from sinks.insert import insert_block
from sinks.migrate import migrate
from tests.fixtures.store import make_store

DATABASE = "footfall_bench"
LIMIT = 60.0  # bytes an event
PARTITIONS = 4
FLUSH_RECORDS = 4000


def fill(client: Client, batches: Iterator[EnrichedBatch]) -> tuple[float, float]:
    """CPU seconds of encoding, seconds of inserting."""
    encoder, encoding, inserting, offset = Encoder(), 0.0, 0.0, 0
    while chunk := list(islice(batches, FLUSH_RECORDS)):
        begun = time.process_time()
        block = EventBlock()
        for batch in chunk:
            record = batch.record
            partition = record.visitor_id % PARTITIONS
            block.add(batch, record.visitor_id, None, None, partition, offset, record.received_at + 20)
            offset += 1
        encoded = block.encode(encoder)
        encoding += time.process_time() - begun
        begun = time.monotonic()
        for part in encoded:
            insert_block(client, DATABASE, "events", part)
        inserting += time.monotonic() - begun
    return encoding, inserting


def report(client: Client, top: int) -> float:
    """Print the table; bytes an event on disk."""
    parts, rows, disk, packed, raw = client.execute(
        "SELECT count(), sum(rows), sum(bytes_on_disk), sum(data_compressed_bytes), sum(data_uncompressed_bytes) "
        "FROM system.parts WHERE database = %(d)s AND table = 'events' AND active",
        {"d": DATABASE},
    )[0]
    columns = client.execute(
        "SELECT column, sum(column_data_compressed_bytes) AS packed, sum(column_data_uncompressed_bytes) "
        "FROM system.parts_columns WHERE database = %(d)s AND table = 'events' AND active "
        "GROUP BY column ORDER BY packed DESC",
        {"d": DATABASE},
    )
    print(f"{'column':<20} {'bytes/event':>12} {'ratio':>8}")
    for name, small, large in columns[:top]:
        print(f"{name:<20} {small / rows:>12.2f} {large / max(small, 1):>8.1f}")
    rest = sum(small for _, small, _ in columns[top:])
    print(f"{'the other ' + str(len(columns) - top):<20} {rest / rows:>12.2f}")
    print(
        f"{rows} events in {parts} parts: {packed / rows:.1f} bytes an event compressed, {disk / rows:.1f} on disk"
    )
    print(f"with marks and indexes; {raw / rows:.0f} uncompressed")
    return float(disk / rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--top", type=int, default=30, help="columns to print")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        server = make_store(Path(directory))
        try:
            client = server.client(compression="lz4", send_receive_timeout=600)
            migrate(client, Settings(), DATABASE)
            encoding, inserting = fill(client, records(arguments.events))
            print(
                f"encoded at {encoding / arguments.events * 1e6:.2f} CPU us an event, "
                f"inserted in {inserting:.1f} s"
            )
            print(f"as inserted, in the small parts of single flushes: {weigh(client):.1f} bytes an event on disk")
            client.execute(f"OPTIMIZE TABLE {DATABASE}.events FINAL")
            size = report(client, arguments.top)
            client.disconnect()
        finally:
            server.stop()
    print("within" if size <= LIMIT else "ABOVE", f"the {LIMIT:g} bytes an event that are allowed")
    return 0 if size <= LIMIT else 1


def weigh(client: Client) -> float:
    """Bytes an event on disk."""
    query = "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts WHERE table = 'events' AND active"
    return float(client.execute(query)[0][0])


if __name__ == "__main__":
    sys.exit(main())

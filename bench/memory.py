"""Memory after 10M events with 200,000 sessions open, all embedded processes.

The traffic's log time runs at 5,000 events/s over 220,000 visitors, so that nearly all of
them come within the half hour it lasts, and their sessions stay open.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from bench.stand import fill, memory_by_part, stand, wait_for_rows

RATE = 5_000  # events a second of log time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--visitors", type=int, default=220_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        stack = stand(Path(directory))
        log, partitions = stack.settings.log_dir("prod"), stack.settings.partitions
        # It ends now, so that no heartbeat makes its sessions old enough to close.
        start_ms = time.time_ns() // 1_000_000 - arguments.events * 1000 // RATE
        size = fill(log, partitions, arguments.events, arguments.visitors, RATE, start_ms)
        print(f"log filled: {size / 2**20:,.0f} MiB of records", flush=True)
        with stack:
            first, last, at_first = wait_for_rows(stack, arguments.events, 900)
            client = stack.client()
            query = "SELECT count() FROM sessions FINAL WHERE NOT is_closed AND NOT is_deleted"
            sessions = client.execute(query)[0][0]
            client.disconnect()
            memory = memory_by_part(stack)
            print(f"{(arguments.events - at_first) / (last - first):,.0f} events/s, {sessions:,} sessions open")
            for name, mib in memory.items():
                print(f"{name:12} {mib:8.0f} MiB")
            print(f"{'all':12} {sum(memory.values()):8.0f} MiB")


if __name__ == "__main__":
    main()

"""Log to rows visible in the embedded store: a filled log (local, or with --kafka a topic), then `footfall up`.

Prints events per second from the first visible rows to the last one, and how the CPU was
split between the parts.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import psutil

import control
from bench.kafka import fill_topic, kafka
from bench.stand import fill, stand, wait_for_rows
from footfall.names import RAW_TOPIC, topic_name
from tests.drill.stack import Stack


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kafka", action="store_true", help="from Kafka in place of the local log")
    parser.add_argument("--growing", action="store_true", help="while the log has several generations")
    arguments = parser.parse_args()
    rates = []
    for _ in range(arguments.runs):
        with tempfile.TemporaryDirectory() as directory:
            measured = run_on_kafka if arguments.kafka else run
            rates.append(measured(Path(directory), arguments.events, arguments.growing))
    print(f"median {sorted(rates)[len(rates) // 2]:,.0f} events/s from log to visible rows")


def run(directory: Path, events: int, growing: bool) -> float:
    stack = stand(directory)
    fill(stack.settings.log_dir("prod"), stack.settings.partitions, events, 20_000)
    if growing:
        grow(stack)
    return measure(stack, events)


def run_on_kafka(directory: Path, events: int, growing: bool) -> float:
    with kafka(directory) as (cluster, env):
        stack = stand(directory, env)
        if growing:
            grow(stack)
        fill_topic(cluster, topic_name("prod", RAW_TOPIC), stack.settings.partitions, events, 20_000)
        return measure(stack, events)


def grow(stack: Stack) -> None:
    """A second generation that waits: from then on the flow looks every event up in the store."""
    plane = control.open(stack.settings.control_plane_url())
    plane.add_generation("prod", stack.settings.partitions, 2 * stack.settings.partitions, now=1)
    plane.close()


def measure(stack: Stack, events: int) -> float:
    with stack:
        first, last, at_first = wait_for_rows(stack, events, 300)
        rate = (events - at_first) / (last - first)
        cpu = {}
        for name in ("flow", "store"):
            times = psutil.Process(stack.pid(name)).cpu_times()
            cpu[name] = times.user + times.system
        split = ", ".join(f"{name} {seconds * 1e6 / events:.1f}" for name, seconds in cpu.items())
        print(f"{rate:,.0f} events/s; CPU-seconds per 1M events, start-up included: {split}", flush=True)
    return rate


if __name__ == "__main__":
    main()

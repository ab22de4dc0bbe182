"""One worker of the flow against several, and the two ways to have several: processes that each own
partitions (what Footfall does), and a Bytewax cluster (`--cluster`).

    python -m bench.workers              CPU-seconds of 1, 2 and 4 workers for the same log, no store
    python -m bench.workers kill         kill -9 of one of two: which partitions stood still, how long
    python -m bench.workers kill --cluster
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.flow import PARTITIONS, run
from bench.stand import fill
from tests.drill.load import Load
from tests.drill.pieces import Pieces
from tests.drill.stack import HOST, free_ports, wait_for

POLL_S = 0.05
WATCH_S = 25.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("throughput", "kill"), default="throughput")
    parser.add_argument(
        "--cluster", action="store_true", help="a Bytewax cluster in place of processes of their own"
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if arguments.what == "throughput":
            throughput(Path(directory), arguments.events, arguments.runs)
        else:
            for number in range(arguments.runs):
                kill(Path(directory) / str(number), arguments.cluster)


# Throughput: each worker reads its partitions, enriches, makes sessions and encodes rows, as bench.flow does.


def throughput(directory: Path, events: int, runs: int) -> None:
    log = directory / "prod.raw"
    fill(log, PARTITIONS, events, 20_000)
    alone = 0.0
    for workers in (1, 2, 4):
        sums, splits = [], []
        for _ in range(runs):
            cpu = together(log, workers, events)
            sums.append(sum(cpu))
            splits.append(", ".join(f"{seconds:.2f}" for seconds in cpu))
        median = statistics.median(sums)
        alone = alone or median
        print(
            f"{workers} workers: {median * 1e6 / events:.2f} CPU-seconds per 1M events (split {splits[-1]}), "
            f"{events / median:,.0f} events per CPU-second; with a core each {workers * alone / median:.2f} x one",
            flush=True,
        )


def together(log: Path, workers: int, events: int) -> list[float]:
    """CPU seconds of each, start-up left out."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        found = pool.starmap(_share, [(log, worker, workers) for worker in range(workers)], chunksize=1)
    assert sum(rows for _, rows in found) == events
    return [cpu for cpu, _ in found]


def _share(log: Path, worker: int, workers: int) -> tuple[float, int]:
    cpu, _, writer = run(log, [number for number in range(PARTITIONS) if number % workers == worker])
    return cpu, writer.rows


# What a kill costs: a live installation, rows looked for twenty times a second.


def kill(folder: Path, cluster: bool) -> None:
    folder.mkdir(parents=True)
    with Pieces(folder) as pieces:
        load = Load(pieces.gateway.port, pieces.public_id, HOST)
        load.start()
        start: Callable[[], None] = (lambda: _start_cluster(pieces)) if cluster else (lambda: _start_two(pieces))
        start()
        pieces.wait_for_work()
        usual = still(pieces, 10.0)
        victim = pieces.workers[1, "data"]
        watching: list[dict[int, float]] = []
        watcher = threading.Thread(target=lambda: watching.append(still(pieces, WATCH_S)))
        watcher.start()
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
        if cluster:
            wait_for("the others to end", lambda: all(p.poll() is not None for p in pieces.workers.values()), 60)
            pieces.workers.clear()
            start()
        else:
            pieces.start(1, 2, module="flows")
        watcher.join()
        load.stop()
        (found,) = watching
        for number in sorted(found):
            print(
                f"partition {number}: {found[number]:.1f} s without a new row "
                f"(usually at most {usual[number]:.1f})",
                flush=True,
            )


def still(pieces: Pieces, seconds: float) -> dict[int, float]:
    """The longest time in which no row of each partition came."""
    longest = dict.fromkeys(range(4), 0.0)
    began = time.monotonic()
    last = dict.fromkeys(range(4), began)
    before = pieces.positions()
    while time.monotonic() < began + seconds:
        now, at = pieces.positions(), time.monotonic()
        for number in longest:
            if now.get(number, 0) > before.get(number, 0):
                longest[number] = max(longest[number], at - last[number])
                last[number] = at
        before = now
        time.sleep(POLL_S)  # between two looks
    return {number: max(longest[number], time.monotonic() - last[number]) for number in longest}


def _start_two(pieces: Pieces) -> None:
    for worker in range(2):
        pieces.start(worker, 2, module="flows")


def _start_cluster(pieces: Pieces) -> None:
    addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(2))
    for worker in range(2):
        pieces.start(worker, 2, module="bench.cluster_worker", extra={"BENCH_ADDRESSES": addresses})


if __name__ == "__main__":
    main()

"""Inserts of 75 columns through the native protocol, and what the store costs at rest. `python -m bench.store`

Prints rows/s as a client sees them, the processor time of client and store for them, and memory and processor time
of the store at rest and with a small INSERT four times a second. Ends within a minute.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from clickhouse_driver import Client

from tests.fixtures.store import StoreServer, make_store

ROWS = 50_000
BATCHES = 8
REST = 10.0  # seconds
COLUMNS = [
    ("k", "UInt64"),
    *((f"low{n}", "LowCardinality(String)") for n in range(25)),
    *((f"text{n}", "String") for n in range(10)),
    *((f"empty{n}", "String") for n in range(15)),
    *((f"number{n}", "UInt32") for n in range(20)),
    ("props", "Map(LowCardinality(String), String)"),
    ("items", "Array(String)"),
    ("at", "DateTime64(3, 'UTC')"),
    ("id", "FixedString(16)"),
]


def column(name: str) -> list[Any]:
    """ROWS values, as the sinks would send them."""
    random.seed(name)
    if name.startswith("low"):
        choice = [f"{name}-{n}" for n in range(20)]
        return [choice[random.randrange(20)] for _ in range(ROWS)]
    makers = {
        "k": range(ROWS),
        "props": [{"plan": "free", "theme": "dark"}] * ROWS,
        "items": [["a", "b"]] * ROWS,
        "at": [1_700_000_000_000 + n for n in range(ROWS)],
        "id": [f"{n:016d}" for n in range(ROWS)],
    }
    if name in makers:
        return list(makers[name])
    if name.startswith("number"):
        return list(range(ROWS))
    return [f"/some/page/{n}" for n in range(ROWS)] if name.startswith("text") else [""] * ROWS


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def insert(client: Client, store: psutil.Process, data: list[list[Any]], label: str) -> None:
    own = psutil.Process()
    began, client_cpu, store_cpu = time.perf_counter(), cpu(own), cpu(store)
    for _ in range(BATCHES):
        client.execute("INSERT INTO bench.t VALUES", data, columnar=True)
    seconds = time.perf_counter() - began
    rows = ROWS * BATCHES
    client_us, store_us = (cpu(own) - client_cpu) / rows * 1e6, (cpu(store) - store_cpu) / rows * 1e6
    split = f"client {client_us:.1f} us/row, store {store_us:.1f}"
    print(f"{label}: {rows / seconds:,.0f} rows/s of {len(COLUMNS)} columns ({split} us/row of processor time)")


def rest(client: Client, store: psutil.Process, label: str, small: bool) -> None:
    before, began = cpu(store), time.perf_counter()
    while time.perf_counter() - began < REST:
        time.sleep(0.25)
        if small:
            client.execute("INSERT INTO bench.s VALUES", [(n, "x") for n in range(100)])
    share = (cpu(store) - before) / (time.perf_counter() - began)
    memory = store.memory_full_info()
    print(f"{label}: {share:.1%} of a core, {memory.rss >> 20} MiB resident ({memory.uss >> 20} MiB of its own)")


def run(server: StoreServer) -> None:
    assert server.process is not None
    store = psutil.Process(server.process.pid)
    client = server.client()
    rest(client, store, "at rest, empty", small=False)
    client.execute("CREATE DATABASE bench")
    kinds = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    client.execute(f"CREATE TABLE bench.t ({kinds}) ENGINE = ReplacingMergeTree ORDER BY k")
    client.execute("CREATE TABLE bench.s (n UInt64, s String) ENGINE = ReplacingMergeTree ORDER BY n")
    data = [column(name) for name, _ in COLUMNS]
    insert(client, store, data, "plain")
    insert(server.client(compression="lz4"), store, data, "lz4")
    rest(client, store, "four small inserts a second", small=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        server = make_store(Path(directory))
        try:
            run(server)
        finally:
            server.stop()


if __name__ == "__main__":
    main()

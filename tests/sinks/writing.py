"""Records given to a writer, and what the store has of them."""

from __future__ import annotations

from collections.abc import Callable

from clickhouse_driver import Client

from sinks.writer import StoreWriter
from tests.sinks.making import NOW, batch_of

DAY = NOW // 86_400_000
Connect = Callable[[], Client]
Make = Callable[..., StoreWriter]


def add(writer: StoreWriter, offset: int, count: int = 3, partition: int = 0, **options: object) -> None:
    batch = batch_of(count, offset=offset, at=NOW + offset * 1000)
    writer.add_events(batch, 7, None, None, partition, offset, NOW + offset * 1000, **options)  # type: ignore[arg-type]


def stored(client: Client, database: str) -> list[tuple[int, int, int]]:
    rows = client.execute(f"SELECT log_partition, log_offset, log_index FROM {database}.events ORDER BY ALL")
    return list(rows)


def places(offsets: range, count: int = 3, partition: int = 0) -> list[tuple[int, int, int]]:
    return [(partition, offset, index) for offset in offsets for index in range(count)]

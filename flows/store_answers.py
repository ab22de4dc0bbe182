"""What `flows.beginning` asks of the store, over connections of their own, tried again while it is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from clickhouse_driver import Client

from flows.beginning import StoreAnswers
from flows.items import Count, PartitionKey
from footfall.names import database_name
from footfall.settings import Settings
from sinks import orphans
from sinks.clickhouse import connect, retrying
from sinks.cluster import sync
from sinks.read_back import ReadBack, ledger_counts, read_back

LIMIT_S = 60.0
Answer = TypeVar("Answer")


def store_answers(settings: Settings, quiet_ms: int) -> StoreAnswers:
    """`quiet_ms`: after so long without an event a session is closed."""

    def ask(stage: str, action: Callable[[Client, str], Answer]) -> Answer:
        database = database_name(stage)

        def attempt(_number: int) -> Answer:
            client = connect(settings)
            try:
                sync(client, settings.clickhouse_cluster, database, "progress", "ledger", "events", "sessions")
                return action(client, database)
            finally:
                client.disconnect()

        return retrying(attempt, limit_s=LIMIT_S, what="recovery")

    def back(key: PartitionKey) -> ReadBack:
        return ask(key.stage, lambda client, database: read_back(client, database, key.partition, quiet_ms))

    def close_orphans(key: PartitionKey, before: int) -> int:
        mark = time.time_ns() // 1_000_000

        def close(client: Client, database: str) -> int:
            orphans.mark_newest(client, database, key.partition, mark)
            return orphans.close_orphans(client, database, before, mark)

        return ask(key.stage, close)

    def ledger(key: PartitionKey, since_day: int) -> dict[Count, int]:
        found = ask(key.stage, lambda client, database: ledger_counts(client, database, key.partition, since_day))
        return {Count(*place): number for place, number in found.items()}

    return StoreAnswers(back, close_orphans, ledger)

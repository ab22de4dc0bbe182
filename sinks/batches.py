"""Reads back which batches were stored of late: the flow's memory of duplicates after a restart."""

from __future__ import annotations

from collections.abc import Iterable

from clickhouse_driver import Client

from footfall.duplicates import LIMIT


def load_batches(client: Client, partition: int, before_offset: int, since: int) -> Iterable[tuple[int, int]]:
    """(batch key, log time in ms) of the batches of a partition stored from `since` (log time, ms) on
    and below an offset, oldest first. The client's database is the stage's."""
    columns = client.execute(
        "SELECT * FROM (SELECT batch_key, toUnixTimestamp64Milli(min(log_time)) AS first FROM events "
        "WHERE log_partition = %(partition)s AND log_offset < %(before)s AND batch_key != 0 "
        "AND log_time >= fromUnixTimestamp64Milli(%(since)s, 'UTC') "
        "GROUP BY batch_key ORDER BY first DESC LIMIT %(limit)s) ORDER BY first",
        {"partition": partition, "before": before_offset, "since": max(since, 0), "limit": LIMIT},
        columnar=True,
    )
    return zip(*columns, strict=True) if columns else ()

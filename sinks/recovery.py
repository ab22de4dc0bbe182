"""What a restarted flow has to know of the store before it writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from clickhouse_driver import Client

from sinks import positions
from sinks.buffer import Progress
from sinks.clickhouse import retrying
from sinks.cluster import sync
from sinks.positions import StoredPositions

Answer = TypeVar("Answer")


class StoreBehind(Exception):
    """The store has less than the flow knows to be stored: it was restored from a backup."""


class Recovered(NamedTuple):
    """What the store knows of a partition."""

    stored: StoredPositions
    progress: Progress
    ledger_version: int  # the highest

    @property
    def heartbeat_at(self) -> int:
        """When the last stored heartbeat was made, ms."""
        return self.progress.heartbeat_at


class Recovery:
    """Reads what is stored beyond the recovered positions. Thread-safe."""

    def __init__(
        self,
        connect: Callable[[], Client],
        database: str,
        query_prefixes: Sequence[str],
        limit_s: float,
        cluster: str = "",
    ) -> None:
        self._connect = connect
        self._cluster = cluster
        self._database = database
        self._prefixes = query_prefixes
        self._limit_s = limit_s
        self._ending = threading.Lock()
        self._predecessor_ended = False

    def recover(self, partition: int, position: int) -> Recovered:
        """What is stored of a partition from `position` on.

        Ends the predecessor's inserts first, so that the answer stays true. Raises `StoreBehind`
        if the store does not have all below `position`.
        """

        def read(client: Client) -> Recovered:
            self._end_predecessor(client)
            sync(client, self._cluster, self._database, "progress", "ledger", "events")
            progress = positions.progress_of(client, self._database, partition)
            reached = progress.next_offset
            if reached < position:
                raise StoreBehind(
                    f"{self._database} is stored up to offset {reached} of partition {partition}, but the flow "
                    f"had come to {position}: the store was restored from an older backup"
                )
            stored = StoredPositions(
                position,
                positions.stored_range(client, self._database, partition, position),
                lambda low, high: self._window(partition, low, high),
            )
            return Recovered(stored, progress, positions.ledger_version(client, self._database, partition))

        return self._with_client(read)

    def _end_predecessor(self, client: Client) -> None:
        # Once, before this life's first insert, which bears the same prefix.
        with self._ending:
            if not self._predecessor_ended:
                for prefix in self._prefixes:
                    positions.kill_inserts(client, f"{prefix}:", self._cluster)
                self._predecessor_ended = True

    def _window(self, partition: int, first: int, last: int) -> dict[int, int]:
        def read(client: Client) -> dict[int, int]:
            sync(client, self._cluster, self._database, "events")  # it may be another replica by now
            return positions.read_window(client, self._database, partition, first, last)

        return self._with_client(read)

    def _with_client(self, action: Callable[[Client], Answer]) -> Answer:
        def attempt(_number: int) -> Answer:
            client = self._connect()
            try:
                return action(client)
            finally:
                client.disconnect()

        return retrying(attempt, limit_s=self._limit_s, what="recovery")

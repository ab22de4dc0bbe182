"""Which worker of the flow owns which log partition: one row each, which is changed only by
whoever names the holder it has."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import exc, insert, select, update

from control.database import Database
from control.schema import flow_partition

NOBODY = ""  # the holder of a partition whose state is to be made from the log


class FlowPartition(Struct, frozen=True, kw_only=True):
    """Where a partition's state is. `seen_at` is UTC milliseconds, 0 after an orderly end."""

    partition: str
    holder: str
    place: str
    worker: str
    seen_at: int


class PartitionTable(Database):
    """Claims on partitions. `now` is UTC milliseconds."""

    def flow_partitions(self) -> dict[str, FlowPartition]:
        """Every partition that was ever claimed."""
        with self.reading() as connection:
            rows = [FlowPartition(**row._mapping) for row in connection.execute(select(flow_partition))]
        return {row.partition: row for row in rows}

    def adopt_partition(self, partition: str, holder: str, place: str, worker: str, *, now: int) -> bool:
        """The first claim on a partition; False if there is one."""
        values = {"partition": partition, "holder": holder, "place": place, "worker": worker, "seen_at": now}
        try:
            with self.writing(announce=False) as connection:
                connection.execute(insert(flow_partition).values(values))
        except exc.IntegrityError:
            return False
        return True

    def move_partition(
        self, partition: str, before: str, holder: str, place: str, worker: str, *, now: int
    ) -> bool:
        """Give a partition to another holder; False if `before` is not (or no longer) its holder."""
        mine = (flow_partition.c.partition == partition) & (flow_partition.c.holder == before)
        values = {"holder": holder, "place": place, "worker": worker, "seen_at": now}
        with self.writing(announce=False) as connection:
            return bool(connection.execute(update(flow_partition).where(mine).values(values)).rowcount)

    def see_partitions(
        self, holder: str, partitions: Collection[str], place: str, worker: str, *, now: int
    ) -> bool:
        """Say that a holder's worker lives (`now` 0: that it ended); False if it lost one of them."""
        table = flow_partition
        mine = (table.c.holder == holder) & table.c.partition.in_(list(partitions))
        values = {"place": place, "worker": worker, "seen_at": now}
        with self.writing(announce=False) as connection:
            return connection.execute(update(table).where(mine).values(values)).rowcount == len(partitions)

    def holds_partitions(self, holder: str, partitions: Collection[str]) -> bool:
        """Whether all of these are (still) this holder's."""
        table = flow_partition
        query = select(table.c.partition).where(table.c.holder == holder)
        with self.reading() as connection:
            return set(partitions) <= {row[0] for row in connection.execute(query)}

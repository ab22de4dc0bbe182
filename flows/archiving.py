"""The raw archive as a Bytewax sink: admitted records into the spool.

Delivery: each log position that holds events of a known site comes into the object store at least
once, whoever is killed, and is read once. The snapshot says how far the spool counts, and is made
once that is on the disk. An object store that is away holds nothing up until the spool is full.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from bytewax.outputs import StatefulSinkPartition

from flows.items import AdmittedChunk, Archived, PartitionKey
from flows.partitioned_sink import PartitionedSink
from flows.shipping import Shipper
from flows.spool import Spool, SpoolFrame
from flows.state_file import Token
from footfall.archive import DAY_MS, Entry, Packer, day_of

FRAME_BYTES = 256 * 1024  # unpacked: more of one site and day are packed at once
BUFFER_BYTES = 2 * 1024 * 1024  # of all sites

OpenSpool = Callable[[PartitionKey], Spool]


class ArchiveState(NamedTuple):
    """The recovery snapshot."""

    version: int
    token: Token


class Group:
    """Records of one site and day on their way to a frame."""

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.size = 0


class ArchivePartition(StatefulSinkPartition[AdmittedChunk, ArchiveState]):
    """One log partition's part of the archive."""

    def __init__(self, key: PartitionKey, spool: Spool, shipper: Shipper, resume: ArchiveState | None) -> None:
        self._key = key
        self._spool = spool
        self._shipper = shipper
        self._packer = Packer()
        self._groups: dict[tuple[str, int], Group] = defaultdict(Group)  # by site and day
        self._size = 0
        for segment in spool.start(resume.token if resume else ()):
            shipper.grow(segment.size)
            shipper.ship(key, segment, spool.shipped)

    def write_batch(self, values: list[AdmittedChunk]) -> None:
        """Keep the records; waits while the spool is full."""
        for chunk in values:
            for item in chunk.archived:
                self._add(item)
        if self._size >= BUFFER_BYTES:
            self._pack_all()
        self._ship_if_due()

    def _add(self, item: Archived) -> None:
        batch = item.batch
        day = item.log_time // DAY_MS
        group = self._groups[batch.record.site_id, day]
        geo = batch.geo
        group.entries.append(
            Entry(
                item.offset, item.log_time, item.raw, item.visitor_id,
                geo.country, geo.region, geo.city, batch.bot, item.left_out,
            )
        )  # fmt: skip
        group.size += len(item.raw)
        self._size += len(item.raw)
        if group.size >= FRAME_BYTES:
            self._pack(batch.record.site_id, day, group)

    def _pack_all(self) -> None:
        for (site_id, day), group in list(self._groups.items()):
            self._pack(site_id, day, group)

    def _pack(self, site_id: str, day: int, group: Group) -> None:
        del self._groups[site_id, day]
        self._size -= group.size
        entries = group.entries
        frame = SpoolFrame(
            site_id,
            day_of(day * DAY_MS).isoformat(),
            entries[0].offset,
            entries[-1].offset,
            len(entries),
            group.size,
            self._packer.entries(entries),
        )
        self._shipper.wait_for_room()
        self._shipper.grow(self._spool.append(frame))
        self._ship_if_due()

    def _ship_if_due(self) -> None:
        if self._spool.is_due and (segment := self._spool.seal()) is not None:
            self._shipper.ship(self._key, segment, self._spool.shipped)

    def snapshot(self) -> ArchiveState:
        """Everything so far is in the spool, on the disk."""
        self._pack_all()
        self._ship_if_due()
        return ArchiveState(1, self._spool.commit())


class ArchiveSink(PartitionedSink[AdmittedChunk, ArchiveState]):
    """One sink partition per log partition."""

    def __init__(self, keys: list[PartitionKey], open_spool: OpenSpool, shipper: Shipper) -> None:
        super().__init__(keys)
        self._open_spool = open_spool
        self._shipper = shipper

    def build_part(self, step_id: str, for_part: str, resume_state: ArchiveState | None) -> ArchivePartition:  # noqa: ARG002 - Bytewax's signature
        """Begin after the recovered position."""
        key = PartitionKey.parse(for_part)
        return ArchivePartition(key, self._open_spool(key), self._shipper, resume_state)

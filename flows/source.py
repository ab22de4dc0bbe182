"""Log partitions as a Bytewax source.

Delivery: exactly once into the flow's state. The position is part of the recovery
snapshot; a position the log no longer has stops the flow instead of skipping.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from eventlog.protocol import LogUnreachable, OffsetLost, Reader
from flows.beginning import Beginning, Beginnings
from flows.items import PartitionKey, RawChunk
from telemetry.incidents import Incident

logger = logging.getLogger(__name__)
MAX_RECORDS = 1_000
MAX_BYTES = 4 * 1024 * 1024
IDLE_POLL = timedelta(milliseconds=50)
# Once nothing came for so long, the worker's thread sleeps between two looks: Bytewax itself
# would wake a thousand times a second to see whether there is something to do.
QUIET_AFTER_S = 0.02
NAP_S = 0.1
COMMIT_EVERY_S = 0.5
GROUP = "flow"

ReaderFactory = Callable[[str], Reader]  # of a stage
# The next offset to read; and, while records are read again, up to where they are stored.
Position = int | tuple[int, int]


class Quiet:
    """When a record was last read by this process, and the naps of a worker that has none to read:
    one for as many looks as there are partitions, so that each is looked at about every `NAP_S`."""

    def __init__(self, stop: threading.Event, partitions: int) -> None:
        self._stop = stop
        self._partitions = partitions
        self._looks = 0
        self._busy_at = 0.0

    @property
    def now(self) -> bool:
        """Whether nothing was read of late."""
        return time.monotonic() - self._busy_at > QUIET_AFTER_S

    def busy(self) -> None:
        """A record was read."""
        self._busy_at = time.monotonic()

    def nap(self) -> None:
        """Sleep, where nothing was read of late; a request to stop ends it."""
        self._looks += 1
        if self._looks >= self._partitions:
            self._looks = 0
            if self.now:
                self._stop.wait(NAP_S)


class StageReader:
    """One topic's reader, shared by its partitions, and one cheap question whether
    anything was appended at all."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._version = 0
        self._asked = 0.0

    def version(self) -> int:
        """Grows when something was appended since it was last asked for."""
        now = time.monotonic()
        if now - self._asked >= IDLE_POLL.total_seconds() / 2:
            self._asked = now
            self._version += self.reader.changed()
        return self._version


class LogPartition(StatefulSourcePartition[RawChunk, Position | None]):
    """One log partition; the snapshot is the position."""

    def __init__(
        self,
        key: PartitionKey,
        stage: StageReader,
        offset: int,
        stop: threading.Event,
        quiet: Quiet,
        stored: int = 0,
    ) -> None:
        """`stored`: no chunk goes beyond this offset and begins before it (see `flows.beginning`)."""
        self._key = key
        self._stage = stage
        self._reader = stage.reader
        self._version = -1  # of the topic when this partition was last read
        self._offset = offset
        self._stop = stop
        self._quiet = quiet
        self._stored = stored
        self._idle = False
        self._committed = -1
        self._commit_due = 0.0
        self._incident = Incident(logger)

    def next_batch(self) -> Iterable[RawChunk]:
        """The next records, at once what is there."""
        if self._stop.is_set():
            raise StopIteration
        version = self._stage.version()
        if self._idle and version == self._version:
            self._quiet.nap()
            return ()
        try:
            records = self._reader.read(self._key.partition, self._offset, MAX_RECORDS, MAX_BYTES)
        except OffsetLost as error:
            raise OffsetLost(
                f"{error} If retention deleted records of {self._key} before they were read: lengthen "
                "FOOTFALL_LOG_RETENTION_HOURS (on Kafka run `footfall migrate` then). If the log was made anew or "
                "restored, it needs a store of its own. To go on without what is lost, run `footfall worker reset "
                f"{self._key}` (open sessions are then made again from what is left)."
            ) from error
        if records and self._offset < self._stored:
            records = [record for record in records if record.offset < self._stored]
            if not records:  # the offsets up to there hold nothing
                self._offset = self._stored
                return ()
        self._idle, self._version = not records, version
        self._show_position()
        if not records:
            return ()
        self._quiet.busy()
        self._offset = records[-1].offset + 1
        return (RawChunk(self._key, records),)

    def _show_position(self) -> None:
        """Make the position visible to `lag`; nothing depends on it."""
        now = time.monotonic()
        if self._offset != self._committed and now >= self._commit_due:
            try:
                self._reader.commit(GROUP, self._key.partition, self._offset)
                self._committed = self._offset
                self._incident.over(f"the position of {self._key} can be shown again")
            except (OSError, sqlite3.Error, LogUnreachable) as error:
                self._incident.met(f"the position of {self._key} cannot be shown: {error}")
            self._commit_due = now + COMMIT_EVERY_S

    def next_awake(self) -> datetime | None:
        """At once when there was something or a nap was taken, else after the poll interval."""
        return datetime.now(UTC) + IDLE_POLL if self._idle and not self._quiet.now else None

    def snapshot(self) -> Position:
        """Where to go on, and with the same cut: the sink's counts are of up to there."""
        return self._offset if self._offset >= self._stored else (self._offset, self._stored)


class DrainedPartition(StatefulSourcePartition[RawChunk, Position | None]):
    """A partition that is read no more: it keeps its position, for the case that it is again."""

    def __init__(self, position: Position | None) -> None:
        self._position = position

    def next_batch(self) -> Iterable[RawChunk]:
        """The end, at once."""
        raise StopIteration

    def snapshot(self) -> Position | None:
        """As it was."""
        return self._position


class LogSource(FixedPartitionedSource[RawChunk, Position | None]):
    """All partitions of the served stages' raw topics; `drained` ones of them are not read."""

    def __init__(
        self,
        keys: list[PartitionKey],
        open_reader: ReaderFactory,
        stop: threading.Event,
        beginnings: Beginnings | None = None,
        drained: Collection[PartitionKey] = (),
    ) -> None:
        """`beginnings`: where partitions without recovery state begin; without it at the log's beginning."""
        self._keys = keys
        self._beginnings = beginnings
        self._open_reader = open_reader
        self._stop = stop
        self._drained = drained
        self._quiet = Quiet(stop, sum(key not in drained for key in keys))
        self._stages: dict[str, StageReader] = {}

    def list_parts(self) -> list[str]:
        """The partition keys."""
        return [str(key) for key in self._keys]

    def build_part(
        self,
        step_id: str,  # noqa: ARG002 - Bytewax's signature
        for_part: str,
        resume_state: Position | None,
    ) -> LogPartition | DrainedPartition:
        """Begin at the recovered offset, or without one where `flows.beginning` says."""
        key = PartitionKey.parse(for_part)
        if key in self._drained:
            return DrainedPartition(resume_state)
        if key.stage not in self._stages:
            self._stages[key.stage] = StageReader(self._open_reader(key.stage))
        stage = self._stages[key.stage]
        begin = self._begin(key, stage.reader, resume_state)
        return LogPartition(key, stage, begin.offset, self._stop, self._quiet, begin.stored)

    def _begin(self, key: PartitionKey, reader: Reader, resume_state: Position | None) -> Beginning:
        if isinstance(resume_state, tuple):
            return Beginning(*resume_state)
        if self._beginnings is None:
            return Beginning(reader.bounds(key.partition)[0] if resume_state is None else resume_state)
        if resume_state is None:
            return self._beginnings.of(key)
        # Written by an older Footfall, or nothing is read again: then the cut changes nothing.
        return Beginning(resume_state, self._beginnings.reached(key))

"""What travels between the steps of a flow: whole chunks of log records.

Every item is keyed by its log partition ("prod-003"), so that Bytewax exchanges and
keeps state per partition and never per visitor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from eventlog.protocol import LogRecord
from footfall.enrich.batch import EnrichedBatch
from footfall.names import DropReason, QuarantineReason
from footfall.sessions.row import SessionRow


class PartitionKey(NamedTuple):
    """A log partition across stages; its text is the key of recovery state, so permanent."""

    stage: str
    partition: int

    def __str__(self) -> str:
        return f"{self.stage}-{self.partition:04d}"

    @classmethod
    def parse(cls, text: str) -> PartitionKey:
        """The inverse of `str`."""
        stage, number = text.rsplit("-", 1)
        return cls(stage, int(number))


class RawChunk(NamedTuple):
    """Consecutive log records of one partition."""

    key: PartitionKey
    records: list[LogRecord]


@dataclass(slots=True)
class Quarantined:
    """Input that could not be processed: redacted, and enough to replay it."""

    site_id: str
    reason: QuarantineReason
    detail: str
    payload: bytes
    index: int = 0  # in the record


@dataclass(slots=True)
class EnrichedRecord:
    """One log record after enrichment; `batch` is None where it holds no events to store."""

    offset: int
    log_time: int  # ms
    site_id: str = ""
    batch: EnrichedBatch | None = None
    batch_key: int = 0  # 0: takes no part in duplicate suppression
    accepted: int = 0  # events the gateway let in; of a replay, how many are replayed
    rejected: dict[str, int] = field(default_factory=dict)
    lost: int = 0  # events that the sender says it dropped
    dropped: list[DropReason] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    heartbeat_at: int = 0  # ms; only on heartbeats
    raw: bytes = b""  # as it is in the log, for the archive
    replayed: bool = False  # out of the archive
    withdrawn: EnrichedBatch | None = None  # of a replay: what is to count no more


class EnrichedChunk(NamedTuple):
    """A raw chunk, decoded and enriched."""

    key: PartitionKey
    records: list[EnrichedRecord]


class Admitted(NamedTuple):
    """Events of one record that go to the store."""

    offset: int
    log_time: int
    visitor_id: int
    batch: EnrichedBatch
    places: list[int] | None  # which of the batch's events; None: all
    late: list[bool] | None  # parallel to the batch's events; None: none is late


class Archived(NamedTuple):
    """A record for the raw archive, and what was found out about it."""

    offset: int
    log_time: int
    raw: bytes
    visitor_id: int
    batch: EnrichedBatch
    left_out: list[int]  # places in the record of duplicates and of what went into quarantine


class Identity(NamedTuple):
    """A visitor told who they are."""

    site_id: str
    visitor_id: int
    user_id: str
    since: int  # ms


class Count(NamedTuple):
    """Key of the ledger: what became of how many events on which UTC day of log time."""

    site_id: str
    day: int  # days since 1970
    outcome: str
    reason: str


@dataclass(slots=True)
class AdmittedChunk:
    """What a chunk became: everything the sinks need, in log order."""

    key: PartitionKey
    next_offset: int
    log_time: int
    heartbeat_at: int = 0
    look_up_before: int = 0  # events that occurred before this (ms) may be stored already
    admitted: list[Admitted] = field(default_factory=list)
    sessions: list[SessionRow] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    quarantined: list[tuple[int, int, Quarantined]] = field(default_factory=list)  # offset, log_time, what
    counts: dict[Count, int] = field(default_factory=dict)
    archived: list[Archived] = field(default_factory=list)  # empty where no archive is kept

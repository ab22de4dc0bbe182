"""What is gathered between two flushes."""

from __future__ import annotations

from typing import NamedTuple

from footfall.sessions.row import SessionRow
from sinks.event_block import EventBlock, Position
from sinks.rows import IdentityRow


class Day(NamedTuple):
    """Where the ledger counts an event."""

    partition: int
    site_id: str
    day: int  # UTC day of log time, since 1970
    replayed: bool = False


class Replayed(NamedTuple):
    """An event out of the archive: what it is to replace, and where it counts."""

    origin: Position  # where it was in the log when it was archived
    withdrawn: bool
    day: Day


class Progress(NamedTuple):
    """How far a partition is stored."""

    next_offset: int
    log_time: int
    heartbeat_at: int


class Buffer:
    """Rows of all tables, in the order in which they are stored. Not thread-safe."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.begun: float | None = None  # monotonic clock at the first row
        self.events = EventBlock()
        self.look_up: dict[Position, Day] = {}  # events that may be stored already
        self.replayed: dict[Position, Replayed] = {}  # events that may be another's to replace
        self.counts: dict[Day, int] = {}  # how many events
        self.sessions: list[SessionRow] = []
        self.identities: list[IdentityRow] = []
        self.quarantine: list[tuple[object, ...]] = []
        self.ledger: dict[tuple[object, ...], tuple[object, ...]] = {}  # key -> row: the last counts
        self.progress: dict[int, Progress] = {}

    @property
    def rows(self) -> int:
        """What is bounded: the rows that grow with the traffic."""
        return self.events.rows + len(self.sessions) + len(self.identities) + len(self.quarantine)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to store."""
        return self.begun is None

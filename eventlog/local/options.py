"""How a local log is set up, and how many bytes and seconds everything may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
HOUR_MS = 3_600_000


def wall_ms() -> int:
    """The wall clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of one topic's directory. Every process that opens it should pass the same."""

    directory: Path
    partitions: int
    segment_bytes: int = 64 * MIB  # a segment that reaches this (file and WAL) is sealed
    segment_age_ms: int = 24 * HOUR_MS  # so that retention by age works where little happens
    queue_bytes: int = 64 * MIB  # waiting for the disk; above it LogFull at once
    commit_bytes: int = 4 * MIB  # most that one commit, and so one frame, holds
    min_free_bytes: int = 256 * MIB  # refuse before SQLite or others run out of disk
    retention_ms: int | None = None
    retention_bytes: int | None = None
    upkeep_s: float = 60.0  # how often retention runs, besides whenever a segment is sealed
    busy_s: float = 5.0  # longest wait for another process's commit
    clock: Callable[[], int] = wall_ms
    synchronous: str = "FULL"  # anything less loses acknowledged records in a power cut

    def __post_init__(self) -> None:
        if not 1 <= self.partitions <= 1024:
            raise ValueError(f"partitions must be 1 to 1024, not {self.partitions}")
        if self.synchronous not in ("FULL", "OFF"):
            raise ValueError("synchronous is FULL, or OFF to show what a power cut then loses")

"""What `status` knows of everything at one moment, and how it says so."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from cli.trouble import Trouble
from footfall.names import Outcome


class PartHealth(Struct):
    """One process of `footfall up`."""

    name: str
    state: str
    pid: int
    up_s: float
    restarts: int


class PartitionHealth(Struct):
    """One log partition: what is stored of it, and what waits."""

    partition: int
    heartbeat_age_s: float | None = None
    waiting_records: int = 0  # in the log, not in the store
    end: int = 0  # offset of the next append


class SiteLedger(Struct):
    """What became of one site's events since midnight UTC."""

    site_id: str
    counts: dict[str, int]

    @property
    def open(self) -> int:
        """Accepted events that are neither stored, duplicate, dropped nor set aside (yet)."""
        get = self.counts.get
        ends = (Outcome.STORED, Outcome.DUPLICATE, Outcome.DROPPED, Outcome.QUARANTINED)
        return get(Outcome.ACCEPTED, 0) - sum(get(outcome, 0) for outcome in ends)


class Health(Struct):
    """Everything at one moment."""

    ok: bool = False
    arrives: bool = False  # what is accepted reaches the store
    verdict: str = ""
    heartbeat_age_s: float | None = None
    dev_heartbeat_age_s: float | None = None
    parts: list[PartHealth] = []
    partitions: list[PartitionHealth] = []
    ledger: list[SiteLedger] = []
    open_sessions: int | None = None
    repair_backlog: int | None = None
    disk_free_bytes: int = 0
    data_bytes: int = 0
    archive_bytes: int | None = None  # that wait for the object store; None: no archive is kept
    troubles: list[Trouble] = []
    problems: list[str] = []  # in words: the troubles, and what could not be asked

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**msgspec.to_builtins(self), "ledger_open": sum(site.open for site in self.ledger)}

    def lines(self) -> list[str]:
        """What follows the table of parts."""
        waiting = ", ".join(f"{p.waiting_records:,}" for p in self.partitions)
        lines = [f"log      records waiting to be stored, by partition: {waiting}"]
        for site in self.ledger:
            got = {name: count for name, count in site.counts.items() if count}
            sums = ", ".join(f"{name} {count:,}" for name, count in got.items())
            lines.append(
                f"today    {site.site_id}: {sums}" + (f"; {site.open:,} on their way" if site.open else "")
            )
        lines.append(
            f"sessions {_number(self.open_sessions)} open; {_number(self.repair_backlog)} visitors wait for repair"
        )
        if self.disk_free_bytes or self.data_bytes:  # else there is no data directory yet
            used, free = self.data_bytes / 1024**2, self.disk_free_bytes / 1024**3
            lines.append(f"disk     {used:,.0f} MiB used, {free:,.1f} GiB free")
        if self.archive_bytes is not None:
            lines.append(f"archive  {self.archive_bytes / 1024**2:,.1f} MiB in the spool of the raw archive")
        return lines + [f"problem  {text}" for text in self.problems]


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"

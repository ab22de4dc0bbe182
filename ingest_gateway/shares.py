"""Who may wait for the log: no site fills the queue, and the queue is never longer than is worth waiting for.

Room is shared by a dynamic threshold (as switches share their buffers): a site may hold as much as is still
free. One that floods gets half, two get a third each, and whoever comes next always finds room. The room itself
follows the log's speed: while the oldest request waits longer than `patience_s` it shrinks, else it grows back.
Without that a slow log would answer everything too late, and so nothing. A little is let in from every site even
while the room shrinks.
"""

from __future__ import annotations

# Patience as a share of the gateway's timeout: 1 s of 10.
PATIENCE = 0.1
FLOOR_BYTES = 256 * 1024  # as much is always let in, or a short pause of the disk would turn away normal load
ALWAYS_BYTES = 32 * 1024  # what a site may have waiting whatever others have, as long as the queue holds it
SHRINK, GROW = 0.7, 1.1  # at each look (`deadlines.SWEEP_S`); growing is the slower one, since it is seen late


class Shares:
    """Bytes that wait for one log, or (where partitions wait apart) one partition, by site."""

    def __init__(self, limit: int, patience_s: float) -> None:
        self._limit = float(limit)
        self._room = float(limit)
        self._patience_s = patience_s
        self._total = 0
        self._held: dict[str, int] = {}

    def take(self, site: str, size: int) -> bool:
        """Whether this site may have `size` bytes more waiting. Where nothing waits, anybody may."""
        held = self._held.get(site, 0) + size
        if self._total and (
            self._total + size > self._limit or held > max(self._room - self._total, ALWAYS_BYTES)
        ):
            return False
        self._held[site] = held
        self._total += size
        return True

    def give_back(self, site: str, size: int) -> None:
        """They are durable, or given up."""
        self._total -= size
        left = self._held[site] - size
        if left:
            self._held[site] = left
        else:
            del self._held[site]

    def adapt(self, oldest_s: float) -> None:
        """Look at how long the oldest request has been waiting."""
        if oldest_s > self._patience_s:
            floor = min(self._limit, FLOOR_BYTES)
            self._room = max(floor, min(self._room, 2.0 * self._total) * SHRINK)
        else:
            self._room = min(self._limit, self._room * GROW)

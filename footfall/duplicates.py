"""Memory of the batches seen of late: a retried batch is recognised and left out."""

from __future__ import annotations

from collections import deque

GENERATIONS = 6
# Of one partition: an hour of 140 batches a second. Beyond, the horizon gets shorter and
# more is looked up in the base table. About 50 MB.
LIMIT = 500_000


def batch_key(batch_id: bytes) -> int:
    """The 64 bits a batch is remembered by: both halves of its UUID, as versions differ in
    which of them is random."""
    return int.from_bytes(batch_id[:8], "big") ^ int.from_bytes(batch_id[8:], "big")


class BatchMemory:
    """Batch keys of the last `horizon_ms` of log time, at most `limit` of them.

    Kept in generations, so that forgetting is dropping a whole set. `oldest` says from
    which log time on the memory is complete: an event that may be older than that must
    be looked up in the base table instead (from the first batch on, where nothing was told).
    """

    def __init__(self, horizon_ms: int, limit: int = LIMIT) -> None:
        self._span = max(1, horizon_ms // GENERATIONS)
        self._limit = max(1, limit // GENERATIONS)
        self._generations: deque[tuple[int, set[int]]] = deque()
        self.oldest = 0

    def start(self, log_time: int) -> None:
        """The memory is complete from here on (what came since is about to be told)."""
        self.oldest = log_time

    def seen(self, key: int, log_time: int) -> bool:
        """Whether the key is known; remembers it. `log_time` (ms) never runs backwards."""
        generations = self._generations
        if not generations and not self.oldest:
            self.oldest = log_time  # nothing is known of what came before
        if not generations or log_time - generations[-1][0] >= self._span:
            self._begin(log_time)
        newest = generations[-1][1]
        if key in newest:
            return True
        for _, keys in generations:
            if key in keys:
                return True
        newest.add(key)
        if len(newest) >= self._limit:
            self._begin(log_time)
        return False

    def _begin(self, log_time: int) -> None:
        """Start a generation and forget those wholly beyond the horizon."""
        self._generations.append((log_time, set()))
        while len(self._generations) > GENERATIONS + 1:
            self._generations.popleft()
            self.oldest = self._generations[0][0]

    def __len__(self) -> int:
        return sum(len(keys) for _, keys in self._generations)

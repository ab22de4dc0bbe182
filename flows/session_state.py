"""How a partition's `SessionShard` gets to its state file and back: what changed at the
end of every epoch, the rest again now and then, so that the file does not grow for ever."""

from __future__ import annotations

from array import array
from typing import Any

from flows.state_file import StateFile
from footfall.sessions import Policy, SessionShard, Snapshot

TOKEN_FORMAT = 2  # beside SessionShard.snapshot()'s formats: the same field of recovery state holds it
DRAIN_AT = 1024  # changes written ahead of an epoch's end, so that little is left for it
COPY_STEPS = 16  # a rewrite takes this many epochs
MIN_REWRITE = 8 * 1024 * 1024  # bytes; a smaller state is not worth a rewrite
MAX_SEGMENTS = 8  # every start adds one


class SessionState:
    """One partition's sessions on disk. Disk: about three times the encoded state plus
    what twice COPY_STEPS epochs write, and for three epochs what a rewrite replaced."""

    def __init__(self, file: StateFile) -> None:
        self._file = file
        self._rewrite_at = MIN_REWRITE  # size of the file
        self._waiting: array[int] | None = None  # of a rewrite: who was not copied yet
        self._step = 0
        self._copied = 0  # bytes
        self._since = 0  # first segment of the rewrite

    def open(self, resume: Snapshot | None, policy: Policy) -> SessionShard:
        """The shard as it was at the snapshot; an empty one without. A snapshot from before
        there was a file goes on too."""
        if resume is not None and resume[0] == TOKEN_FORMAT:
            self._file.start(tuple((number, end) for number, end in resume[1]))
            shard = SessionShard.from_deltas(self._file.frames(), policy)
            self._rewrite_at = max(MIN_REWRITE, 3 * shard.cold_bytes)
            if len(self._file.segments) > MAX_SEGMENTS:  # so often started that no rewrite came to its end
                self._write_whole(shard)
            return shard
        self._file.start()
        if resume is None:
            return SessionShard(policy)
        shard = SessionShard.restore(resume, policy)
        self._write_whole(shard)
        return shard

    def _write_whole(self, shard: SessionShard) -> None:
        self._file.rotate()
        self._file.append(shard.copy(shard.visitor_ids(), aliases=True))
        self._file.drop_before(self._file.segments[-1])
        self._rewrite_at = max(MIN_REWRITE, 2 * self._file.size)

    def drain(self, shard: SessionShard) -> None:
        """Write ahead where much has changed. To be called between epochs' ends."""
        if shard.changed >= DRAIN_AT:
            self._file.append(shard.delta(everything=False))

    def snapshot(self, shard: SessionShard) -> tuple[Any, ...]:
        """Make the shard's state durable; the token to find it by."""
        begins = self._waiting is None and self._file.size > self._rewrite_at
        if begins:
            self._file.rotate()
            self._since, self._copied = self._file.segments[-1], 0
        self._file.append(shard.delta())
        if begins:
            self._waiting = shard.visitor_ids()
            self._step = len(self._waiting) // COPY_STEPS + 1
            self._file.append(shard.copy((), aliases=True))
        if self._waiting is not None:
            self._copy(shard, self._waiting)
        return (TOKEN_FORMAT, self._file.commit())

    def _copy(self, shard: SessionShard, waiting: array[int]) -> None:
        payload = shard.copy(waiting[-self._step :])
        del waiting[-self._step :]
        self._file.append(payload)
        self._copied += len(payload)
        if not waiting:
            self._waiting = None
            self._file.drop_before(self._since)
            self._rewrite_at = self._file.size + max(MIN_REWRITE, self._copied)


def require_inline(resume: Snapshot) -> Snapshot:
    """A snapshot that holds the sessions itself. ValueError where it is a token of a file."""
    if resume[0] == TOKEN_FORMAT:
        raise ValueError("the sessions of this recovery state are in a state file: give its directory")
    return resume

"""Commits: puts frames at the heads of the active segment, seals it, goes on to the next.

A commit is a single INSERT in autocommit mode. Every call that lets go of Python's global
lock may wait up to 5 ms (`sys.setswitchinterval`) to get it back from a busy event loop;
BEGIN, SELECT, INSERT, COMMIT would be four such calls, and a stat of the file is one, so
that is done now and then only. Offsets come from the heads as this writer last saw
them; if another process has appended since, the primary key refuses the whole statement,
and it is done again inside BEGIN IMMEDIATE with heads read there.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eventlog.local import files, segment
from eventlog.local.options import Options
from eventlog.local.segment import Head, Segment
from eventlog.protocol import WrongLogError

logger = logging.getLogger(__name__)

# After another process got in between, that many commits take the lock first: retrying
# without it would lose the race again and again while that process keeps appending.
LOCKED_COMMITS = 64
# How often the segment's size is looked up, and whether it is still there.
LOOK_BYTES = 1024 * 1024
LOOK_S = 1.0
_ROW = "(?,?,?,?,?)"


class Frame(NamedTuple):
    """One row to be."""

    partition: int
    length: int  # records
    crc: int
    data: bytes


def frames_of(parts: Mapping[int, Sequence[bytes]]) -> list[Frame]:
    """One frame for each partition."""
    frames = []
    for partition, values in sorted(parts.items()):
        data = segment.pack(values)
        frames.append(Frame(partition, len(values), segment.checksum(data), data))
    return frames


class SegmentWriter:
    """Appends frames durably. One thread at a time; other processes may do the same.

    `sealed` collects segments that are full: whoever takes one checkpoints the rest of its
    WAL and closes it.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._active: Segment | None = None
        self._heads: list[Head] = []
        self._locked = 0
        self._looked_at = 0.0
        self._since_look = 0  # bytes
        self._full = False
        self.sealed: list[Segment] = []

    def commit(self, frames: Sequence[Frame]) -> None:
        """Returns once the frames are durable. Raises `sqlite3.Error`, `OSError` or
        `LogDamaged`; nothing is kept then."""
        deadline = time.monotonic() + self._options.busy_s
        while time.monotonic() <= deadline:
            active = self._ready(deadline)
            try:
                self._look(active, sum(len(frame.data) for frame in frames))
                self._insert(active, frames, deadline)
            except FileNotFoundError:
                self._drop()  # sealed by another process and gone by retention
            except sqlite3.IntegrityError:
                self._locked = LOCKED_COMMITS
                self._heads = []
            except sqlite3.Error as error:
                self._heads = []
                if segment.code_of(error) != sqlite3.SQLITE_FULL:
                    self._drop()  # a new connection starts from what is on the disk
                raise segment.as_damage(active.path, error) from error
            else:
                return self._seal_if_full(active)
        raise TimeoutError("other processes kept getting in between")

    def close(self) -> None:
        """Close the active segment."""
        self._drop()

    def _drop(self) -> None:
        if self._active is not None:
            self._active.close()
        self._active, self._heads = None, []

    def _ready(self, deadline: float) -> Segment:
        """The active segment with its heads known, following seals of any process."""
        while True:
            if self._active is None:
                self._active = self._open_newest()
            if not self._heads:
                self._heads = self._active.heads()
            if not self._heads[0].sealed:
                return self._active
            if time.monotonic() > deadline:
                raise TimeoutError("segments were sealed by other processes faster than this one could follow")
            self._leave(self._active)

    def _leave(self, sealed: Segment) -> None:
        """Make the segment after a sealed one, unless another process has."""
        options = self._options
        number = int(sealed.path.stem) + 1
        with files.directory_lock(options.directory):
            if files.newest_segment(options.directory) < number:
                starts = [head._replace(sealed=False) for head in self._heads]
                segment.create(files.segment_path(options.directory, number), starts, options.clock())
        self._active, self._heads = None, []
        self.sealed.append(sealed)

    def _open_newest(self) -> Segment:
        options = self._options
        path = files.segment_path(options.directory, files.newest_segment(options.directory))
        # No waiting in SQLite: its busy handler sleeps up to 100 ms, too coarse between commits.
        opened = Segment(path, synchronous=options.synchronous, busy_s=options.busy_s)
        opened.db.execute("PRAGMA busy_timeout=0")
        self._looked_at, self._full = 0.0, False
        try:
            opened.require_partitions(options.partitions)
        except WrongLogError:
            opened.close()
            raise
        return opened

    def _look(self, active: Segment, coming: int) -> None:
        """Now and then: is the segment full, and is it still there? Somebody may have
        removed it, and then it must take no more records (`FileNotFoundError`)."""
        options = self._options
        self._since_look += coming
        now = time.monotonic()
        due = min(LOOK_BYTES, options.segment_bytes // 16)
        if self._since_look < due and now - self._looked_at < LOOK_S:
            return
        self._looked_at, self._since_look = now, 0
        old = options.clock() - active.created_at >= options.segment_age_ms
        self._full = old or active.size() + coming >= options.segment_bytes

    def _insert(self, active: Segment, frames: Sequence[Frame], deadline: float) -> None:
        if not self._locked:
            return self._execute(active.db, frames, deadline)
        self._locked -= 1
        self._wait("BEGIN IMMEDIATE", active.db, (), deadline)
        try:
            self._heads = active.heads()
            self._execute(active.db, frames, deadline)
            active.db.execute("COMMIT")
        except BaseException:
            self._heads = []
            if active.db.in_transaction:
                active.db.execute("ROLLBACK")
            raise
        return None

    def _execute(self, db: sqlite3.Connection, frames: Sequence[Frame], deadline: float) -> None:
        """Insert at the heads; on success the heads move on."""
        now = self._options.clock()
        heads = list(self._heads)
        row: list[int | bytes] = []
        for partition, length, crc, data in frames:
            offset, last, _ = heads[partition]
            log_time = max(last, now)
            row += (segment.key(partition, offset), length, log_time, crc, data)
            heads[partition] = Head(offset + length, log_time, length == 0)
        self._wait(f"INSERT INTO frames VALUES {','.join([_ROW] * len(frames))}", db, row, deadline)  # noqa: S608 - placeholders only
        self._heads = heads

    def _wait(self, sql: str, db: sqlite3.Connection, row: Sequence[int | bytes], deadline: float) -> None:
        """Run a statement, waiting with jitter while another process commits."""
        while True:
            try:
                db.execute(sql, row)
                return
            except sqlite3.OperationalError as error:
                if segment.code_of(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.0002, 0.001))

    def _seal_if_full(self, active: Segment) -> None:
        """Seal and leave a segment that is large or old enough. Failing is no failure of
        the commit that came before: the next one tries again."""
        if not self._full:
            return
        try:
            self._seal(active)
        except (sqlite3.Error, OSError) as error:
            logger.warning("cannot go on to a new segment yet: %s", error)
            self._drop()

    def _seal(self, active: Segment) -> None:
        ends = [Frame(partition, 0, 0, b"") for partition in range(self._options.partitions)]
        self._locked = max(self._locked, 1)
        try:
            self._insert(active, ends, time.monotonic() + self._options.busy_s)
        except sqlite3.IntegrityError:
            self._heads = []  # another process has sealed it
            return
        self._leave(active)

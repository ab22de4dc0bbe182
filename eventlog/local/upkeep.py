"""Off the writer's thread: closes sealed segments and removes those past retention.

Commits write the WAL back in small steps as they go; what a sealed segment's WAL still
holds, a few MiB, is written back here.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from eventlog import metrics
from eventlog.local import files
from eventlog.local.options import Options
from eventlog.local.segment import Segment
from eventlog.protocol import LogDamaged, WrongLogError

logger = logging.getLogger(__name__)

MOST_PENDING = 4  # sealed segments that wait for their checkpoint; more are done at once


def checkpoint(sealed: Segment) -> bool:
    """Write a segment's WAL back into its file, durably; False if a reader is in the way."""
    busy, _, _ = sealed.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def apply_retention(options: Options) -> list[Path]:
    """Remove the oldest segments by age and total size, never the newest; returns them.

    A reader that has one open reads on to its end. Only what is checkpointed goes, since
    such a reader may open the WAL only after it was removed.
    """
    removed = []
    with files.directory_lock(options.directory):
        _finish_half_removed(options.directory)
        paths = [files.segment_path(options.directory, n) for n in files.segment_numbers(options.directory)]
        total = sum(map(files.size_on_disk, paths))
        for path, successor in pairwise(paths):
            too_large = options.retention_bytes is not None and total > options.retention_bytes
            if not (too_large or _too_old(options, successor)) or not _settle(path):
                break
            total -= files.size_on_disk(path)
            files.unlink_segment(path)
            removed.append(path)
        if removed:
            files.sync_directory(options.directory)
            metrics.SEGMENTS_REMOVED.inc(len(removed))
    return removed


def _too_old(options: Options, successor: Path) -> bool:
    """A segment is too old once its last record is: its successor was made just after."""
    if options.retention_ms is None:
        return False
    opened = Segment(successor)
    try:
        newest = max(head.log_time for head in opened.starts)
    finally:
        opened.close()
    return newest < options.clock() - options.retention_ms


def _settle(path: Path) -> bool:
    """Checkpoint a sealed segment; True if nothing is left in its WAL. Mostly there is no
    WAL any more, and then nothing is opened: that would need room on a full disk."""
    if files.size_on_disk(files.side_path(path, "-wal")) == 0:
        return True
    opened = Segment(path)
    try:
        return checkpoint(opened)
    finally:
        opened.close()


def _finish_half_removed(directory: Path) -> None:
    """Side files whose segment is gone: of a crash between the two unlinks, or made by a
    reader that still had the segment open."""
    kept = {files.segment_path(directory, number).name for number in files.segment_numbers(directory)}
    for path in directory.iterdir():
        for suffix in files.SIDE_FILES:
            owner = path.name.removesuffix(suffix)
            if owner != path.name and owner.endswith(files.SUFFIX) and owner not in kept:
                path.unlink(missing_ok=True)


def checkpoint_left_over(options: Options) -> None:
    """Checkpoint what a process that died had sealed and not written back."""
    for number in files.segment_numbers(options.directory)[:-1]:
        _settle(files.segment_path(options.directory, number))


class Upkeep:
    """The thread that does this for one appender."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._pending: list[Segment] = []
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log-upkeep", daemon=True)
        self._thread.start()

    def take(self, sealed: list[Segment]) -> None:
        """Take over what the writer has sealed, emptying its list. Where this thread is
        far behind, the caller waits for one checkpoint: WALs must not pile up."""
        while sealed:
            self._pending.append(sealed.pop())
            if len(self._pending) > MOST_PENDING:
                self._checkpoint_pending()
            self._wake.set()

    def close(self, timeout_s: float) -> None:
        """Finish and stop."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing:
            self._checkpoint_pending()
            self._guarded(self._round)
            self._wake.wait(self._options.upkeep_s)
            self._wake.clear()
        self._checkpoint_pending()

    def _round(self) -> None:
        checkpoint_left_over(self._options)
        for path in apply_retention(self._options):
            logger.info("retention removed %s", path.name)

    def _guarded(self, work: Callable[[], object]) -> None:
        """A failure here costs disk, not records: say so, and try again next time."""
        try:
            work()
        except (sqlite3.Error, OSError, LogDamaged, WrongLogError) as error:
            logger.warning("upkeep of the log failed, next try in %.0f s: %s", self._options.upkeep_s, error)

    def _checkpoint_pending(self) -> None:
        while self._pending:
            try:
                sealed = self._pending.pop()
            except IndexError:  # the other thread took it
                return
            try:
                self._guarded(partial(checkpoint, sealed))
            finally:
                sealed.close()

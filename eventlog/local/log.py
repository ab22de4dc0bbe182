"""One topic in a directory: `<data>/log/prod.raw/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventlog.local import files, segment, upkeep
from eventlog.local.appender import LocalAppender
from eventlog.local.options import Options
from eventlog.local.reader import LocalReader
from eventlog.local.segment import Head, Segment
from eventlog.protocol import Lag, OnDone


class LocalLog:
    """See `eventlog.protocol.EventLog`. Any number of processes may open it, to append
    and to read; each opens its own after any fork."""

    def __init__(self, directory: Path, partitions: int, **options: Any) -> None:
        """Open the log, making it where there is none. `options`: see `Options`.

        Raises `WrongLogError` where it was made with another number of partitions or by
        another version, `LogDamaged` where its newest segment cannot be read.
        """
        self.options = Options(directory=directory, partitions=partitions, **options)
        self.partitions = partitions
        files.make_directory(directory)
        with files.directory_lock(directory):
            if not files.segment_numbers(directory):
                starts = [Head(0, 0, False)] * partitions
                segment.create(files.segment_path(directory, 1), starts, self.options.clock())
            newest = Segment(files.segment_path(directory, files.newest_segment(directory)))
        try:
            newest.require_partitions(partitions)
        finally:
            newest.close()

    def appender(self, on_done: OnDone | None = None) -> LocalAppender:
        """See `EventLog.appender`. Make one per process, it is shared by its threads."""
        return LocalAppender(self.options, on_done)

    def reader(self) -> LocalReader:
        """See `EventLog.reader`."""
        return LocalReader(self.options)

    def lag(self, group: str) -> list[Lag]:
        """How far a consumer group is behind, per partition."""
        reader = self.reader()
        try:
            return reader.lag(group)
        finally:
            reader.close()

    def apply_retention(self) -> list[Path]:
        """Remove what is past retention now; an appender does so by itself."""
        return upkeep.apply_retention(self.options)


def partitions_made(directory: Path) -> int:
    """How many partitions the log there was made with; 0 where there is none."""
    if not directory.exists() or not files.segment_numbers(directory):
        return 0
    with files.directory_lock(directory):
        newest = Segment(files.segment_path(directory, files.newest_segment(directory)))
    try:
        return len(newest.starts)
    finally:
        newest.close()

"""Whether anything was appended: SQLite's data_version of the newest segment.

Not the WAL's size or time: those change before the commit can be seen, and not again when
it can. The connection is this object's own, since the number means something only within
one connection.
"""

from __future__ import annotations

from eventlog.local import files
from eventlog.local.options import Options
from eventlog.local.segment import Segment


class Tail:
    """Watches the newest segment."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._segment: Segment | None = None
        self._version = 0
        self._sealed = False

    def changed(self) -> bool:
        """See `Reader.changed`."""
        if (self._segment is None or self._sealed) and self._moved():
            return True
        assert self._segment is not None  # _moved opens one or raises
        version = self._segment.data_version()
        if version == self._version:
            return False
        self._look(self._segment, version)
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _moved(self) -> bool:
        """Go to the newest segment, if that is another one."""
        path = files.segment_path(self._options.directory, files.newest_segment(self._options.directory))
        if self._segment is not None and self._segment.path == path:
            return False
        opened = Segment(path, busy_s=self._options.busy_s)
        self.close()
        self._segment = opened
        self._look(opened, opened.data_version())
        return True

    def _look(self, opened: Segment, version: int) -> None:
        """The version first: a seal after it then shows as another change."""
        self._version = version
        self._sealed = opened.sealed()

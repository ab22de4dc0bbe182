"""Which segments there are, which of them holds an offset, and a few open ones."""

from __future__ import annotations

import sqlite3

from eventlog.local import files
from eventlog.local.options import Options
from eventlog.local.segment import Segment
from eventlog.protocol import OffsetLost, WrongLogError

MOST_OPEN = 8
ATTEMPTS = 10  # each lost race is one segment that retention took while we looked


class Catalog:
    """A reader's view of the directory. Not thread-safe."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._numbers: list[int] = []
        self._open: dict[int, Segment] = {}  # in order of use

    def newest(self) -> int:
        """The newest segment, looked up on the disk."""
        self._numbers = files.segment_numbers(self._options.directory)
        if not self._numbers:
            raise OffsetLost(f"{self._options.directory} holds no segment any more")
        return self._numbers[-1]

    def oldest(self) -> Segment:
        """The oldest segment that is still there."""
        for _ in range(ATTEMPTS):
            self.newest()
            try:
                return self.open(self._numbers[0])
            except FileNotFoundError:
                continue
        raise OffsetLost("segments go faster than they can be opened: is retention far too small?")

    def after(self, number: int) -> int | None:
        """The next segment after `number`, if there is one yet."""
        self.newest()
        return next((later for later in self._numbers if later > number), None)

    def find(self, partition: int, offset: int, hint: int | None) -> int:
        """The last segment that starts at or before `offset`; `OffsetLost` if none does."""
        if hint is not None and hint in self._open and self._open[hint].starts[partition].offset <= offset:
            return hint
        for _ in range(ATTEMPTS):
            self.newest()
            try:
                return self._search(partition, offset)
            except FileNotFoundError:
                continue
        raise OffsetLost(f"partition {partition}: segments go faster than offset {offset} can be found")

    def open(self, number: int) -> Segment:
        """The segment, opened if it was not; `FileNotFoundError` if it is gone."""
        opened = self._open.pop(number, None)
        if opened is None:
            opened = self._opened(number)
        self._open[number] = opened
        if len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open))).close()
        return opened

    def close(self) -> None:
        """Close all."""
        while self._open:
            self._open.popitem()[1].close()

    def _opened(self, number: int) -> Segment:
        path = files.segment_path(self._options.directory, number)
        try:
            opened = Segment(path, busy_s=self._options.busy_s)
        except sqlite3.OperationalError as error:
            if not path.exists():  # retention was quicker
                raise FileNotFoundError(path) from error
            raise
        try:
            opened.require_partitions(self._options.partitions)
        except WrongLogError:
            opened.close()
            raise
        return opened

    def _search(self, partition: int, offset: int) -> int:
        low, high = 0, len(self._numbers)
        while low < high:
            middle = (low + high) // 2
            if self.open(self._numbers[middle]).starts[partition].offset <= offset:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            first = self.open(self._numbers[0]).starts[partition].offset
            raise OffsetLost(f"partition {partition} starts at {first}: offset {offset} is gone (retention)")
        return self._numbers[low - 1]

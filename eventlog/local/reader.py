"""The reading side: committed records, from any process, nothing held open in between.

Each call is one or a few SELECTs run to their end, so no reader ever keeps a WAL from
being checkpointed or pins a file. Connections to a few segments stay open.
"""

from __future__ import annotations

import sqlite3

from eventlog.local import segment
from eventlog.local.catalog import ATTEMPTS, Catalog
from eventlog.local.options import Options
from eventlog.local.positions import Positions
from eventlog.local.segment import Segment, key
from eventlog.local.tail import Tail
from eventlog.protocol import Lag, LogRecord, OffsetLost


class LocalReader:
    """See `eventlog.protocol.Reader`."""

    def __init__(self, options: Options) -> None:
        self.partitions = options.partitions
        self._catalog = Catalog(options)
        self._positions = Positions(options.directory / "positions.db")
        self._at: dict[int, int] = {}  # partition -> segment last read
        self._rest: dict[int, list[LogRecord]] = {}  # what of the last frame was not asked for
        self._tail = Tail(options)

    def read(self, partition: int, offset: int, max_records: int, max_bytes: int) -> list[LogRecord]:
        """See `Reader.read`. May return less than there is where a segment ends."""
        if not 0 <= partition < self.partitions:
            raise ValueError(f"no partition {partition}: the log has {self.partitions}")
        if max_records < 1 or max_bytes < 1:
            raise ValueError("max_records and max_bytes are at least 1")
        rest = self._rest.pop(partition, None)
        if rest and rest[0].offset == offset:
            return self._cut(partition, rest, max_records, max_bytes)
        for _ in range(ATTEMPTS):
            try:
                return self._read(partition, offset, max_records, max_bytes)
            except FileNotFoundError:  # retention was quicker: look again what is there
                self._at.pop(partition, None)
        raise OffsetLost(f"partition {partition}: segments go faster than offset {offset} can be read")

    def _read(self, partition: int, offset: int, max_records: int, max_bytes: int) -> list[LogRecord]:
        number = self._catalog.find(partition, offset, self._at.get(partition))
        while True:
            records, ended = self._frames(self._catalog.open(number), partition, offset, max_records, max_bytes)
            if records:
                self._at[partition] = number
                return self._cut(partition, records, max_records, max_bytes)
            successor = self._catalog.after(number) if ended else None
            if successor is None:
                self._require_written(number, partition, offset)
                return []
            number = successor
            if self._catalog.open(number).starts[partition].offset > offset:
                raise OffsetLost(f"partition {partition} has no offset {offset} any more: a segment is missing")

    def bounds(self, partition: int) -> tuple[int, int]:
        """See `Reader.bounds`."""
        newest = self._catalog.open(self._catalog.newest())
        return self._catalog.oldest().starts[partition].offset, newest.head(partition).offset

    def commit(self, group: str, partition: int, offset: int) -> None:
        """See `Reader.commit`."""
        self._positions.put(group, partition, offset)

    def committed(self, group: str, partition: int) -> int | None:
        """See `Reader.committed`."""
        return self._positions.get(group, partition)

    def lag(self, group: str) -> list[Lag]:
        """See `Reader.lag`. Records that retention took unread count too."""
        return [self._lag(group, partition, ATTEMPTS) for partition in range(self.partitions)]

    def changed(self) -> bool:
        """See `Reader.changed`: one PRAGMA (some 5 us) while nothing happens."""
        return self._tail.changed()

    def close(self) -> None:
        """See `Reader.close`."""
        self._catalog.close()
        self._tail.close()
        self._positions.close()

    def _lag(self, group: str, partition: int, attempts: int) -> Lag:
        first, end = self.bounds(partition)
        committed = self.committed(group, partition)
        position = first if committed is None else min(committed, end)
        if position == end:
            return Lag(partition, 0, 0)
        try:
            waiting_ms = self._waiting_ms(partition, max(position, first))
        except (FileNotFoundError, OffsetLost):  # retention moved the beginning meanwhile
            if attempts <= 1:
                raise
            return self._lag(group, partition, attempts - 1)
        return Lag(partition, end - position, waiting_ms)

    def _waiting_ms(self, partition: int, unread: int) -> int:
        number = self._catalog.find(partition, unread, None)
        since = self._catalog.open(number).log_time_at(partition, unread)
        newest = self._catalog.open(self._catalog.newest()).head(partition).log_time
        return 0 if since is None else max(0, newest - since)

    def _require_written(self, number: int, partition: int, offset: int) -> None:
        end = self._catalog.open(number).head(partition).offset
        if offset > end:
            raise OffsetLost(f"partition {partition} ends at {end}: offset {offset} was never written")

    def _frames(
        self, opened: Segment, partition: int, offset: int, max_records: int, max_bytes: int
    ) -> tuple[list[LogRecord], bool]:
        """Whole frames from the one that holds `offset` until enough, and whether the
        segment ends for this partition."""
        records: list[LogRecord] = []
        size = 0
        low, high = key(partition, 0), key(partition + 1, 0) - 1
        cursor = opened.db.cursor()
        try:
            cursor.execute(
                "SELECT id, count, log_time, crc, data FROM frames WHERE id BETWEEN ifnull("
                "(SELECT max(id) FROM frames WHERE id BETWEEN ? AND ?), ?) AND ? ORDER BY id",
                (low, key(partition, offset), low, high),
            )
            for frame_id, count, log_time, crc, data in cursor:
                if count == 0:
                    return records, True
                values = opened.records(count, crc, data)
                for place, value in enumerate(values, frame_id - low):
                    if place >= offset:
                        records.append(LogRecord(partition, place, log_time, value))
                size += sum(map(len, values))
                if len(records) >= max_records or (records and size >= max_bytes):
                    return records, False
        except sqlite3.Error as error:
            raise segment.as_damage(opened.path, error) from error
        finally:
            cursor.close()  # ends the statement, and with it the read transaction
        return records, False

    def _cut(self, partition: int, records: list[LogRecord], max_records: int, max_bytes: int) -> list[LogRecord]:
        """The first records within the limits; the others are kept for the next call."""
        taken = 0
        size = 0
        for record in records[:max_records]:
            size += len(record.value)
            if taken and size > max_bytes:
                break
            taken += 1
        if taken < len(records):
            self._rest[partition] = records[taken:]
            return records[:taken]
        return records

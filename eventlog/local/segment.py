"""One segment: a SQLite file that holds frames of records, and how it is made and read.

A frame is what one commit holds for one partition: one row. Its key is
`partition << 48 | offset of its first record`, so two writers that both believe they are
at the head of a partition collide on the primary key, and neither can overwrite or
interleave. A sealed segment ends in a frame of zero records at every partition's head:
it collides with any further append in the same way, and tells readers to go on to the
next file.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import lz4.block

from eventlog.local import files
from eventlog.protocol import LogDamaged, WrongLogError

APPLICATION_ID = 0x464C4F47  # "FLOG"
VERSION = 2
PAGE_BYTES = 8192  # measured: small commits cheap, large ones not much dearer than at 64 KiB
# Measured at 10k appends/s: writing the WAL back 2 MiB at a time inside the commit costs a
# p99 of 6-10 ms. One checkpoint per sealed segment, in another thread, costs 50-140 ms: its
# fsync of 64 MiB fills the disk's queue before the commits' small ones.
CHECKPOINT_PAGES = 256
OFFSET_BITS = 48
CRC_BYTES = 5 * 1024
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

SCHEMA = """
CREATE TABLE meta (created_at INTEGER NOT NULL);
CREATE TABLE starts (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL, log_time INTEGER NOT NULL);
CREATE TABLE frames (
    id INTEGER PRIMARY KEY, count INTEGER NOT NULL, log_time INTEGER NOT NULL,
    crc INTEGER NOT NULL, data BLOB NOT NULL
);
"""


class Head(NamedTuple):
    """Where a partition stands."""

    offset: int  # of the next record
    log_time: int  # of the last one
    sealed: bool


def key(partition: int, offset: int) -> int:
    """A frame's primary key."""
    return partition << OFFSET_BITS | offset


def pack(values: Sequence[bytes]) -> bytes:
    """A frame's data: an LZ4 block (its size before it) of each record's length as a
    little-endian u32, then the records.

    Events of one frame repeat each other, so that this makes a seventh of them. Measured:
    it halves the CPU of a commit, for every byte else goes through SQLite's checksums and
    two writes.
    """
    data: bytes = lz4.block.compress(b"".join((struct.pack(f"<{len(values)}I", *map(len, values)), *values)))
    return data


def unpack(count: int, packed: bytes) -> list[bytes]:
    """The records of a frame; `ValueError` if it is none."""
    try:
        data = lz4.block.decompress(packed)
        lengths = struct.unpack_from(f"<{count}I", data)
    except (lz4.block.LZ4BlockError, struct.error, MemoryError) as error:
        raise ValueError(f"no frame of {count} records: {error}") from error
    values = []
    at = 4 * count
    for length in lengths:
        values.append(data[at : at + length])
        at += length
    return values


def checksum(data: bytes) -> int:
    """CRC-32 of a frame's data. Piece by piece: crc32 lets go of Python's global lock above
    5 kB, and getting it back may cost more than the sum."""
    crc = 0
    whole = memoryview(data)
    for at in range(0, len(data), CRC_BYTES):
        crc = zlib.crc32(whole[at : at + CRC_BYTES], crc)
    return crc


def create(path: Path, starts: Sequence[Head], now_ms: int) -> None:
    """Make a segment whole and durable under its final name, unless it is there.

    Call it under `files.directory_lock`.
    """
    if path.exists():
        return
    draft = path.with_name("draft")
    files.unlink_segment(draft)  # of a process that died here
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.executescript(
            f"PRAGMA page_size={PAGE_BYTES}; PRAGMA synchronous=FULL; BEGIN; {SCHEMA}"
            f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION};"
        )
        rows = [(partition, head.offset, head.log_time) for partition, head in enumerate(starts)]
        connection.executemany("INSERT INTO starts VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO meta VALUES (?)", (now_ms,))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
    os.rename(draft, path)
    files.sync_directory(path.parent)


def damaged(path: Path, detail: object) -> LogDamaged:
    """What to tell when a segment cannot be read."""
    return LogDamaged(
        f"{path} is damaged ({detail}). Check the disk. Then stop Footfall and restore the file from a backup; "
        f"or, to go on without its records, move it and its -wal file out of the folder."
    )


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary error code; 0 where the error is not SQLite's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def as_damage(path: Path, error: sqlite3.Error) -> sqlite3.Error | LogDamaged:
    """`LogDamaged` if SQLite found the file damaged, otherwise the error itself."""
    if code_of(error) in DAMAGE:
        return damaged(path, error)
    return error


class Segment:
    """An open segment: one connection, no transaction between calls."""

    def __init__(self, path: Path, *, synchronous: str = "FULL", busy_s: float = 5.0) -> None:
        """Raises `FileNotFoundError` if it is gone, `WrongLogError` if it is of another
        format, `LogDamaged` if it cannot be read."""
        self.path = path
        self._inode = os.stat(path).st_ino
        # Connections move between threads (writer, upkeep), never used by two at once.
        self.db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=busy_s,
        )
        try:
            self._check(synchronous)
        except BaseException as error:
            self.db.close()
            if isinstance(error, sqlite3.Error):
                raise as_damage(path, error) from error
            raise

    def _check(self, synchronous: str) -> None:
        self.db.execute(f"PRAGMA synchronous={synchronous}")
        self.db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise WrongLogError(f"{self.path} is no segment of a Footfall log: move it out of the folder")
        if version != VERSION:
            raise WrongLogError(
                f"{self.path} has log format {version}, this program knows {VERSION}: "
                f"run the version of Footfall that wrote it, or a newer one"
            )
        rows = self.db.execute("SELECT offset, log_time FROM starts ORDER BY partition").fetchall()
        self.starts = [Head(offset, log_time, False) for offset, log_time in rows]
        (self.created_at,) = self.db.execute("SELECT created_at FROM meta").fetchone()

    def size(self) -> int:
        """Bytes of file and WAL; `FileNotFoundError` if the file was removed or replaced."""
        if os.stat(self.path).st_ino != self._inode:
            raise FileNotFoundError(f"{self.path} was replaced while in use")
        return files.size_on_disk(self.path)

    def require_partitions(self, partitions: int) -> None:
        """`WrongLogError` if the log was made with another number."""
        if len(self.starts) != partitions:
            raise WrongLogError(
                f"the log in {self.path.parent} was made with {len(self.starts)} partitions, not {partitions}, "
                f"and keeps them: set FOOTFALL_PARTITIONS={len(self.starts)}, or start with a new data directory"
            )

    def head(self, partition: int) -> Head:
        """Where the partition ends in this segment."""
        row = self.db.execute(
            "SELECT id, count, log_time FROM frames WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
            (key(partition, 0), key(partition + 1, 0) - 1),
        ).fetchone()
        if row is None:
            return self.starts[partition]
        return Head(row[0] - key(partition, 0) + row[1], row[2], row[1] == 0)

    def heads(self) -> list[Head]:
        """`head` of every partition."""
        return [self.head(partition) for partition in range(len(self.starts))]

    def sealed(self) -> bool:
        """Whether it will never get another record."""
        return self.head(0).sealed

    def data_version(self) -> int:
        """Changes whenever another connection, of any process, has committed."""
        (version,) = self.db.execute("PRAGMA data_version").fetchone()
        return int(version)

    def log_time_at(self, partition: int, offset: int) -> int | None:
        """The log time of the frame that holds `offset`."""
        row = self.db.execute(
            "SELECT log_time FROM frames WHERE id BETWEEN ? AND ? AND count > 0 ORDER BY id DESC LIMIT 1",
            (key(partition, 0), key(partition, offset)),
        ).fetchone()
        return None if row is None else int(row[0])

    def records(self, count: int, crc: int, data: bytes) -> list[bytes]:
        """The records of a frame; `LogDamaged` if it is not what was written."""
        if zlib.crc32(data) != crc:
            raise damaged(self.path, "a checksum does not match")
        try:
            return unpack(count, data)
        except ValueError as error:
            raise damaged(self.path, error) from error

    def close(self) -> None:
        """Close the connection; the last one of a file also checkpoints it."""
        self.db.close()

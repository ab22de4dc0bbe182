"""Consumers' positions: what `lag` measures from. Small, separate, not for recovery.

So a power cut may take the last of them back; and the file may be removed when damaged.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from eventlog.local import segment
from eventlog.protocol import LogDamaged

SCHEMA = """
CREATE TABLE IF NOT EXISTS positions (
    consumer TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (consumer, partition)
) WITHOUT ROWID
"""


class Positions:
    """One connection to the positions of a topic."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def put(self, group: str, partition: int, offset: int) -> None:
        """Set the next offset `group` will read."""
        self._run("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (group, partition, offset))

    def get(self, group: str, partition: int) -> int | None:
        """What `put` last set."""
        rows = self._run("SELECT offset FROM positions WHERE consumer = ? AND partition = ?", (group, partition))
        return int(rows[0][0]) if rows else None

    def close(self) -> None:
        """Close the connection."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _run(self, sql: str, values: tuple[str | int, ...]) -> list[tuple[int]]:
        try:
            if self._db is None:
                self._db = self._open()
            return self._db.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            self.close()
            if segment.code_of(error) in segment.DAMAGE:
                message = f"{self._path} is damaged ({error}): stop Footfall and delete it, it is made anew"
                raise LogDamaged(message) from error
            raise

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=5.0, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(SCHEMA)
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

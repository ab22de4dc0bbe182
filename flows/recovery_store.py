"""A partition's snapshots in Bytewax's recovery store: which are there, out of one, into another.

Bytewax resumes a whole dataflow at one epoch and knows no partitions of ours. But each of its
snapshots is kept under (step, key), our keys are log partitions, and a dataflow goes on with
whatever keys it finds; so a partition's snapshots can go from one store to another. Read from
the source of Bytewax 0.21.1 (src/recovery.rs), which is pinned:

- it resumes at the smallest frontier of the last execution's workers, a worker without one
  counting at that execution's own resume epoch; at 1 where nothing was ever executed;
- of a (step, key) counts the newest snapshot of an epoch below the resume epoch; without a
  value it says that the key was discarded;
- a store that was tidied up beyond the resume epoch cannot be resumed from;
- epoch 0 is for messages of its own, so that snapshots begin at 1.

Nothing here may be used while a dataflow runs on the store.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bytewax.recovery import init_db_dir

SCHEMA = 5  # Bytewax's migrations, counted by SQLite's user_version
FIRST_RESUMED = 2  # the lowest epoch at which there can be a snapshot before it
BUSY_S = 10.0

Snapshots = list[tuple[str, bytes]]  # (step, pickled state)


class UnknownRecoveryStore(RuntimeError):
    """The store was written by another version of Bytewax, or is damaged."""


class RecoveryStore:
    """The one recovery partition in a worker's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "part-0.sqlite3"

    def make(self) -> None:
        """Make an empty one where there is none. Killed half-way, it is made anew the next time: Bytewax
        writes its tables one by one, and a file that lacks some would be taken for another version's."""
        if self._path.exists():
            return
        unfinished = self._directory / "recovery.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        init_db_dir(unfinished, 1)
        made = unfinished / self._path.name
        with made.open("rb") as file:
            os.fsync(file.fileno())
        made.replace(self._path)
        unfinished.rmdir()

    def keys(self) -> set[str]:
        """The keys that a dataflow would find, none where there is no store."""
        if not self._path.exists():
            return set()
        with self._open() as store:
            return {key for (key,) in store.execute("SELECT DISTINCT state_key FROM snaps")}

    def snapshots(self, key: str) -> Snapshots:
        """What a dataflow would resume the key with."""
        if not self._path.exists():
            return []
        newest = (
            "SELECT step_id, ser_change, max(snap_epoch) FROM snaps WHERE state_key = ? AND snap_epoch < ? "
            "GROUP BY step_id ORDER BY step_id"
        )  # with max(), SQLite takes the other columns from the row that has it
        with self._open() as store:
            rows = store.execute(newest, (key, _resume_epoch(store, self._path)))
            return [(step, change) for step, change, _epoch in rows if change is not None]

    def put(self, key: str, snapshots: Snapshots) -> None:
        """Resume the key with these next time, in place of what was there; durable when it returns."""
        with self._open() as store:
            epoch = _resume_epoch(store, self._path)
            if epoch < FIRST_RESUMED:  # nothing was ever committed: as if an execution had ended here
                store.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (epoch,))
                store.execute(
                    "INSERT INTO exs (ex_num, worker_count, resume_epoch) "
                    "SELECT coalesce(max(ex_num), -1) + 1, 1, ? FROM exs",
                    (FIRST_RESUMED,),
                )
                epoch = FIRST_RESUMED
            store.execute("DELETE FROM snaps WHERE state_key = ?", (key,))
            rows = [(step, key, epoch - 1, change) for step, change in snapshots]
            store.executemany(
                "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, ?, ?)", rows
            )

    def remove(self, keys: Iterable[str]) -> None:
        """Forget these keys; durable when it returns."""
        if not self._path.exists():
            return
        with self._open() as store:
            store.executemany("DELETE FROM snaps WHERE state_key = ?", [(key,) for key in keys])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        with closing(sqlite3.connect(self._path, timeout=BUSY_S)) as store:
            try:
                store.execute("PRAGMA synchronous=FULL")
                (version,) = store.execute("PRAGMA user_version").fetchone()
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                    raise
                raise UnknownRecoveryStore(
                    f"{self._path} is damaged ({error}): move {self._directory} away, `footfall worker reset` its "
                    "partitions (`footfall worker list`), start again: the flow goes on from what is stored, and "
                    "makes the open sessions again from the log"
                ) from error
            if version != SCHEMA:
                raise UnknownRecoveryStore(
                    f"{self._path} is a recovery store of version {version}, this program knows {SCHEMA}: use "
                    "the version of Footfall that wrote it"
                )
            with store:
                yield store


def _resume_epoch(store: sqlite3.Connection, path: Path) -> int:
    """As Bytewax's `resume_from` works it out."""
    last = store.execute(
        "SELECT ex_num, worker_count, resume_epoch FROM exs ORDER BY ex_num DESC LIMIT 1"
    ).fetchone()
    if last is None:
        return 1
    execution, workers, resumed_at = last
    found = dict(
        store.execute("SELECT worker_index, worker_frontier FROM fronts WHERE ex_num = ?", (execution,)).fetchall()
    )
    epoch = min(max(resumed_at, found.get(worker, 0)) for worker in range(workers))
    (tidied,) = store.execute("SELECT coalesce(max(commit_epoch), 0) FROM commits").fetchone()
    if tidied > epoch:
        raise UnknownRecoveryStore(f"{path} was tidied up beyond epoch {epoch}, at which it would be resumed")
    return int(epoch)

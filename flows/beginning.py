"""Where a partition without recovery state begins: a new log at its first record, an old one where
the store knows it to be, as after a restored backup.

What lies below the store's position is read again for open sessions and counts, and not written a second
time (see `flows.sink`). What the log does not have any more is named, with what to do.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from eventlog.protocol import LogUnreachable, Reader
from flows.items import Count, PartitionKey
from sinks.positions import LogReplaced
from sinks.read_back import DAY_MS, ReadBack

logger = logging.getLogger(__name__)
READ_S = 30.0  # how long a record that is there is waited for
POLL_S = 0.1


class Beginning(NamedTuple):
    """Of one partition."""

    offset: int  # the first to read
    stored: int = 0  # all below is stored
    ledger_from: int = 0  # UTC day (since 1970): counts of earlier days stay as they are stored
    recount: bool = True  # the log has that day from its beginning on; else it is counted on from what is stored


class StoreAnswers(NamedTuple):
    """What is asked of the store, and told it."""

    read_back: Callable[[PartitionKey], ReadBack]
    close_orphans: Callable[[PartitionKey, int], int]  # sessions that began before a time (ms)
    ledger: Callable[[PartitionKey, int], dict[Count, int]]  # from a UTC day on


class Beginnings:
    """Each partition's, worked out once: source and sink ask for it. Thread-safe."""

    def __init__(self, store: StoreAnswers, open_reader: Callable[[str], Reader]) -> None:
        self._store = store
        self._open_reader = open_reader
        self._known: dict[PartitionKey, Beginning] = {}
        self._lock = threading.Lock()

    def of(self, key: PartitionKey) -> Beginning:
        """Raises `LogReplaced` where the log ends before what the store has of it."""
        with self._lock:
            if key not in self._known:
                reader = self._open_reader(key.stage)
                try:
                    self._known[key] = self._find(key, reader)
                finally:
                    reader.close()
            return self._known[key]

    def reached(self, key: PartitionKey) -> int:
        """Next offset: all below it is stored."""
        return self._store.read_back(key).reached

    def ledger(self, key: PartitionKey, beginning: Beginning) -> dict[Count, int]:
        """The counts to go on from."""
        return {} if beginning.recount else self._store.ledger(key, beginning.ledger_from)

    def _find(self, key: PartitionKey, reader: Reader) -> Beginning:
        first, end = reader.bounds(key.partition)
        back = self._store.read_back(key)
        if not back.reached:
            return Beginning(first)
        if end < back.reached:
            raise LogReplaced(
                f"{key} is stored up to offset {back.reached}, but the log ends at {end}: it is another log, or "
                "lost records. Give the store the log it was filled from; for a new log, take a backup and "
                "restore it (`footfall restore` gives the new log numbers of its own)"
            )
        day = back.log_time // DAY_MS
        if first <= back.offset:
            logger.info("%s", _going_on(key, back, end))
            return Beginning(back.offset, back.reached, day)
        return self._incomplete(key, reader, back, first, end)

    def _incomplete(self, key: PartitionKey, reader: Reader, back: ReadBack, first: int, end: int) -> Beginning:
        """The log lacks the beginning of what is to be read."""
        kept = _time_of(reader, key.partition, first) if first < end else 0
        closed = self._store.close_orphans(key, kept or back.log_time + 1)
        if first > back.reached:
            logger.error("%s", _gap(key, back, first, kept))
        else:
            logger.info("%s", _going_on(key, back, end))
        if closed:
            logger.warning(
                "%s: %d open sessions began before what the log keeps: closed, repair makes them anew", key, closed
            )
        return Beginning(first, back.reached, back.log_time // DAY_MS, recount=False)


def _time_of(reader: Reader, partition: int, offset: int) -> int:
    """Log time of the first record from `offset` on, which is known to be there. Raises `LogUnreachable`."""
    deadline = time.monotonic() + READ_S
    while not (records := reader.read(partition, offset, 1, 1)):
        if time.monotonic() > deadline:
            raise LogUnreachable(f"partition {partition} has records from {offset} on, but hands out none")
        time.sleep(POLL_S)  # between two looks: a log that is slow is not empty
    return records[0].log_time


def _going_on(key: PartitionKey, back: ReadBack, end: int) -> str:
    return (
        f"{key} goes on from offset {back.reached}, up to which it is stored ({_text(back.log_time)} UTC): "
        f"the log has the {end - back.reached} offsets after it"
    )


def _gap(key: PartitionKey, back: ReadBack, first: int, kept: int) -> str:
    until = _text(kept) if kept else "now"
    days = [datetime.fromtimestamp(at / 1000, UTC).date() for at in (back.log_time, kept or back.log_time)]
    return (
        f"{key} is stored up to offset {back.reached} ({_text(back.log_time)} UTC), and the log keeps its records "
        f"from {first} on ({until} UTC): what came in between is not in the log any more. Where the raw archive "
        f"has it, read it back for each site: footfall replay --site SITE --from {days[0]} --to {days[1]}"
    )


def _text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")

"""Stops a flow that would set aside most of what comes, because of a fault of ours and not of the input.

A broken step (a bad deployment) would else put a whole day into quarantine. Whether to stop is a function
of the log alone: of the events in the last `WINDOW` records of a partition up to this one, more than the
ratio failed. So a restarted flow stops at the same record, wherever its recovery point was and however the log
was cut into chunks; and a flow whose fault is mended finds nothing wrong with the same records.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from eventlog.protocol import LogRecord, OffsetLost, Reader
from flows.items import EnrichedRecord, PartitionKey, Quarantined
from footfall.names import QuarantineReason

logger = logging.getLogger(__name__)
WINDOW = 500  # log records, heartbeats too
LEAST = 100  # events in it, below which nothing is said of their share
FAULTS = frozenset({QuarantineReason.STEP_FAILED, QuarantineReason.UNDECODABLE})
READ_BYTES = 4 * 1024 * 1024
READ_WAIT_S = 10.0  # for a broker's answer

# The enriched records of a partition from one offset on, up to another.
Earlier = Callable[[int, int], Iterable[EnrichedRecord]]


class TooManyFailed(RuntimeError):
    """Most of what comes would go to quarantine; nothing of the chunk was admitted."""


class FaultWindow:
    """The last records of one partition. `look` comes before a chunk is admitted.

    `earlier` reads what came before this process; it is asked at most once, when something first fails.
    """

    def __init__(self, key: PartitionKey, ratio: float, earlier: Earlier) -> None:
        self._key = key
        self._ratio = ratio
        self._earlier = earlier
        self._began: int | None = None  # offset of the first record seen
        self._known = False  # whether what came before it is in the window, or has left it
        self._last: deque[tuple[int, int]] = deque()  # (events, those that failed) of a record
        self._events = self._failed = 0

    def look(self, records: Sequence[EnrichedRecord]) -> None:
        """Take the records into account. Raises `TooManyFailed` at one that fails where with it more than
        the ratio of at least `LEAST` events failed."""
        if not self._ratio or not records:
            return
        if self._began is None:
            self._began = records[0].offset
        for record in records:
            if not record.quarantined:
                self._add(record.accepted, 0)
                continue
            faults = [item for item in record.quarantined if item.reason in FAULTS]
            if faults and not self._known:
                self._fill()
            self._add(record.accepted, len(faults))
            if faults and self._events >= LEAST and self._failed > self._ratio * self._events:
                raise TooManyFailed(self._words(record, faults[0]))

    def _add(self, events: int, failed: int) -> None:
        self._last.append((events, failed))
        self._events += events
        self._failed += failed
        if len(self._last) > WINDOW:
            self._known = True
            events, failed = self._last.popleft()
            self._events -= events
            self._failed -= failed

    def _fill(self) -> None:
        """Put what came before in front of what was seen."""
        assert self._began is not None
        self._known = True
        missing = WINDOW - len(self._last)
        seen, self._last = self._last, deque()
        self._events = self._failed = 0
        for record in self._earlier(max(0, self._began - missing), self._began):
            self._add(record.accepted, sum(item.reason in FAULTS for item in record.quarantined))
        for events, failed in seen:
            self._add(events, failed)

    def _words(self, record: EnrichedRecord, fault: Quarantined) -> str:
        return (
            f"{self._failed} of the last {self._events} events of {self._key} could not be processed: at "
            f"offset {record.offset} {fault.reason} ({fault.detail}). That is a fault of Footfall, not of events: "
            "nothing more is put into quarantine, what comes stays in the log. Was Footfall upgraded just now? Go "
            "back to the version before, or on to one that mends it (docs/upgrading.md): it begins with these "
            "records. `footfall quarantine list` shows what was set aside before. To go on all the same, set "
            "FOOTFALL_QUARANTINE_STOP_RATIO=0, and run `footfall quarantine replay` once it is mended"
        )


def read_earlier(
    reader: Reader, partition: int, first: int, end: int, wait_s: float = READ_WAIT_S
) -> Iterator[LogRecord]:
    """The log's records from `first`, or the oldest there is, up to `end`. What it does not give in time
    is left out: then less is known, and the flow stops later."""
    deadline = time.monotonic() + wait_s
    try:
        at = max(first, reader.bounds(partition)[0])
        while at < end:
            found = reader.read(partition, at, end - at, READ_BYTES)
            yield from (record for record in found if record.offset < end)
            if found:
                at = found[-1].offset + 1
            elif time.monotonic() > deadline:
                logger.warning("partition %d: offsets %d to %d could not be looked at again", partition, at, end)
                return
            else:
                time.sleep(0.05)  # on Kafka a read does not wait for what is on its way
    except OffsetLost:
        return  # retention took it meanwhile

"""Where a flow stops because most of what comes fails: a function of the log, not of chunks and restarts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.protocol import LogRecord, OffsetLost
from flows.faults import LEAST, WINDOW, FaultWindow, TooManyFailed, read_earlier
from flows.items import EnrichedRecord, Quarantined
from footfall.names import QuarantineReason
from tests.eventlog.kafka_topics import append, delete_before, made
from tests.fixtures.kafka import KafkaCluster
from tests.flows.making import KEY

OURS, THEIRS = QuarantineReason.STEP_FAILED, QuarantineReason.UNKNOWN_SITE
One = tuple[int, int]  # events, those that failed


def log_of(made: Sequence[One], reason: QuarantineReason = OURS) -> list[EnrichedRecord]:
    return [
        EnrichedRecord(
            offset, 0, "shop", accepted=events,
            quarantined=[Quarantined("shop", reason, "pages: ValueError: x", b"")] * failed,
        )
        for offset, (events, failed) in enumerate(made)
    ]  # fmt: skip


def stop_of(log: list[EnrichedRecord], ratio: float, chunk: int, begin: int = 0) -> int | None:
    """The offset at which a flow that begins at `begin` stops."""
    window = FaultWindow(KEY, ratio, lambda first, end: log[first:end])
    for at in range(begin, len(log), chunk):
        try:
            window.look(log[at : at + chunk])
        except TooManyFailed as error:
            return int(str(error).partition("at offset ")[2].partition(" ")[0])
    return None


def by_definition(log: list[EnrichedRecord], ratio: float, begin: int = 0) -> int | None:
    for at in range(begin, len(log)):
        last = log[max(0, at + 1 - WINDOW) : at + 1]
        events, failed = sum(one.accepted for one in last), sum(len(one.quarantined) for one in last)
        if log[at].quarantined and events >= LEAST and failed > ratio * events:
            return at
    return None


RECORDS = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from([(0, 0), (1, 0), (1, 1), (4, 1), (4, 4)])),
    min_size=1,
    max_size=8,
)


@given(RECORDS, st.sampled_from([0.1, 0.5, 0.9]), st.integers(1, 700), st.integers(0, 1500))
def test_it_stops_at_the_same_record_however_it_is_read(
    runs: list[tuple[int, One]], ratio: float, chunk: int, begin: int
) -> None:
    log = log_of([one for count, one in runs for _ in range(count)])
    assert stop_of(log, ratio, chunk, begin) == by_definition(log, ratio, begin)


def test_a_restarted_flow_comes_no_further() -> None:
    """With a window that began anew, each restart would put up to `LEAST` events more into quarantine."""
    log = log_of([(1, 0)] * 99 + [(1, 1)] * 1000)
    first = stop_of(log, 0.5, 1)
    assert first == 198
    assert stop_of(log, 0.5, 7, begin=first) == first
    forgetful = FaultWindow(KEY, 0.5, lambda _first, _end: [])
    forgetful.look(log[first : first + LEAST - 1])  # what the test above would see


def test_what_is_no_fault_of_ours_does_not_stop() -> None:
    assert stop_of(log_of([(1, 1)] * 1000, THEIRS), 0.5, 100) is None
    assert stop_of(log_of([(1, 1)] * (LEAST - 1)), 0.5, 100) is None
    assert stop_of(log_of([(1, 1)] * 1000), 0, 100) is None
    assert stop_of(log_of([(2, 1)] * 1000), 0.5, 100) is None
    assert stop_of(log_of([(1, 1)] * 1000), 0.5, 100) == LEAST - 1


def test_the_message_says_what_failed_and_what_to_do() -> None:
    with pytest.raises(TooManyFailed) as found:
        FaultWindow(KEY, 0.5, lambda *_: []).look(log_of([(1, 1)] * LEAST))
    for part in (str(KEY), "step_failed", "pages: ValueError: x", "FOOTFALL_QUARANTINE_STOP_RATIO=0", "replay"):
        assert part in str(found.value)


class Log:
    """A partition of which retention took the beginning, and of which a read gives little."""

    def __init__(self, first: int, end: int) -> None:
        self.first, self.end = first, end
        self.reads = 0

    def bounds(self, _partition: int) -> tuple[int, int]:
        return self.first, self.end

    def read(self, partition: int, offset: int, max_records: int, _max_bytes: int) -> list[LogRecord]:
        if offset < self.first:
            raise OffsetLost("gone")
        self.reads += 1
        if self.reads % 2:
            return []  # not there yet
        last = min(offset + max_records, offset + 3, self.end)
        return [LogRecord(partition, at, 0, b"") for at in range(offset, last)]


def offsets(log: Log, first: int, end: int, wait_s: float = 10) -> list[int]:
    return [one.offset for one in read_earlier(log, 0, first, end, wait_s)]  # type: ignore[arg-type]


def test_what_came_before_is_read_as_far_as_it_is_there() -> None:
    assert offsets(Log(0, 20), 5, 12) == list(range(5, 12))
    assert offsets(Log(8, 20), 5, 12) == list(range(8, 12))
    assert offsets(Log(0, 7), 5, 12, wait_s=0.2) == [5, 6]
    assert offsets(Log(12, 20), 5, 12) == []


def test_on_kafka_too(kafka: KafkaCluster) -> None:
    log = made(kafka)
    append(log, *(b"%d" % n for n in range(20)))
    delete_before(kafka, log, 4)
    reader = log.reader()
    try:
        assert [one.value for one in read_earlier(reader, 0, 0, 12)] == [b"%d" % n for n in range(4, 12)]
    finally:
        reader.close()

"""A log that grew: several topics, each a log of its own, behind one face.

A generation's partitions are numbered on after the older ones' (see `footfall.generations`);
here a number finds its topic. Every promise of the protocol is the topics' own: delivery, order and
log time are per partition. An append that spans generations is several appends: it succeeds once all
have, and fails where one does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from eventlog.appending import BaseAppender
from eventlog.protocol import Appender, EventLog, Lag, LogFull, LogRecord, OnDone, Reader
from footfall.generations import Generation

Records = Sequence[tuple[int, bytes]]


class Place(NamedTuple):
    """Where a partition of the whole log is."""

    topic: int  # the generation's number
    partition: int  # in its own topic


class GrownLog:
    """See `eventlog.protocol.EventLog`. Only served generations are opened: partitions of a drained
    one are unknown here."""

    def __init__(self, served: Sequence[Generation], open_topic: Callable[[Generation], EventLog]) -> None:
        self._topics = {one.number: open_topic(one) for one in served}
        self._places = {number: Place(one.number, number - one.first) for one in served for number in one.numbers}
        self.partitions = 1 + max(self._places)

    def appender(self, on_done: OnDone | None = None) -> GrownAppender:
        """See `EventLog.appender`."""
        return GrownAppender(self._topics, self._places, self.partitions, on_done)

    def reader(self) -> GrownReader:
        """See `EventLog.reader`."""
        readers = {number: topic.reader() for number, topic in self._topics.items()}
        return GrownReader(readers, self._places)


def place_of(places: Mapping[int, Place], partition: int) -> Place:
    """`ValueError` where no served generation has it."""
    place = places.get(partition)
    if place is None:
        raise ValueError(f"no partition {partition}: the log has {', '.join(map(str, places))}")
    return place


class Whole:
    """An append across generations: done when its parts are. Thread-safe."""

    def __init__(self, token: Any, future: Future[None] | None, parts: int) -> None:
        self.token = token
        self.future = future
        self.error: LogFull | None = None
        self._left = parts
        self._lock = threading.Lock()

    def heard(self, error: LogFull | None) -> bool:
        """Of one more part; whether it was the last."""
        with self._lock:
            self.error = self.error or error
            self._left -= 1
            return self._left == 0

    def abandon(self) -> None:
        """One part was refused at once, and whoever appends hears so: nobody is told again."""
        with self._lock:
            self._left = -1


class GrownAppender(BaseAppender):
    """See `eventlog.protocol.Appender`. Each generation has a queue of its own, so that while
    two are written to twice as much may wait."""

    def __init__(
        self, topics: Mapping[int, EventLog], places: Mapping[int, Place], partitions: int, on_done: OnDone | None
    ) -> None:
        super().__init__(partitions, on_done)
        self._places = places
        self._appenders: dict[int, Appender] = {
            number: topic.appender(on_done=self._heard) for number, topic in topics.items()
        }
        self.gathers = all(appender.gathers for appender in self._appenders.values())

    def close(self, timeout_s: float) -> None:
        """See `Appender.close`: all at once, so that one that hangs does not take the others' time."""
        threads = [
            threading.Thread(target=appender.close, args=(timeout_s,)) for appender in self._appenders.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _take(self, records: Records, token: Any, future: Future[None] | None) -> None:
        self._put(records, token, future)  # what is refused is counted by who refuses it

    def _put(self, records: Records, token: Any, future: Future[None] | None) -> None:
        by_topic: dict[int, list[tuple[int, bytes]]] = {}
        for partition, value in records:
            place = place_of(self._places, partition)
            by_topic.setdefault(place.topic, []).append((place.partition, value))
        if not by_topic:  # an append of nothing
            by_topic[next(iter(self._appenders))] = []
        whole = Whole(token, future, len(by_topic))
        for topic, part in by_topic.items():
            try:
                self._appenders[topic].submit(part, whole)
            except (LogFull, ValueError):
                whole.abandon()
                raise

    def _heard(self, tokens: list[Any], error: LogFull | None) -> None:
        """On a thread of a generation's log."""
        done: list[Whole] = [whole for whole in tokens if whole.heard(error)]
        good = [whole for whole in done if whole.error is None]
        if good:
            self._tell(good, None)
        for whole in done:
            if whole.error is not None:
                self._tell([whole], whole.error)


class GrownReader:
    """See `eventlog.protocol.Reader`."""

    def __init__(self, readers: Mapping[int, Reader], places: Mapping[int, Place]) -> None:
        self._readers = readers
        self._places = places

    def read(self, partition: int, offset: int, max_records: int, max_bytes: int) -> list[LogRecord]:
        """See `Reader.read`."""
        reader, own = self._find(partition)
        records = reader.read(own, offset, max_records, max_bytes)
        if own == partition:
            return records
        return [LogRecord(partition, at, log_time, value) for _, at, log_time, value in records]

    def bounds(self, partition: int) -> tuple[int, int]:
        """See `Reader.bounds`."""
        reader, own = self._find(partition)
        return reader.bounds(own)

    def commit(self, group: str, partition: int, offset: int) -> None:
        """See `Reader.commit`."""
        reader, own = self._find(partition)
        reader.commit(group, own, offset)

    def committed(self, group: str, partition: int) -> int | None:
        """See `Reader.committed`."""
        reader, own = self._find(partition)
        return reader.committed(group, own)

    def lag(self, group: str) -> list[Lag]:
        """See `Reader.lag`."""
        found = {
            Place(topic, lag.partition): lag
            for topic, reader in self._readers.items()
            for lag in reader.lag(group)
        }
        return [found[place]._replace(partition=number) for number, place in self._places.items()]

    def changed(self) -> bool:
        """See `Reader.changed`."""
        changes = [reader.changed() for reader in self._readers.values()]  # each is asked: that serves its client
        return any(changes)

    def close(self) -> None:
        """See `Reader.close`."""
        for reader in self._readers.values():
            reader.close()

    def _find(self, partition: int) -> tuple[Reader, int]:
        place = place_of(self._places, partition)
        return self._readers[place.topic], place.partition

"""A log that grew: the contract, and what only it promises."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from eventlog.generations import GrownLog
from eventlog.kafka import KafkaLog
from eventlog.local import LocalLog
from eventlog.protocol import EventLog, LogFull
from footfall.generations import SINCE_EVER, Generation
from tests.eventlog.contract import WAIT_S, EventLogContract, read_all
from tests.eventlog.kafka_topics import made
from tests.fixtures.kafka import KafkaCluster

ONE = Generation(number=1, first=0, partitions=2, opened_at=SINCE_EVER)
TWO = Generation(number=2, first=2, partitions=2, opened_at=5)
OpenTopic = Callable[[Generation], EventLog]


class Opened(GrownLog):
    """One that can be opened again."""

    def __init__(self, open_topic: OpenTopic, served: Sequence[Generation] = (ONE, TWO)) -> None:
        super().__init__(served, open_topic)
        self.open_topic = open_topic


class GrownContract(EventLogContract):
    """Four partitions, two in each of two generations."""

    def reopen(self, log: EventLog) -> EventLog:
        assert isinstance(log, Opened)
        return Opened(log.open_topic)


class TestLocalContract(GrownContract):
    @pytest.fixture
    def log(self, tmp_path: Path) -> EventLog:
        return Opened(local(tmp_path))


@pytest.mark.drill  # the log alone passes the contract on Kafka, generations on the local log
class TestKafkaContract(GrownContract):
    @pytest.fixture
    def log(self, kafka: KafkaCluster) -> EventLog:
        options = {one.number: made(kafka, one.partitions).options for one in (ONE, TWO)}
        return Opened(lambda one: KafkaLog(options[one.number]))


def local(directory: Path, **options: Any) -> OpenTopic:
    return lambda one: LocalLog(directory / str(one.number), one.partitions, min_free_bytes=0, **options)


def test_partitions_of_a_drained_generation_are_unknown_and_their_files_left_alone(tmp_path: Path) -> None:
    log = Opened(local(tmp_path), [TWO])
    appender, reader = log.appender(), log.reader()
    appender.append([(2, b"x"), (3, b"y")]).result(WAIT_S)
    assert [(record.partition, record.value) for record in read_all(reader, 3)] == [(3, b"y")]
    assert [lag.partition for lag in reader.lag("flow")] == [2, 3]
    for partition in (0, 1, 4):
        with pytest.raises(ValueError, match=f"no partition {partition}: the log has 2, 3"):
            appender.append([(partition, b"z")])
        with pytest.raises(ValueError, match=f"no partition {partition}"):
            reader.read(partition, 0, 1, 1)
    appender.close(WAIT_S)
    reader.close()
    assert [path.name for path in tmp_path.iterdir()] == ["2"]


def test_an_append_across_generations_is_told_once_and_fails_where_a_part_does(tmp_path: Path) -> None:
    """The second generation is out of room: what went to both has failed, what went to the first is there."""

    def open_topic(one: Generation) -> EventLog:
        return LocalLog(
            tmp_path / str(one.number), one.partitions, min_free_bytes=0 if one.number == 1 else 1 << 60
        )

    told: list[tuple[Any, LogFull | None]] = []
    enough = threading.Event()

    def on_done(tokens: list[Any], error: LogFull | None) -> None:
        told.extend((token, error) for token in tokens)
        if len(told) == 300:
            enough.set()

    log = Opened(open_topic)
    appender, reader = log.appender(on_done), log.reader()
    for number in range(100):
        appender.submit([(0, b"a")], ("first", number))
        appender.submit([(1, b"b"), (3, b"c")], ("both", number))
        appender.submit([(2, b"d")], ("second", number))
    assert enough.wait(WAIT_S)
    appender.close(WAIT_S)
    assert len({token for token, _ in told}) == 300
    for (kind, _), error in told:
        assert (error is None) == (kind == "first")
    assert [len(read_all(reader, partition)) for partition in range(4)] == [100, 100, 0, 0]
    reader.close()


def test_what_is_refused_at_once_is_not_told_again(tmp_path: Path) -> None:
    told: list[Any] = []
    log = Opened(local(tmp_path, queue_bytes=10_000))
    appender = log.appender(lambda tokens, _error: told.extend(tokens))
    with pytest.raises(ValueError, match="bytes in one append"):
        appender.submit([(0, b"small"), (2, bytes(20_000))], "both")
    appender.submit([(0, b"after"), (2, b"after")], "after")
    appender.close(WAIT_S)
    assert told == ["after"]


def test_a_generation_of_another_shape_is_refused(tmp_path: Path) -> None:
    Opened(local(tmp_path))
    wrong = Generation(number=2, first=2, partitions=3, opened_at=5)
    with pytest.raises(ValueError, match="2 partitions"):
        Opened(local(tmp_path), [ONE, wrong])

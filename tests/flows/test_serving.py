"""Which partitions a flow serves while its log grows and is drained, over several lives of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, run_main

import control
from eventlog.local import LocalLog
from eventlog.opening import open_log
from eventlog.protocol import Reader
from flows import serving
from flows.items import EnrichedChunk, EnrichedRecord, PartitionKey
from flows.partition import PartitionLogic, PartitionPolicy
from flows.serving import LayoutWatch
from flows.source import LogSource
from footfall.generations import ALWAYS, RETRY_MS, Layout
from footfall.sessions import Policy
from footfall.settings import Settings
from tests.eventlog.contract import WAIT_S, wait_for

KEYS = [PartitionKey("test", number) for number in range(3)]


class Lives:
    """One flow over a log of three partitions, started again and again."""

    def __init__(self, directory: Path) -> None:
        self._log = LocalLog(directory / "log", 3, min_free_bytes=0)
        self._recovery = directory / "flow"
        self._recovery.mkdir()
        init_db_dir(self._recovery, 1)

    def append(self, **values: bytes) -> None:
        appender = self._log.appender()
        records = [(int(name[1:]), value) for name, value in values.items()]
        appender.append(records).result(WAIT_S)
        appender.close(WAIT_S)

    def run(self, keys: list[PartitionKey], drained: Collection[PartitionKey], expected: int) -> list[bytes]:
        """One life, until so many records were read: what it read."""
        out: list[bytes] = []
        stop = threading.Event()
        readers: list[Reader] = []

        def open_reader(_stage: str) -> Reader:
            readers.append(self._log.reader())
            return readers[-1]

        flow = Dataflow("lives")
        raw = op.input("raw", flow, LogSource(keys, open_reader, stop, drained=drained))
        values = op.flat_map("values", raw, lambda chunk: [record.value for record in chunk.records])
        op.output("out", values, TestingSink(out))

        def end() -> None:
            wait_for(lambda: len(out) >= expected, WAIT_S)
            stop.set()

        ender = threading.Thread(target=end)
        ender.start()
        run_main(
            flow,
            epoch_interval=timedelta(seconds=0.1),
            recovery_config=RecoveryConfig(self._recovery, timedelta(0)),
        )
        ender.join(WAIT_S)
        for reader in readers:
            reader.close()
        return sorted(out)


def test_a_drained_partition_keeps_its_position_and_may_be_served_again(tmp_path: Path) -> None:
    lives = Lives(tmp_path)
    lives.append(p0=b"0a", p1=b"1a")
    assert lives.run(KEYS[:2], (), 2) == [b"0a", b"1a"]
    lives.append(p0=b"0b", p1=b"1b", p2=b"2b")
    assert lives.run(KEYS, {KEYS[0]}, 2) == [b"1b", b"2b"]
    lives.append(p0=b"0c", p1=b"1c")
    assert lives.run(KEYS, {KEYS[0]}, 1) == [b"1c"]
    assert lives.run(KEYS, (), 2) == [b"0b", b"0c"]


def test_a_partition_that_is_left_out_altogether_does_not_start(tmp_path: Path) -> None:
    """Why drained ones are kept: if this passes one day, they need not be."""
    lives = Lives(tmp_path)
    lives.append(p0=b"0a", p1=b"1a")
    assert lives.run(KEYS[:2], (), 2) == [b"0a", b"1a"]
    with pytest.raises(RuntimeError, match="routing map"):
        lives.run(KEYS[1:2], (), 0)


def test_the_flow_is_asked_to_end_when_it_is_to_serve_others(tmp_path: Path) -> None:
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")

    def load() -> dict[str, Layout]:
        return {"prod": plane.log_layout("prod", 2)}

    def watch() -> tuple[LayoutWatch, threading.Event]:
        stop = threading.Event()
        return LayoutWatch(load(), plane.version, load, stop), stop

    for change in (
        lambda: plane.add_generation("prod", 2, 3, now=1),
        lambda: plane.mark_drained("prod", 1, now=2),
        lambda: plane.mark_drained("prod", 1, now=0),
    ):
        watching, stop = watch()
        assert not stop.wait(0.1)
        change()
        assert stop.wait(WAIT_S)
        assert watching.ended_flow
        watching.close()
    watching, stop = watch()
    assert watching.unsure_until(PartitionKey("prod", 0)) == ALWAYS
    plane.open_generation("prod", 2, now=3)  # it is served already
    plane.mark_left("prod", 1, 1_000)
    plane.set_setting("other", "thing")
    seen = plane.version()
    wait_for(lambda: watching._seen == seen, WAIT_S)
    assert not stop.is_set()
    assert watching.unsure_until(PartitionKey("prod", 0)) == ALWAYS
    assert watching.unsure_until(PartitionKey("prod", 4)) == 1_000 + RETRY_MS
    watching.close()
    plane.close()


def test_what_may_be_stored_of_another_partition_is_looked_up() -> None:
    policy = PartitionPolicy(
        sessions=Policy(lateness_ms=600_000), duplicate_horizon_ms=3_600_000, quarantine_per_site_per_day=1
    )
    began = 1_000_000_000_000
    unsure_until = 0
    logic = PartitionLogic(KEYS[0], policy, lambda *_: (), None, unsure_until=lambda: unsure_until)

    def looks_up_before() -> int:
        beat = EnrichedRecord(offset=0, log_time=began, heartbeat_at=1)
        return logic.admit(EnrichedChunk(KEYS[0], [beat])).look_up_before

    assert looks_up_before() == began + RETRY_MS
    unsure_until = ALWAYS
    assert looks_up_before() == ALWAYS
    unsure_until = began - 1
    assert looks_up_before() == began + RETRY_MS


def test_settings_open_what_the_layout_names(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "partitions": 2})
    plane = control.open(settings.control_plane_url())
    plane.add_generation("prod", 2, 3, now=int(time.time() * 1000))
    plane.open_generation("prod", 2, now=1)
    log = open_log(settings, "prod", plane.log_layout("prod", 2))
    appender, reader = log.appender(), log.reader()
    appender.append([(0, b"old"), (4, b"new")]).result(WAIT_S)
    assert [record.value for record in reader.read(4, 0, 9, 99)] == [b"new"]
    appender.close(WAIT_S)
    reader.close()
    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == ["prod.raw", "prod.raw.2"]
    plane.mark_drained("prod", 1, now=5)
    only = open_log(settings, "prod", plane.log_layout("prod", 2)).reader()
    with pytest.raises(ValueError, match="no partition 0"):
        only.read(0, 0, 1, 1)
    assert [record.value for record in only.read(4, 0, 9, 99)] == [b"new"]
    only.close()
    plane.close()


def test_a_bug_of_the_look_is_told_and_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "LOOK_S", 0.02)
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    broken, stop = threading.Event(), threading.Event()
    broken.set()

    def load() -> dict[str, Layout]:
        if broken.is_set():
            raise ValueError("a bug")
        return {"prod": plane.log_layout("prod", 2)}

    watch = LayoutWatch({"prod": plane.log_layout("prod", 2)}, plane.version, load, stop)
    wait_for(lambda: "a fault of Footfall's own: ValueError('a bug')" in caplog.text, WAIT_S)
    plane.add_generation("prod", 2, 3, now=1)
    broken.clear()
    wait_for(stop.is_set, WAIT_S)
    assert watch.ended_flow
    watch.close()
    plane.close()

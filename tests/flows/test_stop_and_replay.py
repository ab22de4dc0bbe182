"""A release with a broken step stops instead of putting everything into quarantine; once mended, the same records,
or what was put into quarantine all the same, are each processed exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from eventlog.local import LocalLog
from footfall.record import encode
from tests.fixtures.store import StoreServer
from tests.flows.broken import DIED
from tests.flows.making import event, record
from tests.jobs.data import Bench, bench

SITE = "shop.example.com"
RECORDS = 120  # a broken step is told from a poisonous event by 100
WAIT_S = 60.0
BROKEN, RIGHT = ("tests.flows.broken", "flow"), ("flows",)


class Installation:
    """A log, a store, and flows one after the other."""

    def __init__(self, made: Bench, log: Path) -> None:
        self.made = made
        self._output = log
        settings = made.settings
        self.environment = os.environ | {
            "FOOTFALL_DATA_DIR": str(settings.data_dir), "FOOTFALL_STAGE": made.stage, "FOOTFALL_PARTITIONS": "2",
            "FOOTFALL_DEV_STAGE": "", "FOOTFALL_CLICKHOUSE_PORT": str(settings.clickhouse_port),
            "FOOTFALL_CLICKHOUSE_PASSWORD": settings.clickhouse_password, "FOOTFALL_FLUSH_SECONDS": "0.1",
            "FOOTFALL_FLOW_METRICS_PORT": "0",
        }  # fmt: skip
        self._log = LocalLog(settings.log_dir(made.stage), settings.partitions)

    def append(self, first: int) -> None:
        """`RECORDS` records of an event each."""
        now = time.time_ns() // 1_000_000
        values = [
            encode(record(n, now, [event(n, now, path=f"/bad/{n}")], site_id=SITE))
            for n in range(first, first + RECORDS)
        ]
        appender = self._log.appender()
        appender.append([(0, value) for value in values]).result(30)
        appender.close(10)

    def end(self) -> int:
        reader = self._log.reader()
        try:
            return reader.bounds(0)[1]
        finally:
            reader.close()

    def start(self, module: Sequence[str], **settings: str) -> subprocess.Popen[bytes]:
        with self._output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *module], env=self.environment | settings, stdout=output, stderr=output
            )

    def run(self, module: Sequence[str], **settings: str) -> str:
        """Until it has stored the log to its end, or stops by itself; what it said."""
        process, end = self.start(module, **settings), self.end()
        try:
            deadline = time.monotonic() + WAIT_S
            while process.poll() is None and self._stored() < end:
                assert time.monotonic() < deadline, self._output.read_text()
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(10)
        return self._output.read_text()

    def _stored(self) -> int:
        ((offset,),) = self.made.rows("SELECT max(log_offset) FROM progress WHERE log_partition = 0")
        return int(offset)

    def counts(self) -> dict[tuple[str, str], int]:
        sql = "SELECT outcome, reason, sum(count) FROM ledger_v1 GROUP BY outcome, reason"
        return {(outcome, reason): count for outcome, reason, count in self.made.rows(sql)}

    def numbers(self, table: str) -> tuple[int, int]:
        """Different events, and rows."""
        what = "event_id" if table == "events" else "payload"
        ((different, rows),) = self.made.rows(f"SELECT uniqExact({what}), count() FROM {table}")
        return different, rows


@pytest.fixture
def place(store: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    with bench(store, tmp_path) as made:
        made.client.execute("SYSTEM STOP MERGES events")
        made.control.add_site(SITE, now=0)
        found = Installation(made, tmp_path / "flow.log")
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


def replay(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["quarantine", "replay", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_flow_stops_and_the_next_one_takes_the_same_records(place: Installation) -> None:
    place.append(0)
    said = place.run(BROKEN)
    assert "stopped: 100 of the last 100 events" in said
    assert "pages: ValueError" in said
    assert "FOOTFALL_QUARANTINE_STOP_RATIO=0" in said
    assert "mail@example.org" not in said
    assert "Traceback" not in said
    assert (place.numbers("events"), place.numbers("quarantine")) == ((0, 0), (0, 0))
    place.run(RIGHT)
    assert place.numbers("events") == (RECORDS, RECORDS)
    assert place.numbers("quarantine") == (0, 0)
    assert place.counts() == {("accepted", ""): RECORDS, ("stored", ""): RECORDS}


def test_a_replay_is_counted_once_even_if_it_died_in_the_middle(place: Installation) -> None:
    place.append(0)
    place.run(BROKEN, FOOTFALL_QUARANTINE_STOP_RATIO="0")
    assert place.numbers("quarantine") == (RECORDS, RECORDS)
    assert place.numbers("events") == (0, 0)
    died = place.start(("tests.flows.broken", "replay", "--reason", "step_failed"))
    assert died.wait(60) == DIED
    assert place.end() == 2 * RECORDS  # the log has them, and nobody knows
    assert f"{RECORDS} of {RECORDS} items" in replay("--reason", "step_failed")
    assert f"0 of {RECORDS} items" in replay("--reason", "step_failed")
    assert place.end() == 3 * RECORDS
    place.run(RIGHT)
    assert place.numbers("events") == (RECORDS, RECORDS)
    assert place.counts() == {
        ("accepted", ""): 3 * RECORDS,
        ("quarantined", "step_failed"): RECORDS,
        ("stored", ""): RECORDS,
        ("duplicate", "batch"): RECORDS,
    }

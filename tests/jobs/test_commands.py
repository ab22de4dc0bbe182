"""`footfall job`, `footfall repair` and `footfall quarantine`, with the real store and log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from eventlog.local import LocalLog
from footfall.ids import derived_uuid7
from footfall.names import QuarantineReason
from footfall.record import LogEvent, Record, decode, encode
from jobs.job import wall_ms
from jobs.runner import LEASE_MS
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, MINUTE, Bench, bench, event, ms, time_of

SITE = "shop.example"
START = ms("2026-03-10T08:00Z")


@pytest.fixture
def made(store: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(store, tmp_path) as made:
        names = (
            "stage",
            "data_dir",
            "clickhouse_host",
            "clickhouse_port",
            "clickhouse_user",
            "clickhouse_password",
        )
        for name in (*names, "partitions"):
            monkeypatch.setenv(f"FOOTFALL_{name.upper()}", str(getattr(made.settings, name)))
        monkeypatch.setenv("COLUMNS", "200")
        made.control.add_site(SITE, now=0)
        yield made


def footfall(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


def quarantined(made: Bench, offset: int, reason: str, payload: bytes, site_id: str = SITE) -> None:
    now = time_of(wall_ms() + offset)  # an old one would be past its TTL
    row = {"site_id": site_id, "quarantined_at": now, "reason": reason, "detail": "why [x]"}
    place = {"payload": payload, "log_partition": 1, "log_offset": offset, "log_index": 0}
    made.insert("quarantine", [row | place])


def record(name: str) -> bytes:
    logged = LogEvent(
        name=name, event_id=derived_uuid7(START, name), occurred_at=START, url="https://shop.example/"
    )
    return encode(Record(site_id=SITE, visitor_id=5, received_at=START, events=[logged]))


def logged(made: Bench) -> list[tuple[int, bytes]]:
    reader = LocalLog(made.settings.log_dir(made.stage), made.settings.partitions).reader()
    try:
        return [(r.partition, r.value) for n in range(2) for r in reader.read(n, 0, 1000, 10**7)]
    finally:
        reader.close()


def test_job_list_and_run(made: Bench) -> None:
    made.insert("events", [event(SITE, 5, START, log_time=START + DAY)])
    made.stored_until(START + 2 * DAY)
    assert "repair: 1 visitors repaired, 0 waiting" in footfall("job", "run", "repair").output
    assert "1 days computed" in footfall("job", "run", "rollup_days").output
    assert "done" in footfall("job", "list", "--history", "5").output
    assert "there are repair, rollup_hours" in footfall("job", "run", "nothing", code=1).output


def test_a_job_that_is_held_is_not_run_twice(made: Bench) -> None:
    assert made.control.claim("repair", "elsewhere", LEASE_MS, now=wall_ms()) is not None
    assert "another process" in footfall("job", "run", "repair", code=1).output
    assert "jobs process is at it" in footfall("repair").output


def test_repair_a_range_and_status(made: Bench) -> None:
    events = [
        event(SITE, visitor, START + visitor * MINUTE, log_time=START + visitor * MINUTE) for visitor in (5, 6)
    ]
    early = event(SITE, 7, START - 3 * DAY, log_time=START - 3 * DAY)
    made.insert("events", [*events, early])
    made.stored_until(START + 2 * DAY)
    result = footfall("repair", "--site", SITE, "--from", "2026-03-10", "--to", "2026-03-10")
    assert "2 visitors of shop.example" in result.output
    assert "2 visitors repaired, 0 waiting" in result.output
    assert made.rows("SELECT visitor_id FROM sessions FINAL ORDER BY visitor_id") == [(5,), (6,)]
    status = footfall("repair", "--status").output
    assert "2026-03-12 08:00:00" in status
    assert "need --site" in footfall("repair", "--from", "2026-03-10", code=2).output


def test_quarantine_list_show_and_replay_once(made: Bench) -> None:
    assert "Nothing is in quarantine" in footfall("quarantine", "list").output
    first, second = record("first"), record("second")
    quarantined(made, 7, QuarantineReason.UNKNOWN_SITE, first)
    quarantined(made, 8, QuarantineReason.STEP_FAILED, second)
    quarantined(made, 1, QuarantineReason.UNDECODABLE, b"", site_id="")
    quarantined(made, 9, QuarantineReason.UNDECODABLE, b"", site_id="")
    listed = footfall("quarantine", "list").output
    assert "1-7-0" in listed
    assert "why [x]" in listed
    assert "1-9-0" in footfall("quarantine", "list", "--site", "-").output
    assert '"name": "first"' in footfall("quarantine", "show", "1-7-0").output
    assert "no item 0-1-0" in footfall("quarantine", "show", "0-1-0", code=1).output

    assert "1 of 1 items" in footfall("quarantine", "replay", "1-7-0").output
    assert logged(made) == [(1, first)]
    assert "0 of 1 items" in footfall("quarantine", "replay", "1-7-0").output
    assert "1 of 2 items" in footfall("quarantine", "replay", "--site", SITE).output
    assert logged(made) == [(1, first), (1, second)]
    # From the log, where the second is by now what this version can read; the other is not there.
    from_log = footfall("quarantine", "replay", "--reason", "undecodable_record").output
    assert "1 of 2 items" in from_log
    assert "for example 1-9-0" in from_log
    assert logged(made) == [(1, first), (1, second), (1, second)]
    assert footfall("quarantine", "list").output.count("yes") == 3
    footfall("quarantine", "replay", code=2)


def test_lines_of_a_log_are_parsed_again(made: Bench) -> None:
    good = b'203.0.113.9 - - [10/Mar/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "Mozilla/5.0"'
    quarantined(made, 3, QuarantineReason.BAD_LINE, good)
    quarantined(made, 4, QuarantineReason.BAD_LINE, b"no line at all")
    result = footfall("quarantine", "replay", "--reason", "malformed_line")
    assert "1 of 2 items" in result.output
    assert "as unreadable as before and stay, for example 1-4-0" in result.output
    ((_, value),) = logged(made)
    assert decode(value).events[0].url.endswith("/a")

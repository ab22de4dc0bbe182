"""What an import appends to the log, and what it waits for."""

from __future__ import annotations

from pathlib import Path

from cli.importer.feed import Feed
from cli.importer.records import Made
from eventlog.local import LocalLog
from footfall.generations import one_generation
from footfall.record import LogEvent, Record, decode

PARTITIONS = 2


def test_the_log_goes_on_past_the_last_record(tmp_path: Path) -> None:
    """Known to be stored is what came before a partition's newest millisecond, so repair, which
    runs when the import is stored, sees the last records only if something came after them."""
    log = LocalLog(tmp_path, PARTITIONS)
    reader = log.reader()
    feed = Feed(
        log, one_generation(PARTITIONS), lambda: {n: reader.bounds(n)[1] for n in range(PARTITIONS)}, lambda: None
    )
    event = LogEvent(name="page_view", event_id=bytes(16), url="https://shop.example.com/")
    feed.put(Made(0, Record(site_id="shop.example.com", events=[event])))
    feed.wait_stored()
    feed.close()
    last, after = reader.read(0, 0, 10, 1 << 20)
    assert decode(last.value).events == [event]
    assert decode(after.value).events == []
    assert after.log_time > last.log_time
    (alone,) = reader.read(1, 0, 10, 1 << 20)
    assert alone.log_time > last.log_time
    reader.close()

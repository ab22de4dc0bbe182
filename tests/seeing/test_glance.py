"""What `top` makes of metrics that tell of trouble."""

from __future__ import annotations

from cli.glance import Glance, Look
from cli.scraping import Samples

NOW = 1_790_000_000.0


def metrics(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def glance(before: str, now: str, *silent: str) -> Glance:
    return Glance("prod", 30.0, Look(NOW - 2, Samples([before])), Look(NOW, Samples([now]), silent))


def heartbeat(age_s: float, partition: int = 0) -> str:
    name = "footfall_stored_heartbeat_timestamp_seconds"
    return f'{name}{{stage="prod",partition="{partition}"}} {NOW - age_s}'


def test_old_heartbeats_come_first() -> None:
    now = metrics(*(heartbeat(age_s, n) for n, age_s in enumerate((1, 400, 2, 3, 4, 5, 6, 7))))
    found = glance(now, now)
    assert not found.well
    lines = [line.text for line in found.lines()]
    assert "LATE, the oldest heartbeat on its way left 7 min ago" in lines[0]
    first = next(n for n, text in enumerate(lines) if text.startswith("partition")) + 1
    assert lines[first].split()[:4] == ["1", "7", "min", "ago"]
    assert "and 2 more" in "\n".join(lines)


def test_rates_are_of_the_time_between_two_looks() -> None:
    count = 'footfall_flow_events_total{{stage="prod",partition="0",outcome="{}",reason="{}"}} {}'
    before = metrics(heartbeat(2), count.format("dropped", "excluded", 10))
    now = metrics(
        heartbeat(1), count.format("dropped", "excluded", 15), count.format("dropped", "foreign_host", 5)
    )
    found = glance(before, now)
    assert found.well
    (line,) = [line.text for line in found.lines() if line.text.startswith("dropped")]
    assert line.split() == ["dropped", "5.0", "20", "excluded", "15,", "foreign_host", "5"]


def test_a_silent_part_and_retries_are_alarms() -> None:
    now = metrics(heartbeat(1), 'footfall_store_retries_total{stage="prod"} 4')
    before = metrics(heartbeat(1), 'footfall_store_retries_total{stage="prod"} 2')
    found = glance(before, now, "gateway")
    alarms = [line.text for line in found.lines() if line.alarm]
    assert any(text.startswith("gateway does not answer") for text in alarms)
    assert any("1.0 retries/s" in text for text in alarms)
    assert not found.well


def test_nothing_known_is_no_good_news() -> None:
    assert not glance("", "").well

"""The rollups worked out again from the base tables, in plain Python, without `footfall.zones`."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from tests.jobs.data import Bench

MEASURES = (
    "events", "page_views", "sessions", "bounces", "engaged_ms", "duration_ms", "conversions", "orders",
    "revenue", "bot_events",
)  # fmt: skip
PAGES = ("page_view", "path_change")
Key = tuple[str, datetime, str, str]  # site, start of the bucket (UTC), dimension, value


def start_of(moment: datetime, zone: str, kind: str) -> datetime:
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    if kind == "day":
        local = datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone))
        return local.astimezone(UTC)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return local.astimezone(UTC) - into


def table(bench: Bench, name: str) -> list[dict[str, Any]]:
    rows, columns = bench.client.execute(f"SELECT * FROM {name} FINAL", with_column_types=True)
    return [dict(zip([c for c, _ in columns], row, strict=True)) for row in rows]


def recount(bench: Bench, zones: dict[str, str], kind: str, until: datetime) -> dict[Key, dict[str, Any]]:
    """What the tables' rows come to."""
    events = [row for row in table(bench, "events") if not row["withdrawn"]]
    return count(events, table(bench, "sessions"), zones, kind, until)


def count(
    events: list[dict[str, Any]], sessions: list[dict[str, Any]], zones: dict[str, str], kind: str, until: datetime
) -> dict[Key, dict[str, Any]]:
    """Row -> measures, `visitors` as a set; only buckets that ended by `until`."""
    out: dict[Key, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(MEASURES, 0) | {"visitors": set()})

    for row in events:
        site, zone = row["site_id"], zones[row["site_id"]]
        start = start_of(row["occurred_at"], zone, kind)
        if not (start < start_of(until, zone, kind)):
            continue
        page = row["path"] if row["name"] in PAGES else ""
        lines = {"": "", "country": row["country"], "device": row["device_type"], "browser": row["browser"]}
        lines["os"] = row["os"]
        if page:
            lines["page"] = page
        for dimension, value in lines.items():
            if row["bot"]:
                if not dimension:
                    out[site, start, "", ""]["bot_events"] += 1
                continue
            line = out[site, start, dimension, value]
            line["events"] += 1
            line["page_views"] += bool(row["name"] in PAGES)
            if row["id_kind"] != 3:
                line["visitors"].add(row["visitor_id"])
    for row in sessions:
        site, zone = row["site_id"], zones[row["site_id"]]
        start = start_of(row["start_at"], zone, kind)
        if row["bot"] or not start < start_of(until, zone, kind):
            continue
        alone = {
            "channel": row["channel"], "source": row["utm_source"] or row["referrer_host"],
            "campaign": row["utm_campaign"], "entry_page": row["entry_page"], "exit_page": row["exit_page"],
        }  # fmt: skip
        both = {"": "", "country": row["country"], "device": row["device_type"], "browser": row["browser"]}
        both["os"] = row["os"]
        for dimension, value in (alone | both).items():
            line = out[site, start, dimension, value]
            line["sessions"] += 1
            line["bounces"] += row["is_bounce"]
            for measure in ("engaged_ms", "duration_ms", "conversions", "orders", "revenue"):
                line[measure] += row[measure]
            if dimension in alone:
                line["events"] += row["events"]
                line["page_views"] += row["page_views"]
                if row["id_kind"] != 3:
                    line["visitors"].add(row["visitor_id"])
    return dict(out)


class Store(Protocol):
    """Where the rollups are."""

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]: ...


def stored(bench: Store, kind: str) -> dict[Key, dict[str, Any]]:
    """The same from the rollup's view."""
    measures = ", ".join(f"sum({m})" for m in MEASURES)
    rows = bench.rows(
        f"""
        SELECT site_id, bucket, dimension, value, {measures}, uniqExactMerge(visitors), count()
        FROM rollup_{kind} FINAL GROUP BY site_id, bucket, dimension, value
        """
    )
    out = {}
    for site, bucket, dimension, value, *rest in rows:
        *sums, visitors, count = rest
        assert count == 1
        key = (site, bucket.replace(tzinfo=UTC), dimension, value)
        out[key] = dict(zip(MEASURES, sums, strict=True)) | {"visitors": visitors}
    return out


def assert_equal(bench: Bench, zones: dict[str, str], kind: str, until_ms: int) -> int:
    """The rollup equals the recount; how many rows that are."""
    expected = recount(bench, zones, kind, datetime.fromtimestamp(until_ms / 1000, UTC))
    counted = {key: line | {"visitors": len(line["visitors"])} for key, line in expected.items()}
    found = stored(bench, kind)
    assert found.keys() == counted.keys()
    wrong = {key: (found[key], counted[key]) for key in found if found[key] != counted[key]}
    assert not wrong
    return len(found)

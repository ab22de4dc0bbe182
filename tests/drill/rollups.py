"""Are the rollups what the oracle's rows and sessions come to?"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.drill.oracle import Row, Session, VisitorDay, visitor_days
from tests.jobs.recount import count, start_of, stored

FOREVER = datetime(2100, 1, 1, tzinfo=UTC)
VISITOR_DAYS = (
    "SELECT day, visitor_id, toInt64(id_kind), toUnixTimestamp64Milli(first_seen), sessions, events, page_views, "
    "engaged_ms, conversions, orders, revenue, toString(bot) FROM visitor_days FINAL WHERE site_id = %(site)s"
)


class Wanted(NamedTuple):
    """What the rollups of one site should hold: bucket -> its rows; day -> its visitors."""

    zone: str
    closed_before: datetime
    hours: dict[datetime, dict[Any, Any]]
    days: dict[datetime, dict[Any, Any]]
    visitor_days: dict[date, dict[Any, VisitorDay]]


class _Reading:
    """`recount.stored` of a plain client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._client.execute(sql, values)
        return found


def wanted(rows: list[Row], sessions: list[Session], site_id: str, zone: str, closed_before: int) -> Wanted:
    """Everything, of open buckets too. `closed_before`: ms."""
    events = [row._asdict() | {"occurred_at": _time(row.occurred_at)} for row in rows]
    visits = [s._asdict() | {"start_at": _time(s.start_at), "site_id": site_id} for s in sessions]
    hours, days = (
        _by_bucket(
            {
                key: line | {"visitors": len(line["visitors"])}
                for key, line in count(events, visits, {site_id: zone}, kind, FOREVER).items()
            },
            site_id,
        )
        for kind in ("hour", "day")
    )
    by_day: dict[date, dict[Any, VisitorDay]] = defaultdict(dict)
    for (day, visitor), line in visitor_days(rows, sessions, zone).items():
        by_day[day][visitor] = line
    return Wanted(zone, _time(closed_before).replace(tzinfo=UTC), hours, days, dict(by_day))


def check_rollups(client: Any, wanted: Wanted, site_id: str) -> list[str]:
    """Closed hours and days equal the recount, and each day's visitors do."""
    problems = []
    for kind, buckets in (("hour", wanted.hours), ("day", wanted.days)):
        found = _by_bucket(stored(_Reading(client), kind), site_id)
        closed = {bucket for bucket in buckets if _end(bucket, kind, wanted.zone) <= wanted.closed_before}
        problems += _compare(f"{kind}s", buckets, found, closed)
    known: dict[date, dict[Any, VisitorDay]] = defaultdict(dict)
    for day, visitor, *line in client.execute(VISITOR_DAYS, {"site": site_id}):
        known[day][visitor] = VisitorDay(*line)
    closed_days = {
        _local_day(b, wanted.zone) for b in wanted.days if _end(b, "day", wanted.zone) <= wanted.closed_before
    }
    return problems + _compare("days of visitors", wanted.visitor_days, dict(known), closed_days)


def _compare(what: str, wanted: dict[Any, Any], found: dict[Any, Any], closed: set[Any]) -> list[str]:
    if not closed:
        return [f"no {what} are closed: there is nothing to compare"]
    # A bucket that ended just now may be rolled up already or not: if it is, it must be right.
    differing = [bucket for bucket in sorted(closed | found.keys()) if wanted.get(bucket) != found.get(bucket)]
    if not differing:
        return []
    right, wrong = wanted.get(differing[0], {}), found.get(differing[0], {})
    row = next(row for row in [*right, *wrong] if right.get(row) != wrong.get(row))
    example = f"{differing[0]} {row}: wanted {right.get(row)}, found {wrong.get(row)}"
    return [f"{len(differing)} of {len(closed)} closed {what} differ, such as {example}"]


def _by_bucket(lines: dict[Any, dict[str, Any]], site_id: str) -> dict[datetime, dict[Any, Any]]:
    out: dict[datetime, dict[Any, Any]] = defaultdict(dict)
    for (site, bucket, dimension, value), line in lines.items():
        if site == site_id:
            out[bucket][dimension, value] = line
    return dict(out)


def _end(bucket: datetime, kind: str, zone: str) -> datetime:
    if kind == "hour":
        return bucket + timedelta(hours=1)
    return start_of((bucket + timedelta(hours=36)).replace(tzinfo=None), zone, "day")  # days have 23 to 25


def _local_day(bucket: datetime, zone: str) -> date:
    return bucket.astimezone(ZoneInfo(zone)).date()


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None)

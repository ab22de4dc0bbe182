"""Traffic worked out again from the rows of the tables, by pandas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from tests.jobs.data import Bench

OF_SESSIONS = {
    "channel": "channel",
    "entry_page": "entry_page",
    "exit_page": "exit_page",
    "campaign": "utm_campaign",
}
OF_BOTH = {"country": "country", "device": "device_type", "browser": "browser", "os": "os"}
PAGES = ("page_view", "path_change")


def begins(start: datetime, end: datetime, zone: str) -> datetime:
    """Where a range begins: long ones at midnight, those above six hours at a full hour."""
    local = start.astimezone(ZoneInfo(zone))
    if end - start > timedelta(days=7):
        return datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if end - start > timedelta(hours=6):
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return start - into
    return start


@dataclass
class Rows:
    """Both tables, as they are."""

    events: pd.DataFrame
    sessions: pd.DataFrame

    def between(self, site: str, start: datetime, end: datetime) -> Rows:
        def inside(rows: pd.DataFrame, at: str) -> pd.DataFrame:
            return rows[rows.site_id.eq(site) & rows[at].ge(start) & rows[at].lt(end)]

        return Rows(inside(self.events, "occurred_at"), inside(self.sessions, "start_at"))


def rows_of(bench: Bench) -> Rows:
    def frame(table: str, times: str) -> pd.DataFrame:
        rows, columns = bench.client.execute(f"SELECT * FROM {table} FINAL", with_column_types=True)
        found = pd.DataFrame(rows, columns=[name for name, _ in columns])
        found[times] = pd.to_datetime(found[times], utc=True)
        return found

    return Rows(frame("events", "occurred_at"), frame("sessions", "start_at"))


def totals(rows: Rows) -> dict[str, Any]:
    """One line of measures."""
    people = rows.events[rows.events.bot == ""]
    sessions = rows.sessions[rows.sessions.bot == ""]
    count = len(sessions)
    return {
        "visitors": people[people.id_kind != 3].visitor_id.nunique(),
        "sessions": count,
        "page_views": int(people.name.isin(PAGES).sum()),
        "events": len(people),
        "bounces": int(sessions.is_bounce.sum()),
        "bounce_rate": float(sessions.is_bounce.mean()) if count else None,
        "pages_per_session": float(people.name.isin(PAGES).sum() / count) if count else None,
        "engaged_ms": float(sessions.engaged_ms.mean()) if count else None,
        "conversions": int(sessions.conversions.sum()),
        "orders": int(sessions.orders.sum()),
        "revenue": float(sessions.revenue.sum()) / 10_000,
        "bot_events": int((rows.events.bot != "").sum()),
    }


def breakdown(rows: Rows, dimension: str) -> dict[str, dict[str, Any]]:
    """Value -> visitors, sessions, page views, bounces, orders and revenue."""
    people = rows.events[rows.events.bot == ""]
    people = people.assign(viewed=people.name.isin(PAGES))
    sessions = rows.sessions[rows.sessions.bot == ""]
    sessions = sessions.assign(source=sessions.utm_source.where(sessions.utm_source != "", sessions.referrer_host))
    found: dict[str, dict[str, Any]] = {}
    if dimension == "page":
        views = people[people.viewed & (people.path != "")]
        for value, group in views.groupby("path"):
            found[value] = _line(group[group.id_kind != 3].visitor_id.nunique(), len(group))
        return found
    if dimension in OF_BOTH:
        for value, group in people.groupby(OF_BOTH[dimension]):
            found[value] = _line(group[group.id_kind != 3].visitor_id.nunique(), int(group.viewed.sum()))
    for value, group in sessions.groupby((OF_BOTH | OF_SESSIONS | {"source": "source"})[dimension]):
        line = found.setdefault(value, _line(0, 0))
        line |= {"sessions": len(group), "bounces": int(group.is_bounce.sum()), "orders": int(group.orders.sum())}
        line["revenue"] = float(group.revenue.sum()) / 10_000
        if dimension not in OF_BOTH:
            line["visitors"] = group[group.id_kind != 3].visitor_id.nunique()
            line["page_views"] = int(group.page_views.sum())
    return {value: line for value, line in found.items() if line["visitors"] or line["sessions"]}


def _line(visitors: int, page_views: int) -> dict[str, Any]:
    return {
        "visitors": visitors,
        "sessions": 0,
        "page_views": page_views,
        "bounces": 0,
        "orders": 0,
        "revenue": 0.0,
    }

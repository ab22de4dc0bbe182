"""Sessions and visitor days worked out from the rows of `events` by sort-and-split.

Shares no code with the fold, the jobs or their SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

PAGE_NAMES = ("page_view", "path_change")
MAX_PAGES, MAX_TOUCHES = 100, 20
BOUNCE_MS = 10_000
SERVER = 3  # id_kind: no visitor


class Row(NamedTuple):
    """What the oracle needs of an event: the columns of `events`, times in ms."""

    visitor_id: int
    event_id: bytes
    occurred_at: int
    name: str
    site_id: str = ""
    host: str = ""
    path: str = ""
    channel: str = ""
    referrer_host: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    click_id: str = ""
    engaged_ms: int = 0
    revenue: int = 0
    currency: str = ""
    plan: str = ""
    id_kind: int = 0
    device_type: str = ""
    browser: str = ""
    os: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    language: str = ""
    bot: str = ""

    @property
    def is_page(self) -> bool:
        return self.name in PAGE_NAMES


class Session(NamedTuple):
    """Everything a session says, in the words of `sessions_v1`; times in ms, money in ten-thousandths."""

    visitor_id: int
    start_at: int
    end_at: int
    duration_ms: int
    events: int
    page_views: int
    pages: tuple[str, ...]
    entry_page: str
    exit_page: str
    engaged_ms: int
    is_bounce: int
    hostname: str
    channel: str
    referrer_host: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    click_id: str
    touch_at: tuple[int, ...]
    touch_channel: tuple[str, ...]
    touch_source: tuple[str, ...]
    touch_campaign: tuple[str, ...]
    device_type: str
    browser: str
    os: str
    country: str
    region: str
    city: str
    language: str
    goals: tuple[str, ...]
    conversions: int
    orders: int
    revenue: int
    id_kind: int
    bot: str


Reached = Callable[[Row], set[str]]  # the goals an event reaches


def split(rows: Iterable[Row], window_ms: int, reached: Reached, currency: str) -> list[Session]:
    """Sort each visitor's events by time and cut where the gap is above the window."""
    by_visitor: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_visitor[row.visitor_id].append(row)
    sessions = []
    for events in by_visitor.values():
        events.sort(key=lambda row: (row.occurred_at, row.event_id))
        current: list[Row] = []
        for row in events:
            if current and row.occurred_at - current[-1].occurred_at > window_ms:
                sessions.append(_session(current, reached, currency))
                current = []
            current.append(row)
        sessions.append(_session(current, reached, currency))
    return sessions


def _session(events: list[Row], reached: Reached, currency: str) -> Session:
    first, last = events[0], events[-1]
    pages = [row.path for row in events if row.is_page]
    goals = [reached(row) for row in events]
    all_goals = tuple(sorted(set().union(*goals)))
    engaged = sum(row.engaged_ms for row in events)
    orders = [row for row in events if row.name == "purchase"]
    touches = _touches(events)
    return Session(
        visitor_id=first.visitor_id,
        start_at=first.occurred_at,
        end_at=last.occurred_at,
        duration_ms=last.occurred_at - first.occurred_at,
        events=len(events),
        page_views=len(pages),
        pages=tuple(pages[:MAX_PAGES]),
        entry_page=pages[0] if pages else "",
        exit_page=pages[-1] if pages else "",
        engaged_ms=engaged,
        is_bounce=int(len(pages) < 2 and not all_goals and engaged < BOUNCE_MS),
        hostname=first.host,
        channel=first.channel or "Direct",
        touch_at=tuple(at for at, _ in touches),
        touch_channel=tuple(key[0] for _, key in touches),
        touch_source=tuple(key[1] for _, key in touches),
        touch_campaign=tuple(key[2] for _, key in touches),
        goals=all_goals,
        conversions=sum(map(bool, goals)),
        orders=len(orders),
        revenue=sum(row.revenue for row in orders if row.currency in ("", currency)),
        **{name: getattr(first, name) for name in OF_THE_FIRST},
    )


OF_THE_FIRST = (
    "referrer_host", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "click_id",
    "device_type", "browser", "os", "country", "region", "city", "language", "id_kind", "bot",
)  # fmt: skip


def _touches(events: list[Row]) -> list[tuple[int, tuple[str, str, str]]]:
    """Further arrivals, each the first time it came."""
    first = events[0]
    own = (first.channel or "Direct", first.utm_source or first.referrer_host, first.utm_campaign)
    found: dict[tuple[str, str, str], int] = {}
    for row in events:
        key = (row.channel, row.utm_source or row.referrer_host, row.utm_campaign)
        if row.channel not in ("", "Direct") and key != own:
            found.setdefault(key, row.occurred_at)
    return [(at, key) for key, at in found.items()][:MAX_TOUCHES]


class VisitorDay(NamedTuple):
    """A row of `visitor_days`, its key apart."""

    id_kind: int
    first_seen: int
    sessions: int
    events: int
    page_views: int
    engaged_ms: int
    conversions: int
    orders: int
    revenue: int
    bot: str


def visitor_days(rows: list[Row], sessions: list[Session], zone: str) -> dict[tuple[date, int], VisitorDay]:
    """By day in the zone, and visitor; who was a person at any time of the day counts as one."""
    lines: dict[tuple[date, int, str], list[Any]] = defaultdict(list)
    here = ZoneInfo(zone)
    for row in rows:
        if row.id_kind != SERVER:
            day = datetime.fromtimestamp(row.occurred_at / 1000, UTC).astimezone(here).date()
            part = VisitorDay(row.id_kind, row.occurred_at, 0, 1, int(row.is_page), 0, 0, 0, 0, row.bot)
            lines[day, row.visitor_id, row.bot].append(part)
    for s in sessions:
        if s.id_kind != SERVER:
            day = datetime.fromtimestamp(s.start_at / 1000, UTC).astimezone(here).date()
            part = VisitorDay(
                s.id_kind, s.start_at, 1, 0, 0, s.engaged_ms, s.conversions, s.orders, s.revenue, s.bot
            )
            lines[day, s.visitor_id, s.bot].append(part)
    out: dict[tuple[date, int], VisitorDay] = {}
    for (day, visitor, bot), parts in sorted(lines.items()):  # a person's line, without a bot's name, first
        sums = [sum(column) for column in list(zip(*parts, strict=True))[2:9]]
        line = VisitorDay._make([max(p.id_kind for p in parts), min(p.first_seen for p in parts), *sums, bot])
        out.setdefault((day, visitor), line)
    return out

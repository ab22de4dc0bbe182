"""One site's live state in one shard, and how it is saved. See `footfall.live`."""

from __future__ import annotations

from array import array
from collections import deque
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from footfall.live_view import MINUTE_MS, NOW_MS, OTHER, SHARD_PAGES, SHOWN_EVENTS, VIEW_MINUTES, LiveEvent
from footfall.record import LogEvent
from footfall.zones import day_of, day_range

if TYPE_CHECKING:
    from footfall.enrich.batch import Page

MAX_VISITORS = 100_000
MAX_PATHS = 500
PAGE_BUCKET_MS = 5 * MINUTE_MS
PAGE_BUCKETS = VIEW_MINUTES * MINUTE_MS // PAGE_BUCKET_MS
_TIME_BITS = 16
_COUNTRY_MASK = (1 << _TIME_BITS) - 1  # a visitor's value is log_time << 16 | index of the country


class SavedSite(Struct, kw_only=True, omit_defaults=True):
    """One site in a snapshot. Fields may be added with a default, never removed."""

    site_id: str
    timezone: str = "UTC"
    visitors: bytes = b""  # array('Q') of ids
    seen: bytes = b""  # array('Q') of values
    views: dict[int, int] = {}
    pages: dict[int, dict[str, int]] = {}
    totals: dict[str, tuple[int, int]] = {}
    events: list[LiveEvent] = []


class LiveSite:
    """One site's state in one shard."""

    __slots__ = (
        "countries", "day", "day_end", "day_start", "older", "pages", "recent",
        "recent_count", "saved", "site_id", "timezone", "totals", "views", "visitors",
    )  # fmt: skip

    def __init__(self, site_id: str, timezone: str) -> None:
        self.site_id = site_id
        self.timezone = timezone
        self.visitors: dict[int, int] = {}  # in order of last sight
        self.countries: dict[int, int] = {}  # index -> visitors
        self.views: dict[int, int] = {}
        self.pages: dict[int, dict[str, int]] = {}
        self.totals: dict[str, list[int]] = {}  # date -> [conversions, revenue]
        self.recent: deque[tuple[int, str, list[LogEvent], list[Page]]] = deque()
        self.recent_count = 0
        self.older: list[LiveEvent] = []  # from a snapshot
        self.day, self.day_start, self.day_end = "", 0, 0
        self.saved: bytes | None = None  # encoded, until touched again

    def date_of(self, at_ms: int) -> str:
        """The site's date, worked out once a day."""
        if not self.day_start <= at_ms < self.day_end:
            day = day_of(at_ms, self.timezone)
            self.day = day.isoformat()
            self.day_start, self.day_end = day_range(day, self.timezone)
        return self.day

    def add_pages(self, log_time: int, paths: list[str]) -> None:
        """Count page views; a page beyond MAX_PATHS counts as "(other)"."""
        minute = log_time - log_time % MINUTE_MS
        self.views[minute] = self.views.get(minute, 0) + len(paths)
        bucket = self.pages.setdefault(log_time - log_time % PAGE_BUCKET_MS, {})
        for path in paths:
            if path in bucket:
                bucket[path] += 1
            elif len(bucket) < MAX_PATHS:
                bucket[path] = 1
            else:
                bucket[OTHER] = bucket.get(OTHER, 0) + 1

    def add_totals(self, occurred_at: int, converted: bool, revenue: int) -> None:
        """Count a conversion or a purchase on the date it happened."""
        total = self.totals.setdefault(self.date_of(occurred_at), [0, 0])
        total[0] += converted
        total[1] += revenue

    def add_events(self, log_time: int, country: str, events: list[LogEvent], pages: list[Page]) -> None:
        """Keep the last events as they came: most are pushed out before anyone reads them."""
        self.recent.append((log_time, country, events, pages))
        self.recent_count += len(events)
        while self.recent_count - len(self.recent[0][2]) >= SHOWN_EVENTS:
            self.recent_count -= len(self.recent.popleft()[2])

    def last_events(self) -> list[LiveEvent]:
        """The last SHOWN_EVENTS, newest last."""
        last = [
            LiveEvent(log_time, event.name, page.path, country)
            for log_time, country, events, pages in self.recent
            for event, page in zip(events, pages, strict=True)
        ]
        return [*self.older, *last][-SHOWN_EVENTS:]

    def trim_visitors(self) -> None:
        """Keep the MAX_VISITORS seen last. Sight order makes this independent of when it runs."""
        surplus = len(self.visitors) - MAX_VISITORS
        if surplus > 0:
            self.forget(list(self.visitors)[:surplus])

    def see(self, visitor: int, log_time: int, country: int) -> None:
        """The visitor is here; taken out first, so that the dict stays in order of sight."""
        old = self.visitors.pop(visitor, None)
        self.visitors[visitor] = log_time << _TIME_BITS | country
        if old is None or old & _COUNTRY_MASK != country:
            self.countries[country] = self.countries.get(country, 0) + 1
            if old is not None:
                self.countries[old & _COUNTRY_MASK] -= 1
        if len(self.visitors) > 2 * MAX_VISITORS:
            self.trim_visitors()

    def forget(self, visitors: list[int]) -> None:
        """Visitors who are no longer here."""
        for visitor in visitors:
            self.countries[self.visitors.pop(visitor) & _COUNTRY_MASK] -= 1

    def expire(self, log_time: int) -> bool:
        """Forget what is too old at `log_time`; whether anything was."""
        cutoff = (log_time - NOW_MS + 1) << _TIME_BITS
        gone: list[int] = []
        for visitor, value in self.visitors.items():
            if value >= cutoff:
                break
            gone.append(visitor)
        self.forget(gone)
        self.trim_visitors()
        minute = log_time - log_time % MINUTE_MS - (VIEW_MINUTES - 1) * MINUTE_MS
        bucket = log_time - log_time % PAGE_BUCKET_MS - (PAGE_BUCKETS - 1) * PAGE_BUCKET_MS
        old_views = [at for at in self.views if at < minute]
        old_pages = [at for at in self.pages if at < bucket]
        for at in old_views:
            del self.views[at]
        for at in old_pages:
            del self.pages[at]
        return bool(gone or old_views or old_pages) | self._expire_totals(log_time)

    def _expire_totals(self, log_time: int) -> bool:
        before = self.day
        today = self.date_of(log_time)
        for day in [d for d in self.totals if d < today]:
            del self.totals[day]
        return today != before

    def is_empty(self) -> bool:
        """Whether nothing is known of the site any more."""
        return not (self.visitors or self.views or self.pages or self.totals)

    def top_pages(self) -> dict[str, int]:
        """The SHARD_PAGES most viewed pages of about the last half hour."""
        total: dict[str, int] = {}
        for bucket in self.pages.values():
            for path, count in bucket.items():
                total[path] = total.get(path, 0) + count
        return dict(nlargest(SHARD_PAGES, total.items(), key=itemgetter(1, 0)))


def save(site: LiveSite) -> SavedSite:
    """What a snapshot keeps of the site."""
    return SavedSite(
        site_id=site.site_id,
        timezone=site.timezone,
        visitors=array("Q", site.visitors.keys()).tobytes(),
        seen=array("Q", site.visitors.values()).tobytes(),
        views=site.views,
        pages=site.pages,
        totals={day: (total[0], total[1]) for day, total in site.totals.items()},
        events=site.last_events(),
    )


def load(saved: SavedSite) -> LiveSite:
    """The site of a snapshot."""
    site = LiveSite(saved.site_id, saved.timezone)
    site.visitors = dict(zip(array("Q", saved.visitors), array("Q", saved.seen), strict=True))
    for value in site.visitors.values():
        country = value & _COUNTRY_MASK
        site.countries[country] = site.countries.get(country, 0) + 1
    site.views = saved.views
    site.pages = saved.pages
    site.totals = {day: [conversions, revenue] for day, (conversions, revenue) in saved.totals.items()}
    site.older = saved.events
    return site

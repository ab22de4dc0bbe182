"""What a live reader sees of a site: one shard's absolute values, and the sum of all.

A visitor is in one log partition only, so counts of shards add up exactly (but for five minutes after the
log grew, when those who are there just then are in two).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec
from msgspec import Struct

MINUTE_MS = 60_000
NOW_MS = 5 * MINUTE_MS  # how long a visitor counts as being here
VIEW_MINUTES = 30
SHARD_PAGES = 50
SHOWN_PAGES = 20
SHOWN_EVENTS = 20
OTHER = "(other)"


class LiveEvent(Struct, frozen=True, array_like=True, gc=False):
    """One of the last events. No id of anybody."""

    log_time: int
    name: str
    path: str
    country: str


class LiveValues(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One shard's values of one site, as of `log_time`; absolute, so writing them twice
    or after a gap is harmless. `gone`: the shard knows nothing of the site any more."""

    site_id: str = ""
    shard: int = 0
    log_time: int = 0
    visitors: int = 0  # seen in the 5 minutes before log_time
    capped: bool = False  # there were more visitors than the shard counts
    views: dict[int, int] = {}  # start of the minute (ms) -> page views
    pages: dict[str, int] = {}  # path -> views in about the last half hour
    countries: dict[str, int] = {}  # of the visitors
    day: str = ""  # the site's date the totals below are of
    conversions: int = 0
    revenue: int = 0  # ten-thousandths
    events: list[LiveEvent] = []  # newest last
    gone: bool = False


class LiveView(Struct, frozen=True, kw_only=True):
    """A site now."""

    site_id: str
    as_of: int = 0  # log time of the shard that is furthest behind, ms; 0: nothing known
    visitors: int = 0
    capped: bool = False
    views: list[tuple[int, int]] = []  # (start of the minute, page views), oldest first
    pages: list[tuple[str, int]] = []
    countries: list[tuple[str, int]] = []
    day: str = ""
    conversions: int = 0
    revenue: int = 0
    events: list[LiveEvent] = []  # newest first


encode_values = msgspec.json.Encoder().encode
decode_values = msgspec.json.Decoder(LiveValues).decode


def _views(shards: Iterable[LiveValues], now_ms: int) -> list[tuple[int, int]]:
    this_minute = now_ms - now_ms % MINUTE_MS
    total: Counter[int] = Counter()
    for shard in shards:
        total.update(shard.views)
    first = this_minute - (VIEW_MINUTES - 1) * MINUTE_MS
    return [(at, total[at]) for at in range(first, this_minute + 1, MINUTE_MS)]


def _add(shards: Iterable[dict[str, int]], limit: int | None = None) -> list[tuple[str, int]]:
    total: Counter[str] = Counter()
    for shard in shards:
        total.update(shard)
    return sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def sum_shards(site_id: str, shards: Sequence[LiveValues], now_ms: int) -> LiveView:
    """The site at `now_ms`. A shard that has stood still for longer than a visitor
    counts no longer adds visitors: what it says is not about now."""
    if not shards:
        return LiveView(site_id=site_id, views=_views((), now_ms))
    fresh = [s for s in shards if s.log_time > now_ms - NOW_MS]
    recent = [s for s in shards if s.log_time > now_ms - VIEW_MINUTES * MINUTE_MS]
    day = max(s.day for s in shards)
    today = [s for s in shards if s.day == day]
    events = sorted((e for s in shards for e in s.events), key=attrgetter("log_time"), reverse=True)
    return LiveView(
        site_id=site_id,
        as_of=min(s.log_time for s in shards),
        visitors=sum(s.visitors for s in fresh),
        capped=any(s.capped for s in fresh),
        views=_views(shards, now_ms),
        pages=_add((s.pages for s in recent), SHOWN_PAGES),
        countries=_add(s.countries for s in fresh),
        day=day,
        conversions=sum(s.conversions for s in today),
        revenue=sum(s.revenue for s in today),
        events=events[:SHOWN_EVENTS],
    )

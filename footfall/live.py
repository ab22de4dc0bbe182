"""Live counters: what is happening on each site, per log partition.

Pure and driven by log time alone: the same records give the same values, however they
are cut into batches and however often the values are taken. Late events are left out by
the caller (`places`), bots by `absorb`.

Bounded per site: visitors of 5 minutes up to MAX_VISITORS (the longest unseen go
first), MAX_PATHS pages per 5 minutes (the rest is one line "(other)"), 30 minutes of
views, two days of totals, 20 events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from footfall.live_site import MAX_VISITORS, LiveSite, SavedSite, load, save
from footfall.live_view import OTHER, SHOWN_EVENTS, LiveValues
from footfall.names import PAGE_EVENTS, EventName
from footfall.record import LogEvent
from footfall.sites import Site

if TYPE_CHECKING:
    from footfall.enrich.batch import EnrichedBatch

MAX_COUNTRIES = 1_000  # there are 249; a proxy's header may hold anything
SWEEP_MS = 5_000
_PURCHASE = EventName.PURCHASE.value


class _Snapshot(Struct, kw_only=True, omit_defaults=True):
    shard: int = 0
    log_time: int = 0
    countries: list[str] = []
    sites: list[bytes] = []


def _revenue(event: LogEvent, site: Site) -> int:
    """Ten-thousandths; of purchases, in the site's currency: as sessions count it."""
    order = event.order
    if event.name != _PURCHASE or order is None:
        return 0
    if order.currency and site.currency and order.currency.upper() != site.currency.upper():
        return 0
    return round(order.revenue * 10_000)


class LiveShard:
    """The live state of one log partition. Not thread-safe."""

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.log_time = 0
        self._sites: dict[str, LiveSite] = {}
        self._dirty: dict[str, None] = {}
        self._swept = 0
        self._countries: list[str] = [OTHER]
        self._country_index: dict[str, int] = {OTHER: 0}

    @property
    def dirty(self) -> bool:
        """Whether `take` has something to give."""
        return bool(self._dirty)

    def absorb(
        self, batch: EnrichedBatch, visitor_id: int, log_time: int, places: Sequence[int] | None = None
    ) -> None:
        """Count one enriched record of a visitor. `places`: which events are live (None:
        all); late ones and duplicates must not be among them."""
        self.advance(log_time)
        if batch.bot or not batch.events or (places is not None and not places):
            return
        site = self._site(batch)
        if visitor_id:  # a server without a visitor is nobody
            site.see(visitor_id, log_time, self._index(batch.geo.country))
        events, names, pages, goals = batch.events, batch.names, batch.pages, batch.goals
        if places is not None:
            events = [events[i] for i in places]
            names = [names[i] for i in places]
            pages = [pages[i] for i in places]
            goals = [goals[i] for i in places]
        paths = [page.path for name, page in zip(names, pages, strict=True) if name in PAGE_EVENTS]
        if paths:
            site.add_pages(log_time, paths)
        site.add_events(log_time, batch.geo.country, events[-SHOWN_EVENTS:], pages[-SHOWN_EVENTS:])
        if any(goals) or _PURCHASE in names:
            for place, reached in enumerate(goals):
                if reached or names[place] == _PURCHASE:
                    at = batch.occurred[place if places is None else places[place]]
                    site.add_totals(at, bool(reached), _revenue(events[place], batch.site))

    def _site(self, batch: EnrichedBatch) -> LiveSite:
        site_id = batch.record.site_id
        site = self._sites.get(site_id)
        if site is None or site.timezone != batch.site.timezone:
            # Days of another zone are other days: start anew.
            site = self._sites[site_id] = LiveSite(site_id, batch.site.timezone)
        site.saved = None
        self._dirty[site_id] = None
        return site

    def _index(self, country: str) -> int:
        index = self._country_index.get(country)
        if index is None:
            if len(self._countries) >= MAX_COUNTRIES:
                return self._index(OTHER)
            index = self._country_index[country] = len(self._countries)
            self._countries.append(country)
        return index

    def advance(self, log_time: int) -> None:
        """Move log time (heartbeats do); what grows too old falls out, at most every 5 s."""
        self.log_time = max(self.log_time, log_time)
        if self.log_time - self._swept < SWEEP_MS:
            return
        self._swept = self.log_time
        for site in self._sites.values():
            if site.expire(self.log_time):
                site.saved = None
                self._dirty[site.site_id] = None

    def take(self) -> list[LiveValues]:
        """The present values of every site that changed since the last call."""
        values = [self._values(self._sites[site_id]) for site_id in self._dirty]
        self._dirty.clear()
        return values

    def _values(self, site: LiveSite) -> LiveValues:
        site.expire(self.log_time)
        if site.is_empty():
            del self._sites[site.site_id]
            return LiveValues(site_id=site.site_id, shard=self.shard, log_time=self.log_time, gone=True)
        day = site.date_of(self.log_time)
        conversions, revenue = site.totals.get(day, (0, 0))
        return LiveValues(
            site_id=site.site_id,
            shard=self.shard,
            log_time=self.log_time,
            visitors=len(site.visitors),
            capped=len(site.visitors) >= MAX_VISITORS,
            views=dict(site.views),
            pages=site.top_pages(),
            countries={self._countries[i]: n for i, n in site.countries.items() if n},
            day=day,
            conversions=conversions,
            revenue=revenue,
            events=site.last_events(),
        )

    def snapshot(self) -> bytes:
        """Everything, picklable and immutable; sites not touched since are not encoded again."""
        for site in self._sites.values():
            if site.saved is None:
                site.saved = _encode(save(site))
        return _encode(
            _Snapshot(
                shard=self.shard,
                log_time=self.log_time,
                countries=self._countries,
                sites=[site.saved for site in self._sites.values() if site.saved is not None],
            )
        )

    @classmethod
    def restore(cls, data: bytes) -> LiveShard:
        """The shard of a `snapshot`; every site is dirty, so that readers get it anew."""
        snapshot = _decode_snapshot(data)
        shard = cls(snapshot.shard)
        shard.log_time = snapshot.log_time
        shard._countries = snapshot.countries
        shard._country_index = {country: i for i, country in enumerate(snapshot.countries)}
        for encoded in snapshot.sites:
            site = load(_decode_site(encoded))
            shard._sites[site.site_id] = site
            shard._dirty[site.site_id] = None
        return shard


_encode = msgspec.msgpack.Encoder().encode
_decode_snapshot = msgspec.msgpack.Decoder(_Snapshot).decode
_decode_site = msgspec.msgpack.Decoder(SavedSite).decode

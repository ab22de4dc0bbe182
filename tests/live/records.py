"""Enriched records for the live counters."""

from __future__ import annotations

import random

from footfall.enrich.batch import EnrichedBatch, Geo, Page
from footfall.event import Order
from footfall.record import LogEvent, Record
from footfall.sites import Site

BASE = 1_700_000_000_000 - 1_700_000_000_000 % 3_600_000  # a full hour


def batch(
    *names: str,
    visitor: int = 1,
    site: Site | None = None,
    path: str = "/",
    country: str = "DE",
    at: int = BASE,
    revenue: float = 0.0,
    goals: tuple[str, ...] = (),
    bot: str = "",
) -> EnrichedBatch:
    site = site or Site(site_id="shop")
    order = Order(revenue=revenue) if revenue else None
    events = [LogEvent(name=name, event_id=bytes(16), order=order) for name in names]
    made = EnrichedBatch(Record(site_id=site.site_id, visitor_id=visitor, events=events), site)
    made.geo = Geo(country=country)
    made.pages = [Page(host="shop.example", path=path) for _ in events]
    made.goals = [goals for _ in events]
    made.occurred = [at for _ in events]
    made.bot = bot
    return made


def traffic(seed: int, count: int) -> list[tuple[EnrichedBatch, int, int]]:
    """(batch, visitor, log time), log time growing by up to 20 s a record."""
    rnd = random.Random(seed)
    sites = [Site(site_id="shop", timezone="Asia/Kathmandu"), Site(site_id="blog")]
    at, out = BASE, []
    for _ in range(count):
        at += rnd.randrange(20_000)
        visitor = 1 + rnd.randrange(30)
        made = batch(
            *rnd.choices(["page_view", "click", "purchase", "path_change"], k=rnd.randint(1, 30)),
            visitor=visitor,
            site=rnd.choice(sites),
            path=f"/{rnd.randrange(40)}",
            country=rnd.choice(["DE", "FR", "NP", ""]),
            at=at - rnd.randrange(60_000),
            revenue=rnd.choice([0.0, 12.34]),
            goals=rnd.choice([(), ("buy",)]),
        )
        out.append((made, visitor, at))
    return out

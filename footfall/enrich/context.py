"""What enrichment needs from outside, and what it remembers. Made once per worker."""

from __future__ import annotations

from typing import Protocol

from footfall.enrich.agent import Agent, parse_agent
from footfall.enrich.arrival import arrival
from footfall.enrich.batch import NO_GEO, Geo, Traffic
from footfall.enrich.cache import Cache
from footfall.enrich.compiled import CompiledSite, compile_site
from footfall.enrich.landing import Campaign, Location, locate
from footfall.enrich.language import first_language
from footfall.enrich.pii import redact, redact_url
from footfall.enrich.referrer import Referrer, read_referrer
from footfall.enrich.sources import SPAM_DOMAINS
from footfall.sites import Site

# Entries remembered. A URL entry takes about 0.6 KiB, an agent about 0.8 KiB.
URLS = 32_768
REFERRERS = 16_384
AGENTS = 16_384
ADDRESSES = 65_536
TEXTS = 32_768
LINKS = 16_384
SITES = 1024


class GeoReader(Protocol):
    """Where a truncated address is; never raises."""

    def find(self, address: str) -> Geo:
        """Country, region, city; empty where they are not known."""


class Context:
    """The caller's geo reader and spam domains, and bounded memos of what was worked out.

    Nothing in it changes what an event becomes, only how fast; not thread-safe.
    """

    def __init__(self, geo: GeoReader | None = None, spam: frozenset[str] = frozenset()) -> None:
        spam_domains = SPAM_DOMAINS | spam
        self.locations: Cache[str, Location] = Cache(locate, URLS)
        self.referrers: Cache[str, Referrer] = Cache(lambda url: read_referrer(url, spam_domains), REFERRERS)
        self.arrivals: Cache[tuple[Campaign, Referrer], Traffic] = Cache(lambda key: arrival(*key), REFERRERS)
        self.agents: Cache[tuple[str, str], Agent] = Cache(lambda key: parse_agent(*key), AGENTS)
        self.places: Cache[str, Geo] = Cache(geo.find if geo else lambda _: NO_GEO, ADDRESSES)
        self.languages: Cache[str, str] = Cache(first_language, TEXTS)
        self.texts: Cache[str, str] = Cache(redact, TEXTS)
        self.links: Cache[str, str] = Cache(redact_url, LINKS)
        self._sites: dict[int, tuple[Site, CompiledSite]] = {}

    def compiled(self, site: Site) -> CompiledSite:
        """The site's domains, exclusions and goals, ready to use (kept per Site object)."""
        known = self._sites.get(id(site))
        if known is not None and known[0] is site:
            return known[1]
        if len(self._sites) >= SITES:
            self._sites.clear()
        compiled = compile_site(site)
        self._sites[id(site)] = (site, compiled)
        return compiled

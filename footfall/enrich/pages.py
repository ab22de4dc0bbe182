"""The page an event happened on, and the events of pages that are not to be counted."""

from __future__ import annotations

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context
from footfall.enrich.hosts import is_preview_host
from footfall.names import DropReason, Source

# Whose page host is believed: a server key's owner, and a site's own access log.
TRUSTED = frozenset({Source.SERVER.value, Source.IMPORT.value})


def add_pages(batch: EnrichedBatch, context: Context) -> None:
    """Fill `pages`: host, path and query, redacted and without campaign parameters."""
    locations = context.locations
    batch.pages = [locations[event.url].page for event in batch.events]


def drop_foreign_hosts(batch: EnrichedBatch, context: Context) -> None:
    """Drop events of somebody else's pages: a copied tag, a mirror, a translation proxy."""
    site = context.compiled(batch.site)
    if not site.has_domains or batch.record.source in TRUSTED:
        return
    own = site.own_hosts
    hosts = {page.host for page in batch.pages}  # nearly always one
    foreign = {host for host in hosts if host and not own[host] and not is_preview_host(host)}
    if foreign:
        for place, page in enumerate(batch.pages):
            if page.host in foreign:
                batch.drop(place, DropReason.FOREIGN_HOST)


def drop_excluded(batch: EnrichedBatch, context: Context) -> None:
    """Drop events on paths that the site asked not to count."""
    excluded = context.compiled(batch.site).excluded
    if excluded is None:
        return
    for place, page in enumerate(batch.pages):
        if excluded[page.path]:
            batch.drop(place, DropReason.EXCLUDED)

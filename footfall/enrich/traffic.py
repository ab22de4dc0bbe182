"""Where a page view came from: campaign, click id, referrer, channel.

Only page events carry traffic. A page_view without campaign and referrer is Direct; a
path_change (a step inside a single-page app) without them is internal, and so is any
page event whose referrer is the site itself. Every other event is internal. What an
event becomes depends on the event alone, not on what else its request held.
"""

from __future__ import annotations

from footfall.enrich.arrival import NO_CAMPAIGN
from footfall.enrich.batch import INTERNAL, EnrichedBatch, Traffic
from footfall.enrich.channels import DIRECT
from footfall.enrich.context import Context
from footfall.enrich.hosts import OwnHosts
from footfall.enrich.referrer import NO_REFERRER
from footfall.names import PAGE_EVENTS, DropReason, EventName, Source
from footfall.record import LogEvent

DIRECT_TRAFFIC = Traffic(channel=DIRECT)
_PATH_CHANGE = EventName.PATH_CHANGE.value


def add_traffic(batch: EnrichedBatch, context: Context) -> None:
    """Fill `traffic`."""
    own = context.compiled(batch.site).own_hosts
    pages = PAGE_EVENTS
    batch.traffic = [
        _page_traffic(event, own, context) if name in pages else INTERNAL
        for name, event in zip(batch.names, batch.events, strict=True)
    ]


def _page_traffic(event: LogEvent, own: OwnHosts, context: Context) -> Traffic:
    location = context.locations[event.url]
    campaign = location.campaign
    referrer = context.referrers[event.referrer] if event.referrer else NO_REFERRER
    host = referrer.host
    if host and (own[host] or host == location.page.host):
        referrer, host = NO_REFERRER, ""
        if campaign is None:
            return INTERNAL
    if campaign is not None or host:
        return context.arrivals[campaign or NO_CAMPAIGN, referrer]
    return INTERNAL if event.name == _PATH_CHANGE else DIRECT_TRAFFIC


def drop_referrer_spam(batch: EnrichedBatch, context: Context) -> None:
    """Drop what comes from a known spam domain; a server key's events are believed."""
    if batch.record.source == Source.SERVER:
        return
    referrers = context.referrers
    given = {event.referrer for event in batch.events}
    spam = {referrer for referrer in given if referrer and referrers[referrer].is_spam}
    if spam:
        for place, event in enumerate(batch.events):
            if event.referrer in spam:
                batch.drop(place, DropReason.REFERRER_SPAM)

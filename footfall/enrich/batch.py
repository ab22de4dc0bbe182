"""What enrichment makes of one log record: columns, one entry per surviving event.

A step is a function `step(batch: EnrichedBatch, context: Context) -> None` that fills
its columns for the whole record at once (the loop over the events is inside, so that
what is the same for the record is worked out once). A step drops an event with
`batch.drop(i, reason)`; the pipeline removes dropped events from all columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from footfall.names import DropReason
from footfall.record import LogEvent, Record
from footfall.sites import Site


class Page(Struct, frozen=True, gc=False):
    """A URL's parts, redacted."""

    host: str = ""
    path: str = ""
    query: str = ""  # without '?', without campaign parameters and click ids


class Traffic(Struct, frozen=True, gc=False):
    """Where a page view came from. The empty channel: from within the site."""

    channel: str = ""
    referrer_host: str = ""
    referrer: str = ""  # host and path, redacted
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    click_id: str = ""  # which parameter there was (gclid, msclkid ...), never its value


class Device(Struct, frozen=True, gc=False):
    """What the user agent and its hints tell."""

    type: str = ""  # desktop | mobile | tablet | tv | other
    browser: str = ""
    browser_version: str = ""  # major
    os: str = ""
    os_version: str = ""
    brand: str = ""


class Geo(Struct, frozen=True, gc=False):
    """Where the truncated address is."""

    country: str = ""  # ISO 3166-1 alpha-2
    region: str = ""
    city: str = ""


NO_PAGE = Page()
INTERNAL = Traffic()
NO_DEVICE = Device()
NO_GEO = Geo()


class EnrichedBatch:
    """One record's events, enriched. Lists are parallel to `events`."""

    __slots__ = (
        "bot", "device", "dropped", "events", "geo", "goals", "ids", "index", "language", "names",
        "occurred", "pages", "record", "site", "traffic", "withdrawn",
    )  # fmt: skip

    def __init__(self, record: Record, site: Site) -> None:
        self.record = record
        self.site = site
        self.events: list[LogEvent] = record.events
        # What several steps, sessions and sinks ask of every event is read once.
        self.names: list[str] = [event.name for event in record.events]
        self.ids: list[bytes] = [event.event_id for event in record.events]
        self.index: Sequence[int] = range(len(record.events))  # place in the record
        self.occurred: list[int] = []  # ms, skew-corrected, never after received_at
        self.pages: list[Page] = []
        self.traffic: list[Traffic] = []
        self.goals: list[tuple[str, ...]] = []  # names of the site's goals this event reaches
        self.device: Device = NO_DEVICE
        self.geo: Geo = NO_GEO
        self.bot: str = ""  # why this is a bot; empty: a person
        self.language: str = ""
        self.dropped: dict[int, DropReason] = {}  # place in the lists -> reason
        self.withdrawn = False  # these events are to count no more (a replay dropped them)

    def drop(self, place: int, reason: DropReason) -> None:
        """Leave this event out; the first reason stands."""
        self.dropped.setdefault(place, reason)

    def remove(self, places: set[int]) -> None:
        """Take these places out of all columns."""
        keep = [place for place in range(len(self.events)) if place not in places]
        self.events = [self.events[place] for place in keep]
        self.names = [self.names[place] for place in keep]
        self.ids = [self.ids[place] for place in keep]
        self.index = [self.index[place] for place in keep]
        self.occurred = [self.occurred[place] for place in keep]
        self.pages = [self.pages[place] for place in keep]
        self.traffic = [self.traffic[place] for place in keep]
        self.goals = [self.goals[place] for place in keep]

    def __len__(self) -> int:
        return len(self.events)

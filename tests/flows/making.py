"""Small records for flow tests."""

from __future__ import annotations

from collections.abc import Sequence

from eventlog.protocol import LogRecord
from flows.enriching import enrich_chunk
from flows.items import AdmittedChunk, Count, PartitionKey, RawChunk
from flows.partition import PartitionLogic, PartitionPolicy
from footfall.enrich.context import Context
from footfall.event import Order
from footfall.ids import uuid7
from footfall.names import Consent, IdKind
from footfall.record import LogEvent, Record, encode
from footfall.sessions import Policy
from footfall.sites import Goal, Site

GOALS = (Goal(name="buy", event="purchase"),)
SITE = Site(site_id="shop", domains=("shop.example.com",), currency="EUR", goals=GOALS)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
KEY = PartitionKey("prod", 0)
T0 = 1_790_000_000_000
MINUTE = 60_000
POLICY = PartitionPolicy(sessions=Policy(), duplicate_horizon_ms=60 * MINUTE, quarantine_per_site_per_day=3)


def event(number: int, at: int, name: str = "page_view", path: str = "/") -> LogEvent:
    made = LogEvent(
        name=name,
        event_id=uuid7(at, number.to_bytes(10, "big")),
        occurred_at=at,
        url=f"https://shop.example.com{path}",
    )
    if name == "purchase":
        made.order = Order(order_id=str(number), revenue=12.5, currency="EUR")
    return made


def record(number: int, received: int, events: Sequence[LogEvent], visitor: int = 7, **changes: object) -> Record:
    made = Record(
        site_id="shop",
        batch_id=uuid7(received, number.to_bytes(10, "big")),
        received_at=received,
        visitor_id=visitor,
        id_kind=IdKind.CONSENTED,
        consent=Consent.GRANTED,
        user_agent=AGENT,
        language="en",
        events=list(events),
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


class Partition:
    """A partition's logic with a log in front of it."""

    def __init__(self, policy: PartitionPolicy = POLICY, site: Site | None = SITE) -> None:
        self.logic = PartitionLogic(KEY, policy, lambda *_: (), None)
        self._sites = {} if site is None else {site.site_id: site}
        self._context = Context()
        self._offset = 0
        self.counts: dict[Count, int] = {}

    def send(self, log_time: int, *values: Record | bytes) -> AdmittedChunk:
        """Append at that log time, in one chunk."""
        raws = []
        for value in values:
            data = value if isinstance(value, bytes) else encode(value)
            raws.append(LogRecord(0, self._offset, log_time, data))
            self._offset += 1
        out = self.logic.admit(enrich_chunk(RawChunk(KEY, raws), self._sites.get, self._context))
        for place, number in out.counts.items():
            self.counts[place] = self.counts.get(place, 0) + number
        return out

    def heartbeat(self, log_time: int) -> AdmittedChunk:
        return self.send(log_time, Record(kind="heartbeat", received_at=log_time))

    def count(self, outcome: str, reason: str = "") -> int:
        return sum(n for place, n in self.counts.items() if (place.outcome, place.reason) == (outcome, reason))


def stored(out: AdmittedChunk) -> int:
    """Events of a chunk that go to the store."""
    return sum(len(item.batch) if item.places is None else len(item.places) for item in out.admitted)

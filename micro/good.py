"""Accepted events: from a log record to what `/micro/good` shows of each."""

from __future__ import annotations

import time
import uuid
from typing import Any

import msgspec

from footfall.duplicates import BatchMemory, batch_key
from footfall.enrich import Context, Enriched, enrich
from footfall.names import Consent, IdKind, Source
from footfall.record import LogEvent, Record
from footfall.sites import Site
from micro.journal import Entry

HOUR_MS = 3_600_000
MAX_REMEMBERED = 120_000
# Of the record: what is told of the client, beside the event itself.
CLIENT = (
    "address", "user_agent", "client_hints", "language",
    "viewport_width", "viewport_height", "screen_width", "screen_height",
)  # fmt: skip


class Accepted:
    """Makes entries of records, and remembers what came, to know it again."""

    def __init__(self) -> None:
        self._context = Context()
        self.forget()

    def forget(self) -> None:
        """Whatever comes is new."""
        self._batches = BatchMemory(HOUR_MS, MAX_REMEMBERED)
        self._events = BatchMemory(HOUR_MS, MAX_REMEMBERED)

    def entries(self, record: Record, site: Site) -> tuple[list[Entry], int]:
        """One for each event, in their order; and how many the sender lost, which a batch that comes
        again does not tell anew."""
        fates = _fates(enrich(record, site, self._context))
        common = _common(record)
        now = time.monotonic_ns() // 1_000_000
        again = self._batches.seen(batch_key(record.batch_id), now)
        made = [
            _event(event)
            | common
            | {"duplicate": self._is_known(record.site_id, event, now) or again, "enriched": fates[place]}
            for place, event in enumerate(record.events)
        ]
        return made, 0 if again else record.lost

    def _is_known(self, site_id: str, event: LogEvent, now: int) -> bool:
        """Whether this event came before, in whichever batch."""
        return self._events.seen(hash((site_id, event.name, event.event_id)), now)


def plain(value: object) -> Any:
    """For JSON, with every field of what is there: tests name defaults, too."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _event(event: LogEvent) -> Entry:
    """Its fields, without the parts it does not have."""
    found = {name: value for name, value in plain(event).items() if value is not None}
    return found | {"event_id": str(uuid.UUID(bytes=event.event_id))}


def _common(record: Record) -> Entry:
    return {
        "batch_id": str(uuid.UUID(bytes=record.batch_id)),
        "site": record.site_id,
        "source": Source(record.source).name.lower(),
        "visitor_id": str(record.visitor_id),  # 64 bits are more than JavaScript's numbers hold
        "id_kind": IdKind(record.id_kind).name.lower(),
        "consent": Consent(record.consent).name.lower(),
        "received_at": record.received_at,
        "sent_at": record.sent_at,
        "sdk": record.sdk,
        "client": {name: getattr(record, name) for name in CLIENT},
    }


def _fates(enriched: Enriched) -> dict[int, Entry]:
    """What the enrichment made of each event, by its place."""
    batch = enriched.batch
    device, bot, language = plain(batch.device), batch.bot, batch.language
    fates: dict[int, Entry] = {place: {"dropped": reason.value} for place, reason in enriched.dropped}
    fates |= {place: {"failed": {"step": step, "message": told}} for place, step, told in enriched.failed}
    for place, at, page, traffic, goals in zip(
        batch.index, batch.occurred, batch.pages, batch.traffic, batch.goals, strict=True
    ):
        where = plain(traffic)
        fates[place] = {
            "occurred_at": at,
            "page": plain(page),
            "channel": where.pop("channel"),
            "referrer": {"host": where.pop("referrer_host"), "url": where.pop("referrer")},
            "campaign": {"name": where.pop("utm_campaign")}
            | {name.removeprefix("utm_"): value for name, value in where.items()},
            "device": device,
            "bot": bot,
            "language": language,
            "goals": list(goals),
        }
    return fates

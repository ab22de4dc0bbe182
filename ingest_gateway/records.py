"""From a parsed batch to log records: who the visitor is, where they go, what they hold."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple, cast

from footfall import ids
from footfall.enrich.clock import skew_ms
from footfall.event import Batch, Event
from footfall.generations import Layout
from footfall.names import Consent, IdKind, RejectReason, Source
from footfall.record import LogEvent, Record
from footfall.sites import Site
from ingest_gateway.answers import unavailable, unreadable
from ingest_gateway.checks import IDENTIFY, MAX_AGE_MS, check_browser, check_server
from ingest_gateway.client import HONOURED, Client
from ingest_gateway.parse import Parsed, Rejected
from ingest_gateway.texts import encode_without_addresses, hide_in_header

DAY_MS = 86_400_000
CONSENTS = {"granted": Consent.GRANTED, "denied": Consent.DENIED, "pending": Consent.PENDING}
_NOBODY = 0
_event_id, _user_id = attrgetter("event_id"), attrgetter("user_id")


class Sender(NamedTuple):
    """Everything but the body. Times are UTC milliseconds."""

    site: Site
    source: Source
    client: Client
    secret: bytes  # of the stage
    salts: Mapping[int, bytes]  # by UTC day
    layout: Layout  # of the stage's log
    now: int
    # Filled here, kept by the caller with the client: its daily ids and route by UTC day.
    memo: dict[int, tuple[int, int, int]]


class Built(NamedTuple):
    """What goes to the log, and what the sender is told."""

    records: list[tuple[int, bytes]]  # (partition, encoded)
    accepted: int
    rejected: Rejected
    lost: int = 0  # what the sender says it dropped before


class Visitor(NamedTuple):
    """Who a record's events belong to."""

    visitor_id: int
    previous: int
    id_kind: int
    route: int


def build(sender: Sender, parsed: Parsed, unique: bytes) -> Built:
    """The records of one request. `unique` stands in for a batch id that was not sent: the
    same bytes of the same visitor are the same batch. `RefusedError` 503 without today's salt."""
    if sender.source is Source.BROWSER:
        return _build_browser(sender, parsed, unique)
    return _build_server(sender, parsed, unique)


def _build_browser(sender: Sender, parsed: Parsed, unique: bytes) -> Built:
    batch = parsed.batch
    consent = CONSENTS.get(batch.consent, Consent.NONE)
    known = consent is Consent.GRANTED and bool(batch.visitor_id) and not sender.client.signals & HONOURED
    named = bool(batch.user_id or batch.address or batch.user_agent)
    oldest = sender.now - MAX_AGE_MS - skew_ms(sender.source, batch.sent_at, sender.now)
    rejected = check_browser(batch.events, oldest, known, bool(batch.sent_at), named)
    events, all_rejected = _without(parsed, rejected)
    visitor = _consented(sender, batch.visitor_id, events) if known else _daily(sender)
    batch_id = _batch_id(sender, batch, visitor.route, unique)
    _complete(events, batch_id, sender.now)
    if not known:
        for event in events:
            event.session_id = ""  # nothing that links one day to another
    made = _record(sender, batch, consent, visitor, batch_id, events)
    made.rejected, made.lost = _counted(all_rejected), batch.lost
    value = encode_without_addresses(made)
    return Built([(sender.layout.partition_of(visitor.route), value)], len(events), all_rejected, batch.lost)


def _build_server(sender: Sender, parsed: Parsed, unique: bytes) -> Built:
    batch = parsed.batch
    consent = CONSENTS.get(batch.consent, Consent.NONE)
    if consent in (Consent.DENIED, Consent.PENDING):
        _forget_who(batch)
    oldest = sender.now - MAX_AGE_MS
    rejected = check_server(batch.events, oldest)
    _check_identify(batch, rejected, consent)
    events, all_rejected = _without(parsed, rejected)
    sender = sender._replace(client=_told_client(sender, batch))
    # Without a visitor the batch id is the route, so it cannot be made from the route.
    base = _batch_id(sender, batch, _NOBODY, unique)
    _complete(events, base, sender.now)
    records = []
    counts, lost = _counted(all_rejected), batch.lost
    for name, mine in _by_visitor(events, batch).items():
        # Each part needs an id of its own that a retry gives again, whatever the others do.
        part_id = base if name == batch.visitor_id else _hash16(base, name.encode("utf-8", "surrogatepass"))
        visitor = _consented(sender, name, mine) if name else _server(sender, part_id)
        made = _record(sender, batch, consent, visitor, part_id, mine)
        # Of the request as a whole, so with its first record only.
        made.rejected, made.lost, counts, lost = counts, lost, {}, 0
        records.append((sender.layout.partition_of(visitor.route), encode_without_addresses(made)))
    return Built(records, len(events), all_rejected, batch.lost)


def _without(parsed: Parsed, rejected: Rejected) -> tuple[list[Event], Rejected]:
    """(events that stay, all that were rejected by their place in the request)."""
    events, places = parsed.batch.events, parsed.places
    if not rejected:
        return events, parsed.rejected
    gone = {place for place, _ in rejected}
    kept = [event for place, event in enumerate(events) if place not in gone]
    if places is not None:
        rejected = [(places[place], reason) for place, reason in rejected]
    return kept, sorted(parsed.rejected + rejected)


def _counted(rejected: Rejected) -> dict[str, int]:
    return dict(Counter(reason for _, reason in rejected)) if rejected else {}


def is_marked(batch: Batch) -> bool:
    """Whether the same body again can be told to be a retry. Without any id or clock it may
    just as well have happened twice, and counts twice."""
    return batch.batch_id is not None or batch.sent_at != 0 or any(map(_event_id, batch.events))


def _batch_id(sender: Sender, batch: Batch, route: int, unique: bytes) -> bytes:
    if batch.batch_id is not None:
        return batch.batch_id.bytes
    # With site and route, so that two visitors who send the same words stay two.
    return _hash16(sender.site.site_id.encode(), route.to_bytes(8, "big"), unique)


def _hash16(*parts: bytes) -> bytes:
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(4, "big"))
        state.update(part)
    return state.digest()


def _complete(events: list[Event], batch_id: bytes, now: int) -> None:
    """Events without an id get one; of the same batch and clock, the same again."""
    if all(map(_event_id, events)):
        return
    for place, event in enumerate(events):
        if event.event_id is None:
            at = event.occurred_at or now
            made = ids.derived_uuid7(min(at, now), batch_id, place.to_bytes(4, "big"))
            event.event_id = uuid.UUID(bytes=made)


def _consented(sender: Sender, name: str, events: list[Event]) -> Visitor:
    visitor_id, route = _consented_ids(sender.secret, sender.site.site_id, name)
    kind = IdKind.IDENTIFIED if any(map(_user_id, events)) else IdKind.CONSENTED
    return Visitor(visitor_id, 0, kind, route)


@lru_cache(16_384)
def _consented_ids(secret: bytes, site_id: str, name: str) -> tuple[int, int]:
    return ids.consented_visitor_id(secret, site_id, name), ids.route(secret, site_id, name, "", "")


def _daily(sender: Sender) -> Visitor:
    day, into_day = divmod(sender.now, DAY_MS)
    found = sender.memo.get(day)
    if found is None:
        sender.memo.clear()
        found = sender.memo[day] = _daily_ids(sender, day)
    today, yesterday, route = found
    previous = yesterday if into_day < sender.site.window_ms(sender.now) else 0
    return Visitor(today, previous, IdKind.DAILY, route)


def _daily_ids(sender: Sender, day: int) -> tuple[int, int, int]:
    site_id, address, agent = sender.site.site_id, sender.client.address, sender.client.user_agent
    salt, old_salt = sender.salts.get(day), sender.salts.get(day - 1)
    if salt is None:
        raise unavailable("today's salt is not there yet because the control plane is unreachable", 5.0)
    today = ids.daily_visitor_id(salt, site_id, address.full, agent)
    yesterday = ids.daily_visitor_id(old_salt, site_id, address.full, agent) if old_salt else 0
    return today, yesterday, ids.route(sender.secret, site_id, "", address.truncated, agent)


def _server(sender: Sender, batch_id: bytes) -> Visitor:
    return Visitor(_NOBODY, 0, IdKind.SERVER, ids.hash64(sender.secret, "batch", batch_id))


def _forget_who(batch: Batch) -> None:
    batch.visitor_id = batch.user_id = ""
    for event in batch.events:
        event.visitor_id = event.session_id = ""
        if event.name != IDENTIFY:  # that one is refused below
            event.user_id = ""


def _check_identify(batch: Batch, rejected: Rejected, consent: Consent) -> None:
    """identify ties a visitor to a user: it needs both, and no objection."""
    gone = {place for place, _ in rejected}
    for place, event in enumerate(batch.events):
        if event.name == IDENTIFY and place not in gone and not (event.visitor_id or batch.visitor_id):
            refused = consent in (Consent.DENIED, Consent.PENDING)
            reason = RejectReason.NOT_ALLOWED if refused else RejectReason.MISSING_PART
            rejected.append((place, reason.value))


def _told_client(sender: Sender, batch: Batch) -> Client:
    """A server's client is whom it says: its own address and agent are nobody's."""
    address = sender.client.address
    if not batch.address:
        address = address._replace(full="", truncated="")
    else:
        try:
            address = address._replace(full="", truncated=ids.truncate_address(batch.address))
        except ValueError:
            raise unreadable("`address` is not an IP address") from None
    return Client(address, batch.user_agent)


def _by_visitor(events: list[Event], batch: Batch) -> dict[str, list[Event]]:
    """Events by SDK visitor id, in the order of the first one; never empty."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.visitor_id or batch.visitor_id, []).append(event)
        event.visitor_id = ""  # only its hash goes to the log
        event.user_id = event.user_id or batch.user_id
    return groups or {batch.visitor_id: []}


def _record(
    sender: Sender, batch: Batch, consent: Consent, visitor: Visitor, batch_id: bytes, events: list[Event]
) -> Record:
    client = sender.client
    return Record(
        site_id=sender.site.site_id,
        batch_id=batch_id,
        source=sender.source,
        received_at=sender.now,
        sent_at=batch.sent_at,
        visitor_id=visitor.visitor_id,
        previous_visitor_id=visitor.previous,
        id_kind=visitor.id_kind,
        consent=consent,
        address=client.address.truncated,
        country=client.country,
        user_agent=hide_in_header(client.user_agent),
        client_hints=client.client_hints,
        language=hide_in_header(batch.language or client.language),
        viewport_width=batch.viewport_width,
        viewport_height=batch.viewport_height,
        screen_width=batch.screen_width,
        screen_height=batch.screen_height,
        sdk=batch.sdk,
        signals=client.signals,
        events=cast(list[LogEvent], events),  # they encode alike, see record.encode
    )

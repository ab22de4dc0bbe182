"""Lines of an access log become log records. Pure: the same lines give the same bytes.

Ids are keyed hashes of what a line says (without the key, an address could be found by
trying the 256 that a truncated one stands for), so that an import that was killed or repeated changes
nothing. A visitor is a keyed hash of address, user agent and UTC day, as for everybody
who gave no consent (a visit across midnight keeps its first day's); the full address
stays in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import tzinfo
from urllib.parse import urlsplit

from msgspec import Struct

from cli.importer.lines import Line
from cli.importer.visits import VisitDays
from footfall import ids
from footfall.access_log import AccessLine, BadLine, is_page_view, parse_line
from footfall.event import MAX_URL_CHARS, Request
from footfall.names import EventName, IdKind, QuarantineReason, Source
from footfall.record import LogEvent, Record
from footfall.sites import DEFAULT_WINDOW_MS

MAX_RECORD_EVENTS = 100
SDK = "access-log"


class Counts(Struct):
    """What an import has read."""

    lines: int = 0
    parsed: int = 0
    page_views: int = 0
    bad: dict[str, int] = {}  # detail -> lines
    first_ms: int = 0
    last_ms: int = 0


class Made(Struct, frozen=True):
    """A record and where it goes."""

    route: int
    record: Record


class RecordMaker:
    """Takes lines, gives records; `secret` is the stage's."""

    def __init__(
        self,
        site_id: str,
        host: str,
        secret: bytes,
        *,
        zone: tzinfo,
        log_format: str = "auto",
        now_ms: int,
        window_ms: int = DEFAULT_WINDOW_MS,
    ) -> None:
        self.counts = Counts()
        self._site_id = site_id
        self._host = host
        self._secret = secret
        self._zone = zone
        self._format = log_format
        self._now_ms = now_ms
        self._current: Made | None = None
        self._days = VisitDays(window_ms)

    def add(self, line: Line) -> Iterator[Made]:
        """Take a line; the records that are complete now, if any."""
        self.counts.lines += 1
        parsed = parse_line(line.data, self._zone, self._format)
        if isinstance(parsed, BadLine):
            self.counts.bad[parsed.detail] = self.counts.bad.get(parsed.detail, 0) + 1
            yield self._quarantine(line, parsed)
        else:
            yield from self._event(line, parsed)

    def finish(self) -> Iterator[Made]:
        """The record that was still being filled."""
        if self._current is not None:
            record = self._current.record
            record.batch_id = _batch_id(record.received_at, [event.event_id for event in record.events])
            yield self._current
            self._current = None

    def _event(self, line: Line, parsed: AccessLine) -> Iterator[Made]:
        self._count(parsed)
        visitor = self._visitor(parsed)
        current = self._current
        if current is None or not _fits(current.record, visitor):
            yield from self.finish()
            current = self._current = self._new_record(parsed, visitor)
        record = current.record
        record.events.append(self._log_event(line, parsed))
        # The web server received the request then: its clock is the import's receipt.
        record.received_at = max(record.received_at, parsed.at_ms)

    def _count(self, parsed: AccessLine) -> None:
        counts = self.counts
        counts.parsed += 1
        counts.page_views += is_page_view(parsed)
        counts.first_ms = min(counts.first_ms or parsed.at_ms, parsed.at_ms)
        counts.last_ms = max(counts.last_ms, parsed.at_ms)

    def _visitor(self, line: AccessLine) -> int:
        day = self._days.day(line.address, line.identity_agent, line.at_ms).to_bytes(4, "big")
        return ids.hash64(self._secret, "import", self._site_id, line.address, line.identity_agent, day)

    def _new_record(self, line: AccessLine, visitor: int) -> Made:
        address = _truncated(line.address)
        record = Record(
            site_id=self._site_id,
            source=Source.IMPORT,
            visitor_id=visitor,
            id_kind=IdKind.DAILY,
            address=address,
            user_agent=line.user_agent,
            sdk=SDK,
            events=[],
        )
        # By the visitor and not by truncated address: days are apart anyway, and it
        # spreads a crawler's network over all partitions.
        return Made(ids.hash64(self._secret, "route", self._site_id, visitor.to_bytes(8, "big")), record)

    def _log_event(self, line: Line, parsed: AccessLine) -> LogEvent:
        name = EventName.PAGE_VIEW if is_page_view(parsed) else EventName.REQUEST
        ordinal = line.ordinal.to_bytes(4, "big")
        return LogEvent(
            name=name.value,
            event_id=ids.derived_uuid7(parsed.at_ms, self._secret, self._site_id, line.data, ordinal),
            occurred_at=parsed.at_ms,
            url=_url(parsed, self._host),
            referrer=parsed.referrer,
            request=Request(method=parsed.method, status=parsed.status, bytes=parsed.bytes),
        )

    def _quarantine(self, line: Line, bad: BadLine) -> Made:
        key = ids.hash64(self._secret, "bad line", self._site_id, line.data, line.ordinal.to_bytes(4, "big"))
        record = Record(
            kind="quarantine",
            site_id=self._site_id,
            batch_id=ids.derived_uuid7(0, self._secret, self._site_id, line.data, line.ordinal.to_bytes(4, "big")),
            source=Source.IMPORT,
            received_at=self._now_ms,
            payload=bad.redacted,
            reason=QuarantineReason.BAD_LINE.value,
        )
        return Made(key, record)


def _fits(record: Record, visitor: int) -> bool:
    return record.visitor_id == visitor and len(record.events) < MAX_RECORD_EVENTS


def _batch_id(at_ms: int, event_ids: list[bytes]) -> bytes:
    return ids.derived_uuid7(at_ms, "batch", hashlib.blake2b(b"".join(event_ids), digest_size=16).digest())


def _truncated(address: str) -> str:
    try:
        return ids.truncate_address(address)
    except ValueError:  # a host name (HostnameLookups On): it tells who, and no place
        return ""


def _url(line: AccessLine, host: str) -> str:
    target = line.target
    if not target.startswith("/"):
        target = "/" + _without_origin(target).lstrip("/")
    return f"https://{line.host or host}{target}"[:MAX_URL_CHARS]


def _without_origin(target: str) -> str:
    """The path and query of an absolute URL, as a request to a proxy has it."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return target
    if not parts.netloc:
        return target
    return parts.path + (f"?{parts.query}" if parts.query else "")

"""The record: what the gateway writes to the log, and a flow reads from it.

One record is what one request holds for one visitor. It never holds a full IP address.
msgpack maps with defaults left out: a field may be added with a default, none removed,
so an older record stays readable. The first byte of an encoded record is the version
of this format, so that a reader can refuse what it does not know.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from footfall.event import Element, Failure, Form, Item, Order, Request, Search, Vital

VERSION = 1
_PREFIX = bytes([VERSION])


class LogEvent(Struct, omit_defaults=True, gc=False):
    """`footfall.event.Event` as the log holds it: checked, with its id made sure."""

    name: str
    event_id: bytes  # 16 bytes, big-endian UUID
    occurred_at: int = 0
    url: str = ""
    referrer: str = ""
    title: str = ""
    session_id: str = ""
    user_id: str = ""
    engaged_ms: int = 0
    scroll_depth: int = 0
    element: Element | None = None
    form: Form | None = None
    items: list[Item] | None = None
    order: Order | None = None
    search: Search | None = None
    vital: Vital | None = None
    error: Failure | None = None
    request: Request | None = None
    props: dict[str, str | int | float | bool | None] = {}


class Replay(Struct, omit_defaults=True, gc=False):
    """Says of a record that it comes out of the raw archive, and what is kept of what it became then.

    Its `visitor_id` is the one it was counted under.
    """

    number: int  # which replay: of two rows of an event the one of the later replay counts
    partition: int  # where it was in the log when it was archived
    offset: int
    geo: tuple[str, str, str] | None = None  # country, region, city; None: to be worked out anew
    bot: str | None = None  # None: to be worked out anew
    left_out: list[int] = []  # places of duplicates and of what went into quarantine


class Record(Struct, omit_defaults=True, gc=False):
    """One visitor's events of one request, or (no events) a heartbeat or a count."""

    kind: str = "batch"  # batch | heartbeat | quarantine
    site_id: str = ""
    batch_id: bytes = b""  # 16 bytes
    source: int = 0  # names.Source
    received_at: int = 0  # gateway clock, ms
    sent_at: int = 0  # client clock, ms; 0 where unknown
    visitor_id: int = 0  # 64 bits
    previous_visitor_id: int = 0  # yesterday's daily id, for one window after midnight
    id_kind: int = 0  # names.IdKind
    consent: int = 0  # names.Consent
    address: str = ""  # truncated: /24 or /48
    country: str = ""  # from a trusted proxy's header, ISO 3166-1 alpha-2
    user_agent: str = ""
    client_hints: str = ""  # sec-ch-ua values, see enrich.agent
    language: str = ""
    viewport_width: int = 0
    viewport_height: int = 0
    screen_width: int = 0
    screen_height: int = 0
    sdk: str = ""
    signals: int = 0  # bit field of what the request told, see names in ingest_gateway
    rejected: dict[str, int] = {}  # reason -> how many events of the request were refused
    events: list[LogEvent] = []
    payload: bytes = b""  # kind quarantine: what could not be read, redacted
    reason: str = ""  # kind quarantine
    generation: int = 0  # kind heartbeat: where its gateway's events go; 0: it does not know of generations
    replay: Replay | None = None  # written by `footfall replay`
    lost: int = 0  # events the sender says it dropped before this batch


class DecodeError(ValueError):
    """The bytes are no record of a version this program knows."""


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """Bytes for the log. `record.events` may hold `event.Event` too: they encode alike."""
    return _PREFIX + _encoder.encode(record)


def decode(data: bytes) -> Record:
    """The record in `data`; `DecodeError` if it is of no known version or damaged."""
    if data[:1] != _PREFIX:
        raise DecodeError(f"unknown record version {data[:1]!r}: upgrade the flow")
    try:
        return _decoder.decode(memoryview(data)[1:])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DecodeError(str(error)) from error

"""From bytes to a batch. Never raises but `RefusedError`; one bad event never sinks its batch."""

from __future__ import annotations

import re
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta

from footfall.event import MAX_BATCH_EVENTS, MAX_PROP_BYTES, Batch, Event
from footfall.names import RejectReason
from ingest_gateway.answers import too_large, unreadable

Rejected = list[tuple[int, str]]  # (place in the request, reason)

TOO_MANY = f"a batch has at most {MAX_BATCH_EVENTS} events: send the rest in another one"
EMPTY = "`events` is empty: send at least one"


def _envelope() -> type[Any]:
    """`Batch` with events left as they are: the same fields, so that they cannot differ."""
    types = get_type_hints(Batch, include_extras=True)
    others = [field for field in msgspec.structs.fields(Batch) if field.name != "events"]
    fields = [(field.name, types[field.name], field.default) for field in others]
    return msgspec.defstruct("Envelope", [("events", list[msgspec.Raw]), *fields], gc=False)


class SiteField(msgspec.Struct):
    """The public id, where a sender can set neither header nor query."""

    site: Annotated[str, Meta(max_length=64)] = ""


# Whole pairs first, then halves, then every other escape: so an escaped backslash before
# `ud800` is seen for what it is.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_batches = msgspec.json.Decoder(Batch)
_envelopes = msgspec.json.Decoder(_envelope())
_events = msgspec.json.Decoder(Event)
_site_fields = msgspec.json.Decoder(SiteField)
_BATCH_FIELDS = tuple(name for name in Batch.__struct_fields__ if name != "events")


class Parsed(msgspec.Struct, gc=False):
    """A readable request. `places[i]` is where event i stood in it; None: nothing was left out."""

    batch: Batch
    rejected: Rejected
    places: list[int] | None = None


def parse_batch(body: bytes) -> Parsed:
    """The batch with those of its events that are well-formed."""
    try:
        return Parsed(_batches.decode(body), [])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _parse_one_by_one(mend_surrogates(body))


def parse_site(body: bytes) -> str:
    """The body's `site` field; empty if there is none."""
    try:
        return _site_fields.decode(body).site
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(explain(error)) from error


def _parse_one_by_one(body: bytes) -> Parsed:
    try:
        envelope = _envelopes.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(explain(error)) from error
    if not envelope.events:
        raise unreadable(EMPTY)
    if len(envelope.events) > MAX_BATCH_EVENTS:
        raise too_large(TOO_MANY)
    events: list[Event] = []
    places: list[int] = []
    rejected: Rejected = []
    for place, raw in enumerate(envelope.events):
        try:
            events.append(_events.decode(raw))
            places.append(place)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            rejected.append((place, reason_of(error)))
    batch = Batch(events=events, **{name: getattr(envelope, name) for name in _BATCH_FIELDS})
    return Parsed(batch, rejected, places)


def mend_surrogates(body: bytes) -> bytes:
    """Halves of surrogate pairs become U+FFFD.

    A page title cut in the middle of an emoji comes as such a half from every browser
    (well-formed JSON.stringify): that is no reason to lose the event.
    """
    return _ESCAPES.sub(_mend, body) if b"\\u" in body else body


def _mend(found: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if found.group("half") else found.group()


def explain(error: Exception) -> str:
    """What is wrong with a body, in one line without any of its content."""
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "the body is not UTF-8"
    return f"the body cannot be read: {error}"


def reason_of(error: Exception) -> str:
    """The reject reason for msgspec's complaint about one event.

    msgspec tells the place only inside its message, as in "Expected `str` of length <= 64 -
    at `$.name`"; tests/gateway/test_parse.py holds every case to this.
    """
    text = str(error)
    if "required field `name`" in text or "`$.name`" in text:
        return RejectReason.NAME.value
    if "length <=" in text:
        if "`$.url`" in text or "`$.referrer`" in text or "href`" in text or "`$.error.source`" in text:
            return RejectReason.URL.value
        if "`$.props`" in text:
            return RejectReason.PROPS.value
        if f"length <= {MAX_PROP_BYTES}" in text and "`$.props[" in text:
            return RejectReason.PROP_SIZE.value
    return RejectReason.MALFORMED.value

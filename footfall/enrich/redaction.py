"""Personal data in the free text of events; page URLs and referrers are done where parsed.

Ids that the site's owner chose (user_id, order_id, form ids) stay: without them people
and orders would run together.
"""

from __future__ import annotations

from typing import Any

import msgspec

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.cache import Cache
from footfall.enrich.context import Context
from footfall.enrich.goals import PropValue
from footfall.enrich.pii import PHONE_KEYS, SECRET_KEYS, redact, redact_named
from footfall.record import LogEvent

MIN_CHARS = 4  # of the shortest personal datum, ::1f
MAX_REMEMBERED_CHARS = 256
MIN_CARD = 10**12
Texts = Cache[str, str]


def redact_events(batch: EnrichedBatch, context: Context) -> None:
    """Put a redacted copy in the place of each event that holds personal data."""
    texts = context.texts
    events = batch.events
    changed: dict[int, LogEvent] = {}
    for place, event in enumerate(events):
        # Remembered titles: the usual event costs one look-up here.
        title = event.title
        if title and texts[title] != title:
            changed[place] = event = msgspec.structs.replace(event, title=texts[title])
        if event.element or event.props or event.search or event.form or event.error:
            changes = _changes(event, texts)
            if changes:
                changed[place] = msgspec.structs.replace(event, **changes)
    if changed:
        batch.events = [changed.get(place, event) for place, event in enumerate(events)]


def _changes(event: LogEvent, texts: Texts) -> dict[str, Any]:
    """Fields of the event that must be other than they are."""
    changes: dict[str, Any] = {}
    element, form, search, error = event.element, event.form, event.search, event.error
    if element is not None:
        _part(changes, "element", element, ("text", "href", "selector", "id"), texts)
    if form is not None:
        _part(changes, "form", form, ("message",), texts)
    if search is not None:
        _part(changes, "search", search, ("term",), texts)
    if error is not None:
        _part(changes, "error", error, ("message", "source", "stack"), texts)
    if event.props:
        props = {key: _prop(key, value, texts) for key, value in event.props.items()}
        if props != event.props:
            changes["props"] = props
    return changes


def _part(changes: dict[str, Any], name: str, part: msgspec.Struct, fields: tuple[str, ...], texts: Texts) -> None:
    """The part with these fields redacted, if any of them needs it."""
    found = None
    for field in fields:
        text: str = getattr(part, field)
        if len(text) >= MIN_CHARS and (cleaned := _text(text, texts)) != text:
            found = {field: cleaned} if found is None else {**found, field: cleaned}
    if found is not None:
        changes[name] = msgspec.structs.replace(part, **found)


def _text(text: str, texts: Texts) -> str:
    return texts[text] if len(text) <= MAX_REMEMBERED_CHARS else redact(text)


def _prop(key: str, value: PropValue, texts: Texts) -> PropValue:
    name = key.lower()
    if name in SECRET_KEYS or name in PHONE_KEYS:
        return redact_named(name, str(value)) if isinstance(value, str | int) and value else value
    if isinstance(value, str):
        return _text(value, texts) if len(value) >= MIN_CHARS else value
    if isinstance(value, int) and abs(value) >= MIN_CARD:
        text = str(value)
        cleaned = redact(text)
        return value if cleaned == text else cleaned
    return value

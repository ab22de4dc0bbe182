"""Personal data in the free text of events; page URLs and referrers are done where parsed.

Ids that the site's owner chose (user_id, order_id, form ids) stay: without them people
and orders would run together.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.cache import Cache
from footfall.enrich.context import Context
from footfall.enrich.goals import PropValue
from footfall.enrich.pii import TELLING_KEYS, redact, redact_named, redact_url
from footfall.event import Element, Failure
from footfall.record import LogEvent

MIN_CHARS = 4  # of the shortest personal datum, ::1f
MIN_CARD = 10**12
Texts = Cache[str, str]
Props = dict[str, PropValue]
T = TypeVar("T", bound=msgspec.Struct)


def redact_events(batch: EnrichedBatch, context: Context) -> None:
    """Put a redacted copy in the place of each event that holds personal data."""
    texts, links = context.texts, context.links
    events = batch.events
    # Texts are remembered: the usual event costs a look-up or two here, no call and no copy.
    telling = [
        place
        for place, event in enumerate(events)
        if ((title := event.title) and texts[title] != title)
        or ((element := event.element) is not None and _is_telling_element(element, texts, links))
        or ((props := event.props) and _props(props, texts) != props)
        or ((search := event.search) is not None and texts[search.term] != search.term)
        or ((form := event.form) is not None and texts[form.message] != form.message)
        or ((error := event.error) is not None and _failure(error) is not error)
    ]
    if telling:
        batch.events = [*events]
        for place in telling:
            batch.events[place] = redact_event(events[place])


def _is_telling_element(element: Element, texts: Texts, links: Texts) -> bool:
    text, href, selector, id = element.text, element.href, element.selector, element.id
    return bool(
        (text and texts[text] != text)
        or (href and links[href] != href)
        or (selector and texts[selector] != selector)
        or (id and texts[id] != id)
    )


def redact_event(event: LogEvent) -> LogEvent:
    """A copy with every free text and every URL redacted, for quarantine too."""
    element, search, form, error = event.element, event.search, event.form, event.error
    return msgspec.structs.replace(
        event,
        url=redact_url(event.url),
        referrer=redact_url(event.referrer),
        title=redact(event.title),
        element=element and _element(element),
        search=search and _cleaned(search, "term"),
        form=form and _cleaned(form, "message"),
        error=error and _failure(error),
        props=_props(event.props, None),
    )


def _element(element: Element) -> Element:
    href = redact_url(element.href)
    if href != element.href:
        element = msgspec.structs.replace(element, href=href)
    return _cleaned(element, "text", "selector", "id")


def _failure(error: Failure) -> Failure:
    source = redact_url(error.source)
    if source != error.source:
        error = msgspec.structs.replace(error, source=source)
    return _cleaned(error, "message", "stack")


def _cleaned(part: T, *fields: str) -> T:
    """The part with these fields redacted; the same object where nothing changes."""
    changes = {}
    for field in fields:
        text = getattr(part, field)
        cleaned = redact(text)
        if cleaned != text:
            changes[field] = cleaned
    return msgspec.structs.replace(part, **changes) if changes else part


def _props(props: Props, texts: Texts | None) -> Props:
    return {key: _prop(key, value, texts) for key, value in props.items()}


def _prop(key: str, value: PropValue, texts: Texts | None) -> PropValue:
    if key.lower() in TELLING_KEYS:
        return redact_named(key, str(value)) if isinstance(value, str | int) and value else value
    if isinstance(value, str):
        if len(value) < MIN_CHARS:
            return value
        return redact(value) if texts is None else texts[value]
    if isinstance(value, int) and abs(value) >= MIN_CARD:
        text = str(value)
        cleaned = redact(text)
        return value if cleaned == text else cleaned
    return value

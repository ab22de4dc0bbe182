"""The pixel, for pages without script: one page view in the query string."""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec

from footfall.event import Batch, Event
from ingest_gateway.answers import Answer, unreadable
from ingest_gateway.parse import Parsed, reason_of

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
HEADERS = [
    ("content-type", "image/gif"),
    ("cache-control", "no-store, no-cache, must-revalidate, private, max-age=0"),
    ("pragma", "no-cache"),
]
PIXEL = Answer(200, HEADERS, GIF)
MAX_QUERY_CHARS = 8192
MAX_QUERY_FIELDS = 32


def parse_query(query: str) -> dict[str, str]:
    """The first value of each field; `RefusedError` 400 for a query out of all proportion."""
    if len(query) > MAX_QUERY_CHARS:
        raise unreadable(f"the query string is longer than {MAX_QUERY_CHARS} characters")
    try:
        pairs = parse_qsl(query, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise unreadable(f"the query string has more than {MAX_QUERY_FIELDS} fields") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def parse_pixel(query: dict[str, str], referer: str) -> Parsed:
    """A page view of `url` (else of the page that shows the pixel: the Referer)."""
    url = query.get("url", "") or referer
    if not url:
        raise unreadable("say which page was viewed: ?url=... (the browser sent no Referer)")
    fields = {"name": "page_view", "url": url}
    fields |= {name: query[name] for name in ("referrer", "title") if name in query}
    batch = Batch(events=[], sdk="pixel")
    try:
        batch.events = [msgspec.convert(fields, Event)]
    except msgspec.ValidationError as error:
        return Parsed(batch, [(0, reason_of(error))])
    return Parsed(batch, [])

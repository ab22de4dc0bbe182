"""Copies of what could not be taken: bounded, and without what tells who somebody is."""

from __future__ import annotations

from typing import Any

import msgspec

from footfall.access_log import hide_addresses
from footfall.enrich.pii import redact
from ingest_gateway.answers import RefusedError
from ingest_gateway.body import DECOMPRESSORS

MAX_TEXT_CHARS = 500
MAX_BODY_CHARS = 2_000
MAX_ENTRIES = 50
MAX_DEPTH = 4
LEFT_OUT = "..."


def decompressed(body: bytes, encoding: str) -> bytes:
    """The body as the gateway reads it; as it came where that cannot be decompressed."""
    name = encoding.strip().lower() or ("gzip" if body[:2] == b"\x1f\x8b" else "")
    try:
        return DECOMPRESSORS[name](body)
    except (KeyError, RefusedError):
        return body


def text_copy(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """A text, cut first, so that redacting it costs the same whatever came."""
    cut = redact(hide_addresses(text[:limit]))
    return cut + LEFT_OUT if len(text) > limit else cut


def body_copy(body: bytes) -> str:
    """The beginning of a body."""
    return text_copy(body[: 4 * MAX_BODY_CHARS].decode("utf-8", "replace"), MAX_BODY_CHARS)


def json_copy(raw: bytes) -> Any:
    """A JSON value, every text and list of it cut; as text where it is none."""
    try:
        return _copy(msgspec.json.decode(raw), 0)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return body_copy(raw)


def _copy(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return text_copy(value)
    if isinstance(value, dict | list) and depth >= MAX_DEPTH:
        return LEFT_OUT
    if isinstance(value, dict):
        pairs = list(value.items())[:MAX_ENTRIES]
        return {text_copy(str(key)): _copy(one, depth + 1) for key, one in pairs}
    if isinstance(value, list):
        return [_copy(one, depth + 1) for one in value[:MAX_ENTRIES]]
    return value

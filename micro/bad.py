"""What was not taken: rejected events and refused requests, as `/micro/bad` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from footfall.event import REQUIRED_PART, Event
from footfall.names import RejectReason
from ingest_gateway.directory import BATCH
from ingest_gateway.parse import mend_surrogates
from ingest_gateway.pixel import parse_pixel, parse_query
from ingest_gateway.track import CONVERTERS
from micro.copies import body_copy, decompressed, json_copy, text_copy
from micro.exchange import Heard
from micro.journal import Entry

PIXEL = "/v1/pixel.gif"
MAX_NAME_CHARS = 64
DETAILS = {
    RejectReason.MALFORMED: "a field has the wrong type or is out of range",
    RejectReason.NAME: "`name` is missing, empty or longer than 64 characters",
    RejectReason.URL: "a URL is longer than 2048 characters",
    RejectReason.PROPS: "more than 64 props",
    RejectReason.PROP_SIZE: "a prop is larger than 1024 bytes",
    RejectReason.TOO_OLD: "`occurred_at` is more than 7 days ago",
    RejectReason.NOT_ALLOWED: "a browser may name no visitor, address or absolute time (`occurred_at` needs the "
    "batch's `sent_at`), and a user only in `identify` with consent",
}


class _Body(msgspec.Struct):
    events: list[msgspec.Raw]


class _Answer(msgspec.Struct):
    """The parts of the gateway's answers that are read here."""

    rejected: list[dict[str, Any]] = []
    error: str = ""
    message: str = ""


def entries(heard: Heard, now: int) -> Iterator[Entry]:
    """Of one answered request; none if all of it was taken. `now` is UTC milliseconds."""
    about = {"path": text_copy(heard.path), "site": heard.named[:MAX_NAME_CHARS], "received_at": now}
    if heard.status >= 400:
        if _is_sending(heard):
            yield {"kind": "request", **_refused(heard), **about}
    elif heard.path == PIXEL:
        yield from (one | about for one in _rejected_pixel(heard))
    elif heard.path == BATCH or heard.path in CONVERTERS:
        yield from (one | about for one in _rejected(heard))


def _is_sending(heard: Heard) -> bool:
    """What looks at the wrong address (/favicon.ico) sends no events."""
    return heard.path == PIXEL or heard.method not in ("GET", "HEAD")


def _refused(heard: Heard) -> Entry:
    told = _answer(heard.answer)
    return {
        "status": heard.status,
        "error": told.error,
        "message": told.message,
        "method": heard.method[:MAX_NAME_CHARS],
        "origin": text_copy(heard.headers.get("origin", "")),
        "body": body_copy(decompressed(heard.body, heard.headers.get("content-encoding", ""))),
    }


def _rejected(heard: Heard) -> Iterator[Entry]:
    rejected = _answer(heard.answer).rejected
    if not rejected:
        return
    body = decompressed(heard.body, heard.headers.get("content-encoding", ""))
    if heard.path == BATCH:
        sent = [bytes(raw) for raw in msgspec.json.decode(mend_surrogates(body), type=_Body).events]
    else:
        sent = [body]
    for one in rejected:
        raw = sent[one["index"]]
        detail = detail_of(one["reason"], raw, told=heard.path == BATCH)
        yield _event(one["reason"], one["index"], detail, json_copy(raw))


def _rejected_pixel(heard: Heard) -> Iterator[Entry]:
    query = parse_query(heard.query)
    for index, reason in parse_pixel(query, heard.headers.get("referer", "")).rejected:
        copy = {name: text_copy(value) for name, value in query.items()}
        yield _event(reason, index, DETAILS[RejectReason(reason)], copy)


def _event(reason: str, index: int, detail: str, copy: Any) -> Entry:
    return {"kind": "event", "reason": reason, "detail": detail, "index": index, "event": copy}


def detail_of(reason: str, raw: bytes, *, told: bool) -> str:
    """What is wrong, in words. `told`: `raw` has the fields of an event, so that the schema can say which."""
    try:
        event = msgspec.json.decode(raw, type=Event) if told else None
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        return str(error)  # of types and places, never of values
    if reason == RejectReason.MISSING_PART:
        part = REQUIRED_PART.get(event.name, "") if event is not None else ""
        return (
            f"`{event.name}` needs `{part}`" if event is not None and part else "a part it must carry is missing"
        )
    return DETAILS[RejectReason(reason)]


def _answer(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError:
        return _Answer()

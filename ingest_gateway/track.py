"""The single-event endpoints for servers: friendly names in, a batch of one event out.

docs/api.md has the fields. They take every field of `event.Event` and of `event.Batch`
besides their own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from footfall.event import Batch, Event
from footfall.names import EventName
from ingest_gateway.answers import unreadable
from ingest_gateway.parse import Parsed, explain, reason_of

# Other trackers' words for the same things.
ALIASES = {
    "event": "name",
    "properties": "props",
    "ip": "address",
    "userAgent": "user_agent",
    "timestamp": "occurred_at",
    "anonymous_id": "visitor_id",
}
SESSION_ACTIONS = {"start": "session_start", "end": "session_end", "identify": EventName.IDENTIFY.value}
EVENT_FIELDS = frozenset(Event.__struct_fields__)
BATCH_FIELDS = frozenset(Batch.__struct_fields__) - {"events"}

Fields = dict[str, Any]


def to_event(fields: Fields) -> Fields:
    """`/api/v1/track/event`: `name` says what happened."""
    return fields


def to_pageview(fields: Fields) -> Fields:
    """`/api/v1/track/pageview`: `url` is needed."""
    return fields | {"name": EventName.PAGE_VIEW.value}


def to_session(fields: Fields) -> Fields:
    """`/api/v1/track/session`: `action` is start (default), end or identify."""
    action = fields.pop("action", "start")
    if not isinstance(action, str) or action not in SESSION_ACTIONS:
        raise unreadable(f"`action` is one of {', '.join(SESSION_ACTIONS)}")
    return fields | {"name": SESSION_ACTIONS[action]}


def to_performance(fields: Fields) -> Fields:
    """`/api/v1/track/performance`: `metric` and `value`, as in web vitals."""
    vital = fields.get("vital")
    if vital is None and "metric" in fields:
        vital = {"name": fields.pop("metric"), "value": fields.pop("value", 0)}
    return fields | {"name": EventName.WEB_VITAL.value, "vital": vital}


CONVERTERS: dict[str, Callable[[Fields], Fields]] = {
    "/api/v1/track/event": to_event,
    "/api/v1/track/pageview": to_pageview,
    "/api/v1/track/session": to_session,
    "/api/v1/track/performance": to_performance,
}


def parse_track(body: bytes, convert: Callable[[Fields], Fields]) -> Parsed:
    """The batch of one event; an event that is not well-formed is a rejected one."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(explain(error)) from error
    if not isinstance(fields, dict):
        raise unreadable("the body is one JSON object: an event")
    fields = convert({ALIASES.get(str(name), str(name)): value for name, value in fields.items()})
    if isinstance(fields.get("occurred_at"), str):
        fields["occurred_at"] = _milliseconds(fields["occurred_at"])
    own = {name: value for name, value in fields.items() if name in BATCH_FIELDS and value is not None}
    try:
        batch = msgspec.convert({**own, "events": [{"name": "-"}]}, Batch)
    except msgspec.ValidationError as error:
        raise unreadable(explain(error)) from error
    try:
        mine = {name: value for name, value in fields.items() if name in EVENT_FIELDS and value is not None}
        batch.events = [msgspec.convert(mine, Event)]
    except msgspec.ValidationError as error:
        batch.events = []
        return Parsed(batch, [(0, reason_of(error))])
    return Parsed(batch, [])


def _milliseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise unreadable("a time is UTC milliseconds or ISO 8601 text such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        raise unreadable("a time given as text needs its zone: 2026-01-31T12:00:00Z")
    return int(moment.timestamp() * 1000)

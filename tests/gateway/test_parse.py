from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.event import Batch, Event
from footfall.names import RejectReason
from ingest_gateway.answers import RefusedError
from ingest_gateway.parse import mend_surrogates, parse_batch
from ingest_gateway.track import CONVERTERS, parse_track

REASONS = {reason.value for reason in RejectReason}
AT = 1_700_000_000_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([*Event.__struct_fields__, *Batch.__struct_fields__, "unknown"])
EVENTS = st.dictionaries(FIELDS, JSON, max_size=6)


def outcome(body: bytes) -> tuple[int, int] | None:
    """(events kept, rejected), None if refused whole; anything else fails the test."""
    try:
        parsed = parse_batch(body)
    except RefusedError as refusal:
        return None if refusal.status in (400, 413) else (-1, -1)
    assert all(reason in REASONS for _, reason in parsed.rejected)
    assert parsed.places is None or len(parsed.places) == len(parsed.batch.events)
    return len(parsed.batch.events), len(parsed.rejected)


@given(st.binary(max_size=300))
def test_bytes_never_raise(body: bytes) -> None:
    assert outcome(body) != (-1, -1)


@given(st.lists(st.one_of(EVENTS, JSON), min_size=1, max_size=5), st.dictionaries(FIELDS, JSON, max_size=3))
def test_json_never_raises_and_every_event_is_accounted_for(events: list[Any], more: dict[str, Any]) -> None:
    body = json.dumps({**more, "events": events}).encode()
    found = outcome(body)
    if found is not None:
        assert sum(found) == len(events)


@given(st.lists(EVENTS, max_size=3), st.sampled_from(sorted(CONVERTERS)))
def test_track_never_raises(events: list[dict[str, Any]], path: str) -> None:
    for event in events:
        try:
            parsed = parse_track(json.dumps(event).encode(), CONVERTERS[path])
            seen = len(parsed.batch.events) + len(parsed.rejected)
        except RefusedError as refusal:
            seen = refusal.status
        assert seen in (1, 400)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\ud83d"', rb'"\\\ufffd"'),
        (rb'"\u00e4\n"', rb'"\u00e4\n"'),
    ],
)
def test_halves_of_surrogates(text: bytes, mended: bytes) -> None:
    assert mend_surrogates(text) == mended


@given(st.text(st.characters(), max_size=40))
def test_mended_text_can_be_read(text: str) -> None:
    read = msgspec.json.decode(mend_surrogates(json.dumps(text).encode()))
    assert len(read) <= len(text)
    if text.isprintable() and not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert read == text


def test_a_cut_emoji_does_not_lose_the_event() -> None:
    parsed = parse_batch(rb'{"events":[{"name":"a","title":"cut \ud83d"}]}')
    assert [event.title for event in parsed.batch.events] == ["cut \ufffd"]
    assert parsed.rejected == []


@pytest.mark.parametrize(
    ("path", "body", "name", "part"),
    [
        ("event", {"event": "signup", "properties": {"plan": "pro"}}, "signup", ("props", {"plan": "pro"})),
        (
            "pageview",
            {"url": "/a", "timestamp": "2023-11-14T22:13:20Z"},
            "page_view",
            ("occurred_at", 1700000000000),
        ),
        ("session", {"visitor_id": "v"}, "session_start", ("session_id", "")),
        ("session", {"action": "identify", "anonymous_id": "v", "user_id": "u"}, "identify", ("user_id", "u")),
        ("performance", {"metric": "LCP", "value": 12.5, "url": "/"}, "web_vital", ("url", "/")),
    ],
)
def test_friendly_fields(path: str, body: dict[str, Any], name: str, part: tuple[str, Any]) -> None:
    full = f"/api/v1/track/{path}"
    parsed = parse_track(json.dumps(body).encode(), CONVERTERS[full])
    assert [event.name for event in parsed.batch.events] == [name]
    assert getattr(parsed.batch.events[0], part[0]) == part[1]


def test_performance_becomes_a_vital() -> None:
    parsed = parse_track(b'{"metric":"CLS","value":0.1}', CONVERTERS["/api/v1/track/performance"])
    vital = parsed.batch.events[0].vital
    assert vital is not None
    assert (vital.name, vital.value) == ("CLS", 0.1)


@pytest.mark.parametrize("body", [b'{"action":"x"}', b'{"action":[]}', b'{"timestamp":"today"}', b"[]", b"{"])
def test_track_says_what_is_wrong(body: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_track(body, CONVERTERS["/api/v1/track/session"])
    assert caught.value.status == 400

"""No full address reaches the log inside a text."""

from __future__ import annotations

import pytest

from footfall.event import Element, Event
from footfall.record import Record, decode
from ingest_gateway.texts import encode_without_addresses, hide_in_header, may_hold_address

ID = b"\x01\xa0\xc4Pl\x00p\x00\x80\x00\x00\x00\x00\x00\x00\x01"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36"


def logged(**fields: object) -> bytes:
    event = Event(name="page_view", **fields)  # type: ignore[arg-type]
    return encode_without_addresses(Record(site_id="shop", user_agent=AGENT, events=[event]))  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("from 198.51.100.77 today", b"from 198.51.100.0 today"),
        ("2001:db8:77aa:1::42", b"2001:db8:77aa::"),
        ("ip=2001%3Adb8%3A77aa%3A1%3A%3A42", b"ip=2001"),
    ],
)
@pytest.mark.parametrize("field", ["title", "referrer", "url"])
def test_addresses_in_texts_are_truncated(field: str, text: str, kept: bytes) -> None:
    value = logged(**{field: text})
    assert kept in value
    assert b".77 " not in value
    assert b"42" not in value


def test_inside_parts_and_props() -> None:
    value = logged(element=Element(text="192.0.2.9"), props={"peer": "192.0.2.9", "number": 3})
    assert b"192.0.2.9" not in value
    assert value.count(b"192.0.2.0") == 2


def test_the_usual_event_takes_the_short_way() -> None:
    value = logged(url="https://shop.example.com/a?v=1.2.3", title="Version 1.2.3 of 12:30")
    assert not may_hold_address(value)


def test_a_changed_record_is_read_like_any_other() -> None:
    event = Event(name="page_view", title="192.0.2.9", url="https://shop.example.com/")
    record = Record(site_id="shop", events=[event])  # type: ignore[list-item]
    record.events[0].event_id = ID
    read = decode(encode_without_addresses(record)).events[0]
    assert (read.name, read.title, read.url) == ("page_view", "192.0.2.0", "https://shop.example.com/")
    assert read.event_id == ID


def test_browser_versions_survive() -> None:
    assert hide_in_header(AGENT) == AGENT
    assert hide_in_header("bot 192.0.2.9") == "bot 192.0.2.0"

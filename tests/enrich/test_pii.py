"""Redaction: what must go, what must stay, and that once is enough."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.enrich.pii import is_card, redact, redact_named

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.SflKxwRJSMeKKF2QT4fwpM"
GONE = [
    ("mail jane.doe+x@mail.example.org!", "mail [email]!"),
    ("/u/jane%40example.org/orders", "/u/[email]/orders"),
    ("%2540: jane%2540example.org", "%2540: [email]"),
    ("jörg@müller.de", "[email]"),
    (f"Bearer {JWT}", "Bearer [token]"),
    ("key 0123456789abcdef0123456789abcdef", "key [token]"),
    ("t=AbC1dEf2GhI3jKl4MnO5pQr6StU7vWx8", "t=[token]"),
    ("paid with 4111 1111 1111 1111 today", "paid with [card] today"),
    ("5555-5555-5555-4444", "[card]"),
    ("378282246310005", "[card]"),
    ("q=4111%201111%201111%201111", "q=[card]"),
    ("call +49 151 23456789", "call [phone]"),
    ("+1 (555) 123-4567", "[phone]"),
    ("(555) 123-4567", "[phone]"),
    ("555-123-4567", "[phone]"),
    ("x=%2B4915123456789&y=1", "x=[phone]&y=1"),
    ("Tel. 030 12345678", "Tel. [phone]"),
    ("tel:03012345678", "tel:[phone]"),
    ("from 203.0.113.77 to", "from [ip] to"),
    ("ip=2001:db8:85a3::8a2e:370:7334", "ip=[ip]"),
    ("ip=2001%3Adb8%3A%3A1&x", "ip=[ip]&x"),
]
STAYS = [
    "Order 2024-10-17-0815 of 12.50 EUR",
    "2024-01-15 12:30:45",
    "/blog/2024/01/15/ten-tips-for-2024",
    "/p/550e8400-e29b-41d4-a716-446655440000",
    "1760000000000",
    "sku 4006381333931",
    "img@2x.png and vue@3.4.1",
    "/this-is-a-very-long-slug-of-an-article-about-5-things-you-can-do",
    "version 1.2.3 of 10.0",
    "std::vector and 10:20",
    "size=40&page=2",
    "rock & roll 100 % @home",
    "[email] [phone] [card] [token] [ip]",
    "🎉 ünïcödé",
    "",
]


@pytest.mark.parametrize(("text", "expected"), GONE)
def test_gone(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("text", STAYS)
def test_stays(text: str) -> None:
    assert redact(text) == text


@given(st.one_of(st.text(max_size=200), st.text("0123456789+-. ()@:%ae=/&[]2540", max_size=60)))
@settings(max_examples=1500)
def test_once_is_enough(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.lists(st.sampled_from([text for text, _ in GONE] + STAYS), min_size=1, max_size=4))
def test_mixtures_are_redacted_once(texts: list[str]) -> None:
    once = redact(" | ".join(texts))
    assert redact(once) == once
    for secret in ("jane", "4111", "203.0.113.77", "eyJhb"):
        assert secret not in once


@pytest.mark.parametrize(
    "text", ["a" * 8000 + "@", "1 " * 4000, "1" * 8000, "a.b-" * 2000 + "@x", ":" * 8000, "1:" * 4000, "(0" * 4000,
             "eyJ" * 2600, "+1 " * 2600, "A1-" * 2600, "@a." * 2600]
)  # fmt: skip
def test_no_text_makes_it_slow(text: str) -> None:
    start = time.perf_counter()
    redact(text)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("number", ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"])
def test_card_numbers(number: str) -> None:
    assert is_card(number)
    assert not is_card(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_the_name_of_a_value_tells() -> None:
    assert redact_named("Password", "hunter2") == "[token]"
    assert redact_named("phone", "0301234") == "[phone]"
    assert redact_named("phone", "iPhone 15") == "iPhone 15"
    assert redact_named("color", "red") == "red"

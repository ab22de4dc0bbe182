"""Personal data in text becomes `[email]`, `[token]`, `[card]`, `[phone]` or `[ip]`.

`redact` is idempotent and never raises. Patterns are tried only behind a cheap guard,
their repetitions are bounded (no text makes them slow), and they prefer to leave alone
what only looks alike: UUIDs, timestamps, order numbers, dates, versions.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from footfall.enrich.wordlists import word_list

EMAIL, TOKEN, CARD, PHONE, IP = "[email]", "[token]", "[card]", "[phone]", "[ip]"

_EMAIL = re.compile(
    r"[\w+%][\w.+%'-]{0,63}(?:@|%(?:25)?40)(?![1-4]x\.)"  # not image@2x.png
    r"(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{1,62}"
)
_JWT = re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]{2,}){1,4}")
_LONG = re.compile(r"[A-Za-z0-9_-]{32,}")
_MANY_DIGITS = re.compile(r"\d(?:\D{0,6}\d){7}")
_SEPARATOR = r"(?:[ .()/-]|%20|%28|%29){0,3}"
_CARD = re.compile(r"(?<![\w.-])\d(?:(?:[ +-]|%20)?\d){12,18}(?![\w-]|\.\d)")
_PHONES = (
    re.compile(rf"(?<![\w+])(?:\+|%2[Bb])[1-9](?:{_SEPARATOR}\d){{7,14}}(?!\d)"),  # E.164
    re.compile(r"(?<![\w.+-])(?:1[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])"),  # North America
    re.compile(r"(?<![\w.+/-])\(?0\d{1,4}\)?(?:[ /-]|%20)\d{3,9}(?:[ -]\d{2,6}){0,4}(?![\w-]|\.\d)"),  # trunk 0
    re.compile(r"(?<=tel:)[\d(+][\d().%+ -]{4,24}\d"),
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}(?::|%3[Aa])){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
# At least 8 digits, so that dates and short numbers with a trunk zero are not phones.
_MIN_PHONE_DIGITS = 8
_ROUNDS = 8

SECRET_KEYS = frozenset(word_list("secret_keys.txt"))
PHONE_KEYS = frozenset(word_list("phone_keys.txt"))
TELLING_KEYS = SECRET_KEYS | PHONE_KEYS
"""Names that say of their value what it is; for `redact_named`."""


def redact(text: str) -> str:
    """The text without what tells who somebody is."""
    for _ in range(_ROUNDS):
        cleaned = _redact_once(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def redact_host(host: str) -> str:
    """A host, unless it is an address: names are public, addresses may be a visitor's."""
    bare = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ip_address(bare)
    except ValueError:
        return host
    return IP


def redact_url(url: str) -> str:
    """A link, redacted; values of parameters that say they are secret go whatever they hold."""
    if "=" not in url:
        return redact(url)
    head, mark, query = url.partition("?")
    pairs = [_pair(pair) for pair in query.split("&")]
    return redact(f"{head}{mark}{'&'.join(pairs)}")


def _pair(pair: str) -> str:
    key, _, value = pair.partition("=")
    return f"{key}={redact_named(key, value)}" if key.lower() in TELLING_KEYS else pair


def redact_named(key: str, value: str) -> str:
    """A value whose name is known."""
    name = key.lower()
    if name in SECRET_KEYS and value:
        return TOKEN
    if name in PHONE_KEYS and sum(map(str.isdigit, value)) >= 6:
        return PHONE
    return redact(value)


def _redact_once(text: str) -> str:
    if "@" in text or ("%" in text and "40" in text):
        text = _EMAIL.sub(EMAIL, text)
    if "eyJ" in text:
        text = _JWT.sub(TOKEN, text)
    if len(text) >= 32:
        text = _LONG.sub(_token, text)
    if text.count(":") >= 2 or ("%" in text and ("%3a" in text or "%3A" in text)):
        text = _IPV6.sub(_ipv6, text)
    if text.count(".") >= 3:
        text = _IPV4.sub(IP, text)
    return _redact_numbers(text) if _MANY_DIGITS.search(text) else text


def _redact_numbers(text: str) -> str:
    text = _CARD.sub(_card, text)
    for pattern in _PHONES:
        text = pattern.sub(_phone, text)
    return text


def _token(match: re.Match[str]) -> str:
    """Long runs without the word structure of a slug and without the form of a UUID."""
    run = match[0]
    if "xn--" in run:  # an international domain name in its ASCII form
        return run
    longest = max(re.split(r"[_-]", run), key=len)
    mixed = any(c.isdigit() for c in run) and any(c.isalpha() for c in run)
    scrambled = any(c.islower() for c in run) and any(c.isupper() for c in run)
    if mixed and (len(longest) >= 20 or (scrambled and sum(c.isdigit() for c in run) >= 4)):
        return TOKEN
    return run


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"%20|\D", "", match[0])
    return CARD if is_card(digits) else match[0]


def is_card(digits: str) -> bool:
    """A payment-card number: an issuer's range, its length, and Luhn's check digit."""
    size = len(digits)
    two, four = int(digits[:2]), int(digits[:4])
    known = (
        (digits[0] == "4" and size in (13, 16, 19))
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and size == 16)
        or (two in (34, 37) and size == 15)
        or (two in (30, 36, 38, 39) and size == 14)
        or ((two in (35, 50, 60, 62, 64, 65, 67) or 56 <= two <= 58) and 16 <= size <= 19)
    )
    return known and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        double = digit * 2 if place % 2 else digit
        total += double - 9 if double > 9 else double
    return total % 10 == 0


def _phone(match: re.Match[str]) -> str:
    digits = sum(c.isdigit() for c in re.sub(r"%2\d", "", match[0]))
    return PHONE if digits >= _MIN_PHONE_DIGITS else match[0]


def _ipv6(match: re.Match[str]) -> str:
    run = match[0]
    candidate = re.sub(r"%3[Aa]", ":", run)
    if len(candidate) < 4 or not any(c.isdigit() for c in candidate):
        return run
    try:
        ip_address(candidate)
    except ValueError:
        return run
    return IP

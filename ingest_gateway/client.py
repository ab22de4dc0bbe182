"""What a request's headers tell of the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from footfall.signals import CLIENT_HINT_HEADERS, Signal, join_client_hints
from ingest_gateway.address import Address

MAX_AGENT_CHARS = 1024
MAX_HINT_CHARS = 256
MAX_LANGUAGE_CHARS = 128
# Every header that `read_client` reads, besides Origin, Referer and the country's.
CLIENT_HEADERS = (
    "user-agent",
    "accept-language",
    *CLIENT_HINT_HEADERS,
    "sec-gpc",
    "dnt",
    "sec-purpose",
    "purpose",
)
HONOURED = int(Signal.GPC | Signal.DNT)
NO_COUNTRY = frozenset({"XX", "ZZ"})

_GPC, _DNT, _PREFETCH = int(Signal.GPC), int(Signal.DNT), int(Signal.PREFETCH)
_NO_LANGUAGE, _NO_AGENT = int(Signal.NO_ACCEPT_LANGUAGE), int(Signal.NO_USER_AGENT)
_HEADLESS, _NO_ORIGIN = int(Signal.HEADLESS), int(Signal.NO_ORIGIN)


class Client(NamedTuple):
    """A browser as its headers show it; for a server key, what it says of its client."""

    address: Address
    user_agent: str = ""
    client_hints: str = ""
    language: str = ""
    country: str = ""
    signals: int = 0


def read_client(headers: Mapping[str, str], address: Address, country_header: str) -> Client:
    """From a browser's headers, each cut to a sane length."""
    agent = headers.get("user-agent", "")[:MAX_AGENT_CHARS]
    language = headers.get("accept-language", "")[:MAX_LANGUAGE_CHARS]
    hints = ""
    if headers.get("sec-ch-ua", ""):
        hints = join_client_hints([headers.get(name, "")[:MAX_HINT_CHARS] for name in CLIENT_HINT_HEADERS])
    signals = 0 if language else _NO_LANGUAGE
    if headers.get("sec-gpc", "") == "1":
        signals |= _GPC
    if headers.get("dnt", "") == "1":
        signals |= _DNT
    if not agent:
        signals |= _NO_AGENT
    if "Headless" in agent or "Headless" in hints:
        signals |= _HEADLESS
    if not headers.get("origin", "") and not headers.get("referer", ""):
        signals |= _NO_ORIGIN
    if "prefetch" in headers.get("sec-purpose", "") or "prefetch" in headers.get("purpose", ""):
        signals |= _PREFETCH
    country = headers.get(country_header, "") if address.trusted_peer else ""
    return Client(address, agent, hints, language, parse_country(country) if country else "", signals)


def parse_country(text: str) -> str:
    """Two letters, upper case; empty for what a CDN says when it does not know."""
    code = text.strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code not in NO_COUNTRY else ""

"""A request as the server hands it over: the parts of RSGI that are used here."""

from __future__ import annotations

from typing import Protocol

from ingest_gateway.answers import Headers
from ingest_gateway.body import BodySource
from ingest_gateway.pixel import parse_query


class AllHeaders(Protocol):
    """Headers that may be sent more than once."""

    def items(self) -> list[tuple[str, str]]:
        """Name and value of each, names in lower case."""

    def get_all(self, key: str) -> list[str]:
        """Every value."""


class RequestScope(Protocol):
    """The part of Granian's scope that is used here. It makes a new object at each look."""

    proto: str
    method: str
    path: str
    query_string: str
    client: str

    @property
    def headers(self) -> AllHeaders:
        """The request's headers."""


class Exchange(BodySource, Protocol):
    """Granian's protocol object: reads the body, sends the answer."""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Send it."""


class Request:
    """One request. `now` is UTC milliseconds."""

    __slots__ = ("exchange", "headers", "now", "query", "scope")

    def __init__(self, scope: RequestScope, exchange: Exchange, headers: dict[str, str], now: int) -> None:
        self.scope = scope
        self.exchange = exchange
        self.headers = headers
        self.now = now
        query = scope.query_string
        self.query: dict[str, str] = parse_query(query) if query else {}


def read_headers(scope: RequestScope) -> dict[str, str]:
    """One value for each name, the last one sent; all of them where proxies tell addresses:
    each may have added a header of its own instead of extending the first."""
    all_headers = scope.headers
    pairs = all_headers.items()
    headers = dict(pairs)
    if len(headers) != len(pairs):
        for name in ("x-forwarded-for", "forwarded"):
            if name in headers:
                headers[name] = ",".join(all_headers.get_all(name))
    return headers


def client_went(error: Exception) -> bool:
    """Whether the connection is gone: Granian's own errors, whose types are private."""
    return type(error).__name__ in ("RSGIProtocolClosed", "RSGIProtocolError")

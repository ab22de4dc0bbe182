"""Listening in on one request: the gateway reads and answers through this, and notices nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from footfall.event import MAX_BATCH_BYTES
from ingest_gateway.answers import Headers, RefusedError
from ingest_gateway.pixel import parse_query
from ingest_gateway.request import Exchange, RequestScope, read_headers


class Heard:
    """An `ingest_gateway.request.Exchange` that keeps a copy: what was read of the body (at most
    `MAX_BATCH_BYTES`), and the answer. `answered` is called before the answer is sent."""

    def __init__(self, scope: RequestScope, exchange: Exchange, answered: Callable[[Heard], None]) -> None:
        self.path, self.method, self.query = scope.path, scope.method, scope.query_string
        self.headers = read_headers(scope)
        self.status, self.answer = 0, b""
        self._exchange = exchange
        self._answered = answered
        self._copy = bytearray()
        self._parts: AsyncIterator[bytes] | None = None

    @property
    def body(self) -> bytes:
        """As it came, maybe compressed."""
        return bytes(self._copy)

    @property
    def named(self) -> str:
        """The public id or the public part of the key, as far as headers and query tell; unchecked."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return "_".join(key.strip().split("_")[:2]) if key.strip().startswith("sk_") else ""
        try:
            return self.headers.get("x-footfall-site", "") or parse_query(self.query).get("site", "")
        except RefusedError:
            return ""

    async def __call__(self) -> bytes:
        """All of the body."""
        body = await self._exchange()
        self._keep(body)
        return body

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._parts = aiter(self._exchange)
        return self

    async def __anext__(self) -> bytes:
        """The next part."""
        assert self._parts is not None
        part = await anext(self._parts)
        self._keep(part)
        return part

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """The answer."""
        self.status, self.answer = status, body
        self._answered(self)
        self._exchange.response_bytes(status, headers, body)

    def _keep(self, part: bytes) -> None:
        room = MAX_BATCH_BYTES - len(self._copy)
        self._copy += part[: max(0, room)]

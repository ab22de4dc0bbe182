"""The RSGI application: `/micro/...` is answered here, everything else by the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from footfall.record import Record
from ingest_gateway.answers import JSON, Answer, Headers, RefusedError
from ingest_gateway.app import Gateway
from ingest_gateway.origins import host_of, is_local
from ingest_gateway.pixel import parse_query
from ingest_gateway.request import Exchange, RequestScope, client_went, read_headers
from micro import bad
from micro.exchange import Heard
from micro.good import Accepted
from micro.journal import Entry, Journal
from micro.questions import read_question
from micro.sites import MadeUpDirectory
from micro.waiting import Waiting

PREFIX = "/micro/"
EVENTS = frozenset({"name", "site", "match", "after"})
Asked = Callable[[dict[str, str]], Awaitable[Answer]]


class Micro:
    """Takes events, and tells what came. `clock` is UTC milliseconds."""

    def __init__(self, directory: MadeUpDirectory, clock: Callable[[], int]) -> None:
        self.journal = Journal()
        self.gateway: Gateway | None = None  # it writes to a log that hands on to `take`
        self._directory = directory
        self._clock = clock
        self._accepted = Accepted()
        self._waiting = Waiting(self.journal)
        self._routes: dict[str, tuple[str, Asked]] = {
            "all": ("GET", self._all),
            "good": ("GET", self._good),
            "bad": ("GET", self._bad),
            "wait": ("GET", self._wait),
            "reset": ("POST", self._reset),
        }

    def take(self, record: Record) -> None:
        """The gateway accepted this."""
        self.journal.add_good(*self._accepted.entries(record, self._directory.site(record.site_id)))

    async def __rsgi__(self, scope: RequestScope, exchange: Exchange) -> None:
        """Answer one request."""
        if scope.path.startswith(PREFIX):
            await self._answer_ours(scope, exchange)
        else:
            assert self.gateway is not None
            await self.gateway.__rsgi__(scope, Heard(scope, exchange, self._answered))

    def _answered(self, heard: Heard) -> None:
        for entry in bad.entries(heard, self._clock()):
            self.journal.add_bad(entry)

    async def _answer_ours(self, scope: RequestScope, exchange: Exchange) -> None:
        origin = read_headers(scope).get("origin", "")
        allowed: Headers = [("vary", "origin")]
        try:
            if origin:
                allowed = [*allowed, *_allow(origin)]
            answer = await self._answer(scope)
        except RefusedError as refusal:
            answer = refusal.answer()
        try:
            exchange.response_bytes(answer.status, [*answer.headers, *allowed], answer.body)
        except Exception as error:
            if not client_went(error):
                raise

    async def _answer(self, scope: RequestScope) -> Answer:
        route = self._routes.get(scope.path.removeprefix(PREFIX))
        if route is None:
            raise RefusedError(404, "not_found", f"ask {', '.join(PREFIX + name for name in self._routes)}")
        method, handler = route
        if scope.method == "OPTIONS":
            return Answer(204, [("access-control-allow-methods", method)], b"")
        if scope.method != method:
            raise RefusedError(405, "method", f"this path takes {method}", allow=f"{method}, OPTIONS")
        return await handler(parse_query(scope.query_string))

    async def _all(self, query: dict[str, str]) -> Answer:
        read_question(query, frozenset())
        return _json(200, self.journal.totals())

    async def _good(self, query: dict[str, str]) -> Answer:
        question = read_question(query, EVENTS | {"limit"})
        return _json(200, {"events": question.of(self.journal.good)[-question.limit :]})

    async def _bad(self, query: dict[str, str]) -> Answer:
        question = read_question(query, frozenset({"limit", "after"}))
        found = [entry for entry in self.journal.bad if entry["seq"] > question.after]
        return _json(200, {"bad": found[-question.limit :]})

    async def _wait(self, query: dict[str, str]) -> Answer:
        return _json(*await self._waiting.wait(read_question(query, EVENTS | {"limit", "count", "timeout"})))

    async def _reset(self, query: dict[str, str]) -> Answer:
        read_question(query, frozenset())
        self._accepted.forget()
        self.journal.reset()
        return _json(200, self.journal.totals())


_encode = msgspec.json.Encoder().encode


def _json(status: int, body: Entry | dict[str, int] | dict[str, object]) -> Answer:
    return Answer(status, JSON, _encode(body))


def _allow(origin: str) -> Headers:
    """Pages of this machine may ask from a script; `RefusedError` 403 for all others, which could else
    read a test's events or reset them."""
    if not is_local(host_of(origin)):
        raise RefusedError(403, "origin", "/micro/ answers scripts of pages on localhost only: ask from your test")
    return [("access-control-allow-origin", origin)]

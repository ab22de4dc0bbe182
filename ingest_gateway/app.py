"""The RSGI application: routes, and the guard that lets nothing but an answer out."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from eventlog.protocol import LogFull
from footfall.names import Source
from footfall.settings import Settings
from footfall.signals import Signal
from ingest_gateway import metrics
from ingest_gateway.address import Address, AddressResolver, parse_networks
from ingest_gateway.answers import JSON, Answer, Headers, RefusedError, accepted, unavailable
from ingest_gateway.body import BodySource, check_type, is_plain, read_body
from ingest_gateway.caller import Caller, admit_browser, admit_server
from ingest_gateway.client import HONOURED, Client, read_client
from ingest_gateway.deadlines import Deadlines
from ingest_gateway.directory import Directory
from ingest_gateway.limits import AddressLimit
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.memory import Known, Memory
from ingest_gateway.metrics import Counts
from ingest_gateway.origins import host_of, is_bound, is_local, is_preview
from ingest_gateway.parse import Parsed, parse_batch, parse_site
from ingest_gateway.pixel import PIXEL, parse_pixel, parse_query
from ingest_gateway.records import Built, Sender, build, is_marked
from ingest_gateway.track import CONVERTERS, parse_track

logger = logging.getLogger(__name__)

BATCH, PIXEL_PATH = "/v1/batch", "/v1/pixel.gif"
GPC_HEADER = "x-footfall-dropped"
PREFLIGHT = [
    ("access-control-allow-headers", "content-type, content-encoding, x-footfall-site, authorization"),
    ("access-control-max-age", "86400"),
]
CORS = [("access-control-expose-headers", f"retry-after, {GPC_HEADER}"), ("vary", "origin")]
_GPC = int(Signal.GPC)


class RequestScope(Protocol):
    """The part of Granian's scope that is used here."""

    proto: str
    method: str
    path: str
    query_string: str
    client: str

    @property
    def headers(self) -> AllHeaders:
        """The request's headers."""


class AllHeaders(Protocol):
    """Headers that may be sent more than once."""

    def items(self) -> list[tuple[str, str]]:
        """Name and value of each, names in lower case."""

    def get_all(self, key: str) -> list[str]:
        """Every value."""


class Exchange(BodySource, Protocol):
    """Granian's protocol object: reads the body, sends the answer."""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Send it."""


class Request:
    """One request. `headers` are without Content-Length, which no two requests share."""

    __slots__ = ("exchange", "headers", "length", "now", "query", "scope")

    def __init__(self, scope: RequestScope, exchange: Exchange, headers: dict[str, str], now: int) -> None:
        self.scope = scope
        self.exchange = exchange
        self.length = headers.pop("content-length", "")
        self.headers = headers
        self.now = now
        self.query: dict[str, str] = parse_query(scope.query_string) if scope.query_string else {}


Handler = Callable[[Request], Awaitable[Answer]]


def _join_forwarded(headers: dict[str, str], all_headers: AllHeaders) -> None:
    """Each proxy may have added a header of its own instead of extending the first: all of
    them count, and are part of what a browser is remembered by."""
    for name in ("x-forwarded-for", "forwarded"):
        if name in headers:
            headers[name] = ",".join(all_headers.get_all(name))


class Gateway:
    """HTTP in, event log out. `clock` is UTC milliseconds."""

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        writers: Mapping[str, LogWriter],
        counts: Counts,
        clock: Callable[[], int],
    ) -> None:
        self.draining = False
        self._stage = settings.stage
        self._country_header = settings.country_header.lower()
        self._directory = directory
        self._memory = Memory(directory.view)
        self._writers = writers
        self._counts = counts
        self._clock = clock
        self._heartbeat_s = settings.heartbeat_seconds
        self._resolver = AddressResolver(parse_networks(settings.trusted_proxies))
        self._addresses = AddressLimit(settings.address_requests_per_second)
        self.reading: Deadlines[asyncio.Task[object]] = Deadlines(settings.gateway_timeout_seconds, _cancel)
        self._routes: dict[str, tuple[str, Handler]] = {
            BATCH: ("POST", self._batch),
            PIXEL_PATH: ("GET", self._pixel),
            "/healthz": ("GET", self._healthz),
            "/readyz": ("GET", self._readyz),
            "/metrics": ("GET", self._metrics),
        }
        self._routes |= dict.fromkeys(CONVERTERS, ("POST", self._track))

    async def __rsgi__(self, scope: RequestScope, exchange: Exchange) -> None:
        """Answer one request. Whatever happens: an answer, and none with a traceback."""
        headers: dict[str, str] = {}
        path = scope.path  # Granian makes a new string at each look
        try:
            pairs = scope.headers.items()
            headers = dict(pairs)
            if len(headers) != len(pairs):
                _join_forwarded(headers, scope.headers)
            answer = await self._answer(path, scope, exchange, headers)
        except RefusedError as refusal:
            self._counts.refused[refusal.error] += 1
            answer = refusal.answer()
        except asyncio.CancelledError:
            answer = self._timed_out()
        except Exception as error:
            if _client_went(error):
                self._counts.disconnects += 1
                return
            self._counts.bugs += 1
            logger.exception("a fault of the gateway on %s", path[:64])
            answer = unavailable("the gateway has met a fault of its own", 5.0).answer()
        status, sent, body = answer
        self._counts.answers[(path if path in self._routes else "other", status)] += 1
        origin = headers.get("origin")
        if origin and status != 403:
            sent = sent + self._cors(origin)
        exchange.response_bytes(status, sent, body)

    async def _answer(self, path: str, scope: RequestScope, exchange: Exchange, headers: dict[str, str]) -> Answer:
        if scope.proto != "http":
            raise RefusedError(404, "not_found", "only HTTP is spoken here")
        route = self._routes.get(path)
        if route is None:
            raise RefusedError(404, "not_found", f"send events to POST {BATCH}")
        method, handler = route
        if scope.method != method:
            if scope.method == "OPTIONS":
                return self._preflight(headers, method)
            raise RefusedError(405, "method", f"this path takes {method}")
        return await handler(Request(scope, exchange, headers, self._clock()))

    async def _batch(self, request: Request) -> Answer:
        check_type(request.headers)
        if "authorization" in request.headers:
            known = Known(self._admit_server(request), Client(self._address(request)), {})
            body = await self._body(request, known)
        elif "x-footfall-site" in request.headers or "site" in request.query:
            known = self._recognise(request)
            body = await self._body(request, known)
        else:
            body = await self._body(request, None)
            known = self._admit_browser(request, parse_site(body))
            self._check_rate(known)
        caller, client, _ = known
        if caller.site.strict_privacy and client.signals & HONOURED and caller.source is Source.BROWSER:
            return self._privacy_dropped(client, Answer(202, JSON, b'{"accepted":0,"rejected":[]}'))
        return await self._take(caller.stage, self._batch_records(request, known, body))

    async def _track(self, request: Request) -> Answer:
        check_type(request.headers)
        known = Known(self._admit_server(request), Client(self._address(request)), {})
        parsed = parse_track(await self._body(request, known), CONVERTERS[request.scope.path])
        return await self._take(known.caller.stage, self._records(request, known, parsed, _once(parsed)))

    async def _pixel(self, request: Request) -> Answer:
        known = self._recognise(request)
        self._check_rate(known)
        client = known.client._replace(signals=known.client.signals | int(Signal.PIXEL))
        if known.caller.site.strict_privacy and client.signals & HONOURED:
            return self._privacy_dropped(client, PIXEL)
        parsed = parse_pixel(request.query, request.headers.get("referer", ""))
        built = self._records(request, known._replace(client=client), parsed, os.urandom(16))
        await self._take(known.caller.stage, built)
        return PIXEL

    def _recognise(self, request: Request) -> Known:
        """The browser by its public id, in the header or the query."""
        memory = self._memory
        if memory.view is not self._directory.view:
            memory = self._memory = Memory(self._directory.view)
        pairs = tuple(request.headers.items())
        key = (request.scope.client.rpartition(":")[0], request.query.get("site", ""), pairs)
        known = memory.known.get(key)
        if known is not None:
            self._check_address(known.client.address)
            return known
        public_id = request.headers.get("x-footfall-site", "") or request.query.get("site", "")
        known = self._admit_browser(request, public_id)
        memory.keep(key, known, sum(len(name) + len(value) for name, value in pairs))
        return known

    def _admit_browser(self, request: Request, public_id: str) -> Known:
        address = self._address(request)
        caller = admit_browser(self._directory.view, public_id, request.headers, self._stage)
        return Known(caller, read_client(request.headers, address, self._country_header), {})

    def _admit_server(self, request: Request) -> Caller:
        headers, address = request.headers, self._address(request)
        authorization = headers.get("authorization", "")
        return admit_server(self._directory.view, authorization, headers, address, self._stage, request.now)

    def _batch_records(self, request: Request, known: Known, body: bytes) -> Built:
        parsed = parse_batch(body)
        return self._records(request, known, parsed, body if is_marked(parsed.batch) else os.urandom(16))

    def _records(self, request: Request, known: Known, parsed: Parsed, unique: bytes) -> Built:
        """What goes to the log. A function of its own, so that the events are freed before
        the wait for the disk: freeing them later, out of the cache, costs as much as decoding."""
        caller, client, memo = known
        partitions = self._writers[caller.stage].partitions
        secret, salts = self._directory.secrets[caller.stage], self._directory.view.salts
        sender = Sender(caller.site, caller.source, client, secret, salts, partitions, request.now, memo)
        caller.bucket.take(len(parsed.batch.events) + len(parsed.rejected))
        return build(sender, parsed, unique)

    async def _take(self, stage: str, built: Built) -> Answer:
        """Make the events durable, then say so."""
        started = time.perf_counter()
        try:
            await self._writers[stage].write(built.records)
        except LogFull as error:
            # The reason may name paths and sizes: that is for the log, not for the world.
            raise unavailable("the log cannot take events now", error.retry_after_s) from error
        self._counts.waited(time.perf_counter() - started)
        self._counts.events[(stage, "accepted")] += built.accepted
        if built.rejected:
            self._counts.events[(stage, "rejected")] += len(built.rejected)
            self._counts.rejected.update(reason for _, reason in built.rejected)
        return accepted(built.accepted, built.rejected)

    async def _body(self, request: Request, known: Known | None) -> bytes:
        if known is not None:
            self._check_rate(known)
        task = asyncio.current_task()
        assert task is not None
        self.reading.add(task)
        encoding, length = request.headers.get("content-encoding", ""), request.length
        try:
            if is_plain(encoding, length):
                return await request.exchange()
            return await read_body(encoding, length, request.exchange)
        finally:
            self.reading.remove(task)

    def _address(self, request: Request) -> Address:
        """The client's; `RefusedError` 429 if too many requests come from there."""
        forwarded_for = request.headers.get("x-forwarded-for", "")
        forwarded = request.headers.get("forwarded", "")
        address = self._resolver.resolve(request.scope.client, forwarded_for, forwarded)
        self._check_address(address)
        return address

    def _check_address(self, address: Address) -> None:
        self._counts.ignored_proxies += address.ignored_proxy
        if not address.loopback:
            self._addresses.check(address.limit_key, time.monotonic())

    def _check_rate(self, known: Known) -> None:
        wait = known.caller.bucket.wait_s(time.monotonic())
        if wait:
            raise RefusedError(429, "rate", "more events than this site or key may send", wait)

    def _privacy_dropped(self, client: Client, answer: Answer) -> Answer:
        self._counts.privacy_dropped += 1
        reason = "gpc" if client.signals & _GPC else "dnt"
        return answer._replace(headers=[*answer.headers, (GPC_HEADER, reason)])

    def _timed_out(self) -> Answer:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        self._counts.refused["timeout"] += 1
        return RefusedError(408, "timeout", "the body did not come in time: send it again").answer()

    def _preflight(self, headers: dict[str, str], method: str) -> Answer:
        origin = headers.get("origin", "")
        if not origin or not self._cors(origin):
            raise RefusedError(403, "origin", "this origin belongs to no site: `footfall site list` shows them")
        return Answer(204, [("access-control-allow-methods", method), *PREFLIGHT], b"")

    def _cors(self, origin: str) -> Headers:
        found = self._memory.cors.get(origin)
        if found is None:
            host = host_of(origin)
            known = is_local(host) or is_preview(host) or is_bound(host, self._directory.view.domains)
            found = [("access-control-allow-origin", origin), *CORS] if known else []
            if self._memory.view is self._directory.view:
                self._memory.keep_cors(origin, found)
        return found

    async def _healthz(self, request: Request) -> Answer:  # noqa: ARG002 - a handler
        return Answer(200, JSON, b'{"status":"ok"}')

    async def _readyz(self, request: Request) -> Answer:  # noqa: ARG002 - a handler
        if self.draining:
            raise unavailable("the gateway is stopping")
        for stage, writer in self._writers.items():
            # Heartbeats make sure that somebody has tried lately.
            if writer.failing or time.monotonic() - writer.last_success > 3 * self._heartbeat_s:
                raise unavailable(f"the log of stage {stage} does not take records")
        return Answer(200, JSON, b'{"status":"ready"}')

    async def _metrics(self, request: Request) -> Answer:  # noqa: ARG002 - a handler
        kind = [("content-type", "text/plain; version=1.0.0; charset=utf-8")]
        return Answer(200, kind, metrics.exposition())


def _once(parsed: Parsed) -> bytes:
    """A single event that brings an id is the same event when it is sent again; one
    without an id counts each time: a server that says `signup` twice means two."""
    events = parsed.batch.events
    event_id = events[0].event_id if events else None
    return event_id.bytes if event_id is not None else os.urandom(16)


def _cancel(task: asyncio.Task[object]) -> None:
    task.cancel()


def _client_went(error: Exception) -> bool:
    # Granian's own errors for a connection that is gone; its types are private.
    return type(error).__name__ in ("RSGIProtocolClosed", "RSGIProtocolError")

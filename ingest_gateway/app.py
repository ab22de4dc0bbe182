"""The RSGI application: routes, and the guard that lets nothing but an answer out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from footfall.settings import Settings
from ingest_gateway.admission import Admission
from ingest_gateway.answers import Answer, RefusedError, unavailable
from ingest_gateway.body import BodyReader
from ingest_gateway.cors import Cors, readable_by
from ingest_gateway.directory import BATCH, Lookup
from ingest_gateway.endpoints import Endpoints
from ingest_gateway.health import Health
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.metrics import Counts
from ingest_gateway.openapi import openapi
from ingest_gateway.request import Exchange, Request, RequestScope, client_went, read_headers
from ingest_gateway.scripts import Scripts
from ingest_gateway.track import CONVERTERS

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Answer]]


class Route(NamedTuple):
    """What a path takes, and who answers."""

    methods: tuple[str, ...]
    handler: Handler
    open_to_all: bool = False  # its answer itself says that every origin may read it


class Gateway:
    """HTTP in, event log out. `clock` is UTC milliseconds."""

    def __init__(
        self,
        settings: Settings,
        directory: Lookup,
        writers: Mapping[str, LogWriter],
        counts: Counts,
        clock: Callable[[], int],
        scripts: Scripts,
    ) -> None:
        self.health = Health(writers, settings.heartbeat_seconds)
        self.bodies = BodyReader(settings.gateway_timeout_seconds)
        self._counts = counts
        self._clock = clock
        self._cors = Cors(directory)
        self.admission = Admission(settings, directory, counts)
        endpoints = Endpoints(self.admission, self.bodies, directory, writers, counts)
        self._directory = directory
        probe = ("GET", "HEAD")  # load balancers ask with HEAD, too
        self._routes = {
            BATCH: Route(("POST",), endpoints.batch),
            "/v1/pixel.gif": Route(("GET",), endpoints.pixel),
            "/healthz": Route(probe, self.health.healthz),
            "/readyz": Route(probe, self.health.readyz),
            "/metrics": Route(("GET",), self.health.metrics),
            "/openapi.json": Route(("GET",), openapi),
        }
        self._routes |= {path: Route(("POST",), endpoints.track) for path in CONVERTERS}
        self._routes |= {
            path: Route(probe, handler, open_to_all=True) for path, handler in scripts.handlers().items()
        }

    async def __rsgi__(self, scope: RequestScope, exchange: Exchange) -> None:
        """Answer one request. Whatever happens: an answer, and none with a traceback."""
        headers: dict[str, str] = {}
        path = scope.path
        route = self._routes.get(path)
        if route is None:
            path = self._directory.view.paths.get(path, "other")  # what a site's own name stands for
            route = self._routes.get(path)
        try:
            headers = read_headers(scope)
            answer = await self._answer(route, scope, exchange, headers)
        except RefusedError as refusal:
            self._counts.refused[refusal.error] += 1
            answer = refusal.answer()
        except asyncio.CancelledError:
            answer = self._timed_out()
        except Exception as error:
            if client_went(error):
                self._counts.disconnects += 1
                return
            self._counts.bugs += 1
            logger.exception("a fault of the gateway on path %s", path)
            answer = unavailable("the gateway has met a fault of its own", 5.0).answer()
        status, sent, body = answer
        self._counts.answers[(path, status)] += 1
        origin = headers.get("origin")
        if origin and not (route is not None and route.open_to_all and status in (200, 304)):
            # A page must be able to read why it was refused, or it would take that for a broken network and
            # try for days. A preflight is refused by having no such header.
            allowed = self._cors.headers(origin)
            if not allowed and status >= 400 and scope.method != "OPTIONS":
                allowed = readable_by(origin)
            sent = sent + allowed
        exchange.response_bytes(status, sent, body)

    async def _answer(
        self, route: Route | None, scope: RequestScope, exchange: Exchange, headers: dict[str, str]
    ) -> Answer:
        if scope.proto != "http":
            raise RefusedError(404, "not_found", "only HTTP is spoken here")
        if route is None:
            raise RefusedError(404, "not_found", f"send events to POST {BATCH}")
        method = scope.method
        if method not in route.methods:
            if method == "OPTIONS":
                return self._cors.preflight(headers, route.methods[0])
            allow = ", ".join([*route.methods, "OPTIONS"])
            raise RefusedError(405, "method", f"this path takes {route.methods[0]}", allow=allow)
        return await route.handler(Request(scope, exchange, headers, self._clock()))

    def _timed_out(self) -> Answer:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        self._counts.refused["timeout"] += 1
        return RefusedError(408, "timeout", "the body did not come in time: send it again").answer()

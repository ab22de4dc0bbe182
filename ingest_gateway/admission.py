"""Who is calling, and whether they may now: address, id or key, rate. What was worked out
about a browser is kept."""

from __future__ import annotations

import time
from typing import NamedTuple

from footfall.settings import Settings
from ingest_gateway.address import Address, AddressResolver, parse_networks
from ingest_gateway.answers import RefusedError
from ingest_gateway.caller import Caller, admit_browser, admit_server
from ingest_gateway.client import Client, read_client
from ingest_gateway.directory import Directory
from ingest_gateway.limits import AddressLimit
from ingest_gateway.memory import Memory
from ingest_gateway.metrics import Counts
from ingest_gateway.request import Request

Key = tuple[object, ...]


class Known(NamedTuple):
    """Somebody who was admitted."""

    caller: Caller
    client: Client
    memo: dict[int, tuple[int, int, int]]  # see records.Sender


class Admission:
    """Admits requests; refuses with `RefusedError` 401, 403 or 429."""

    def __init__(self, settings: Settings, directory: Directory, counts: Counts) -> None:
        self._stage = settings.stage
        self._country_header = settings.country_header.lower()
        self._directory = directory
        self._counts = counts
        self._memory: Memory[Key, Known] = Memory(directory.view)
        self._resolver = AddressResolver(parse_networks(settings.trusted_proxies))
        self._addresses = AddressLimit(settings.address_requests_per_second)

    def recognise(self, request: Request) -> Known:
        """The browser by its public id, in the header or the query."""
        view = self._directory.view
        if self._memory.view is not view:
            self._memory = Memory(view)
        # Content-Length is left out: no two requests share it.
        pairs = tuple(pair for pair in request.headers.items() if pair[0] != "content-length")
        key = (request.scope.client.rpartition(":")[0], request.query.get("site", ""), pairs)
        known = self._memory.known.get(key)
        if known is not None:
            self._check_address(known.client.address)
            return known
        public_id = request.headers.get("x-footfall-site", "") or request.query.get("site", "")
        known = self.browser(request, public_id)
        self._memory.keep(key, known, sum(len(name) + len(value) for name, value in pairs))
        return known

    def browser(self, request: Request, public_id: str) -> Known:
        """The browser that names this site."""
        address = self._address(request)
        caller = admit_browser(self._directory.view, public_id, request.headers, self._stage)
        return Known(caller, read_client(request.headers, address, self._country_header), {})

    def server(self, request: Request) -> Known:
        """The server by its key."""
        headers, address = request.headers, self._address(request)
        authorization = headers.get("authorization", "")
        caller = admit_server(self._directory.view, authorization, headers, address, self._stage, request.now)
        return Known(caller, Client(self._address(request)), {})

    def check_rate(self, known: Known) -> None:
        """429 if the site or key has used up what it may send."""
        wait = known.caller.bucket.wait_s(time.monotonic())
        if wait:
            raise RefusedError(429, "rate", "more events than this site or key may send", wait)

    def _address(self, request: Request) -> Address:
        """The client's; 429 if too many requests come from there."""
        forwarded_for = request.headers.get("x-forwarded-for", "")
        forwarded = request.headers.get("forwarded", "")
        address = self._resolver.resolve(request.scope.client, forwarded_for, forwarded)
        self._check_address(address)
        return address

    def _check_address(self, address: Address) -> None:
        self._counts.ignored_proxies += address.ignored_proxy
        if not address.loopback:
            self._addresses.check(address.limit_key, time.monotonic())

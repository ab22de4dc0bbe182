"""Who is calling, and whether they may now: address, id or key, rate. What was worked out
about a browser is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from footfall.settings import Settings
from ingest_gateway.address import Address, AddressResolver, parse_networks
from ingest_gateway.answers import RefusedError
from ingest_gateway.caller import Caller, Stages, admit_browser, admit_server
from ingest_gateway.client import CLIENT_HEADERS, Client, read_client
from ingest_gateway.directory import Lookup
from ingest_gateway.limits import AddressLimit, Bucket
from ingest_gateway.memory import Memory
from ingest_gateway.metrics import Counts
from ingest_gateway.request import Request

Key = tuple[str, str, str, tuple[str | None, ...]]
KEY_HEADERS = ("x-footfall-site", "origin", "x-forwarded-for", "forwarded", *CLIENT_HEADERS)


class Known(NamedTuple):
    """Somebody who was admitted."""

    caller: Caller
    client: Client
    memo: dict[int, tuple[int, int, int]]  # see records.Sender


class Admission:
    """Admits requests; refuses with `RefusedError` 401, 403 or 429."""

    def __init__(self, settings: Settings, directory: Lookup, counts: Counts) -> None:
        self._stages = Stages(settings.stage, settings.dev_stage)
        self._country_header = settings.country_header.lower()
        self._directory = directory
        self._counts = counts
        self._memory: Memory[Key, Known] = Memory(directory.view)
        self._resolver = AddressResolver(parse_networks(settings.trusted_proxies))
        # What a browser is remembered by, with its peer address, `?site=` and maybe Referer.
        self._names = (*KEY_HEADERS, self._country_header)
        self._addresses = AddressLimit(settings.address_requests_per_second)

    def touched(self) -> Iterator[tuple[str, Bucket]]:
        """Buckets that may have been taken from, by name: for `sharing.Sharing`."""
        yield from self._directory.buckets()
        for key, bucket in self._addresses.touched():
            yield f"addr:{key}", bucket

    def recognise(self, request: Request) -> Known:
        """The browser by its public id, in the header or the query."""
        view = self._directory.view
        if self._memory.view is not view:
            self._memory = Memory(view)
        headers, site = request.headers, request.query.get("site", "")
        # Pages differ by Referer, which is looked at only where there is no Origin.
        referer = "" if headers.get("origin") else headers.get("referer", "")
        values = tuple(map(headers.get, self._names))
        key = (request.scope.client.rpartition(":")[0], site, referer, values)
        known = self._memory.known.get(key)
        if known is not None:
            self._check_address(known.client.address)
            return known
        # Only what is part of the key is there to be read.
        told = {name: value for name, value in zip(self._names, values, strict=True) if value}
        if referer:
            told["referer"] = referer
        known = self._browser(request.scope.client, told.get("x-footfall-site", "") or site, told)
        self._memory.keep(key, known, len(site) + sum(map(len, told.values())))
        return known

    def browser(self, request: Request, public_id: str) -> Known:
        """The browser that names this site."""
        return self._browser(request.scope.client, public_id, request.headers)

    def _browser(self, peer: str, public_id: str, headers: Mapping[str, str]) -> Known:
        address = self._address(peer, headers)
        caller = admit_browser(self._directory.view, public_id, headers, self._stages)
        return Known(caller, read_client(headers, address, self._country_header), {})

    def server(self, request: Request) -> Known:
        """The server by its key."""
        headers, peer = request.headers, request.scope.client
        address, authorization = self._address(peer, headers), headers.get("authorization", "")
        caller = admit_server(self._directory.view, authorization, headers, address, self._stages, request.now)
        return Known(caller, Client(address), {})

    def check_rate(self, known: Known) -> None:
        """429 if the site or key has used up what it may send."""
        wait = known.caller.bucket.wait_s(time.monotonic())
        if wait:
            raise RefusedError(429, "rate", "more events than this site or key may send", wait)

    def _address(self, peer: str, headers: Mapping[str, str]) -> Address:
        """The client's; 429 if too many requests come from there."""
        forwarded_for, forwarded = headers.get("x-forwarded-for", ""), headers.get("forwarded", "")
        address = self._resolver.resolve(peer, forwarded_for, forwarded)
        self._check_address(address)
        return address

    def _check_address(self, address: Address) -> None:
        self._counts.ignored_proxies += address.ignored_proxy
        if not address.loopback:
            self._addresses.check(address.limit_key, time.monotonic())

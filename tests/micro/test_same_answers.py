"""`footfall micro` answers as the gateway does: the same requests to both, real processes."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from tests.gateway.conftest import wait_for_site, wait_until_not
from tests.gateway.harness import GatewayProcess
from tests.micro.running import MicroProcess

BATCH = "/v1/batch"
ORIGIN = "https://www.shop.example.com"
VIEW = {"name": "page_view", "url": f"{ORIGIN}/a"}
MIXED = {
    "events": [
        VIEW,
        {"name": "purchase"},
        {"name": "x" * 65},
        {"name": "click", "element": {"tag": 5}},
        {"name": "identify", "user_id": "u"},
        {"name": "old", "occurred_at": 1},
        {"name": "p", "props": {"a": "x" * 1025}},
        {"name": "p", "props": {str(number): 1 for number in range(65)}},
        {"name": "page_view", "url": "x" * 2049},
        5,
    ]
}
PLAIN = json.dumps(MIXED).encode()
TRACKED = ["event", "pageview", "session", "performance"]

Sent = tuple[str, str, dict[str, str], bytes]
# Method, path, headers (PUB and KEY stand for a valid id and key), body.
REQUESTS: list[Sent] = [
    ("POST", BATCH, {"x-footfall-site": "PUB", "origin": ORIGIN}, PLAIN),
    ("POST", BATCH, {"x-footfall-site": "PUB", "origin": "http://localhost:1"}, PLAIN),
    ("POST", BATCH, {"x-footfall-site": "PUB", "origin": "https://foreign.example"}, PLAIN),
    ("POST", BATCH, {"x-footfall-site": "PUB", "origin": "null"}, PLAIN),
    ("POST", BATCH, {"x-footfall-site": "pub_unknown", "origin": ORIGIN}, PLAIN),
    ("POST", BATCH, {}, PLAIN),
    ("POST", BATCH, {"content-type": "text/plain"}, json.dumps({"site": "PUB", **MIXED}).encode()),
    ("POST", BATCH + "?site=PUB", {"content-type": "text/plain"}, PLAIN),
    ("POST", BATCH, {"authorization": "Bearer KEY"}, PLAIN),
    ("POST", BATCH, {"authorization": "Bearer nonsense"}, PLAIN),
    ("POST", BATCH, {"x-footfall-site": "PUB", "content-encoding": "gzip"}, gzip.compress(PLAIN)),
    ("POST", BATCH, {"x-footfall-site": "PUB", "content-encoding": "br"}, brotli.compress(PLAIN)),
    ("POST", BATCH, {"x-footfall-site": "PUB", "content-encoding": "zstd"}, zstandard.compress(PLAIN)),
    ("POST", BATCH, {"x-footfall-site": "PUB", "content-encoding": "gzip"}, gzip.compress(PLAIN)[:-9]),
    ("POST", BATCH, {"x-footfall-site": "PUB", "content-encoding": "lzma"}, PLAIN),
    ("POST", BATCH, {"x-footfall-site": "PUB"}, gzip.compress(PLAIN)),
    ("POST", BATCH, {"x-footfall-site": "PUB", "content-type": "text/xml"}, PLAIN),
    ("POST", BATCH, {"x-footfall-site": "PUB"}, b""),
    ("POST", BATCH, {"x-footfall-site": "PUB"}, b'{"events": []}'),
    ("POST", BATCH, {"x-footfall-site": "PUB"}, b'{"events": [{"name": "\xff"}, {"name": "a"}]}'),
    ("POST", BATCH, {"x-footfall-site": "PUB"}, json.dumps({"events": [{"name": "a"}] * 501}).encode()),
    ("POST", BATCH, {"x-footfall-site": "PUB"}, b" " * (1024 * 1024 + 1)),
    ("POST", BATCH, {"x-footfall-site": "PUB", "sec-gpc": "1"}, PLAIN),
    ("GET", BATCH, {}, b""),
    ("OPTIONS", BATCH, {"origin": ORIGIN}, b""),
    ("OPTIONS", BATCH, {"origin": "https://foreign.example"}, b""),
    ("GET", "/v1/pixel.gif?site=PUB&url=https://shop.example.com/", {}, b""),
    ("GET", "/v1/pixel.gif?site=PUB", {}, b""),
    ("GET", "/v1/pixel.gif?site=PUB&url=" + "x" * 3000, {}, b""),
    ("GET", "/v1/pixel.gif?site=PUB&url=" + "x" * 9000, {}, b""),
    ("POST", "/nowhere", {}, b"{}"),
    ("GET", "/healthz", {}, b""),
    ("GET", "/readyz", {}, b""),
    ("GET", "/openapi.json", {}, b""),
    ("GET", "/f.js", {}, b""),
    ("GET", "/f.js", {"accept-encoding": "br", "origin": ORIGIN}, b""),
    ("GET", "/pixel.js", {}, b""),
    ("HEAD", "/f.js", {}, b""),
    ("GET", "/f.js", {"if-none-match": "*"}, b""),
    *[("POST", f"/api/v1/track/{name}", {"authorization": "Bearer KEY"}, b'{"event": "a"}') for name in TRACKED],
    *[("POST", f"/api/v1/track/{name}", {"authorization": "Bearer KEY"}, b"[]") for name in TRACKED],
    ("POST", "/api/v1/track/event", {"x-footfall-site": "PUB"}, b'{"event": "a"}'),
    ("POST", "/api/v1/track/event", {"authorization": "Bearer KEY"}, b'{"event": "a", "timestamp": "noon"}'),
]


class Both:
    """The gateway and a micro with its site."""

    def __init__(self, gateway: GatewayProcess) -> None:
        now = int(time.time() * 1000)
        site = gateway.control.add_site("shop.example.com", now=now)
        _, self._key = gateway.control.create_key(site.site_id, now=now)
        wait_for_site(gateway, site)
        wait_until_not(gateway, 401, {"authorization": f"Bearer {self._key}"})
        self._public_id = site.public_id
        self.gateway = gateway
        self.micro = MicroProcess("--site", f"{site.public_id}=shop.example.com")

    def ask(self, sent: Sent) -> tuple[httpx.Response, httpx.Response]:
        method, path, headers, body = sent
        filled = {
            name: value.replace("PUB", self._public_id).replace("KEY", self._key)
            for name, value in headers.items()
        }
        path, body = path.replace("PUB", self._public_id), body.replace(b"PUB", self._public_id.encode())
        first, second = (
            one.client.request(method, path, headers=filled, content=body or None)
            for one in (self.gateway, self.micro)
        )
        return first, second


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    gateway = GatewayProcess(tmp_path_factory.mktemp("gateway"), address_requests_per_second=0)
    try:
        gateway.start()
        pair = Both(gateway)
        yield pair
        assert pair.micro.close() == ""
    finally:
        gateway.close()


@pytest.mark.parametrize("sent", REQUESTS, ids=range(len(REQUESTS)))
def test_status_headers_and_body_are_the_gateways(both: Both, sent: Sent) -> None:
    real, micro = both.ask(sent)
    assert (micro.status_code, micro.content) == (real.status_code, real.content)
    assert _headers(micro) == _headers(real)


def _headers(answer: httpx.Response) -> dict[str, Any]:
    # Whether the connection is closed depends on how much of a body that is not read had come by then.
    return {name: value for name, value in answer.headers.items() if name not in ("date", "connection")}


def test_what_the_gateway_put_into_its_log_is_what_micro_tells(tmp_path: Path, both: Both) -> None:
    """The same records came of the same requests."""
    records = [record for stage in ("prod", "dev") for record in both.gateway.records(stage)]
    names = sorted(event.name for record in records for event in record.events)
    assert names == sorted(event["name"] for event in both.micro.good(limit=10_000))
    rejected = sum(sum(record.rejected.values()) for record in records)
    assert rejected == sum(one["kind"] == "event" for one in both.micro.bad(limit=10_000))

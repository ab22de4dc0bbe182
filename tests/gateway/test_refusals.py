"""What the gateway refuses, with which status and which word."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from footfall.event import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from footfall.sites import Site
from tests.gateway.asking import PAGE, error_of, post
from tests.gateway.conftest import wait_until_not
from tests.gateway.harness import GatewayProcess, wait_for


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"[]", "Expected `object`"),
        (b"{}", "events"),
        (b'{"events":[]}', "empty"),
        (b'{"events":{}}', "Expected `array`"),
        (b'{"events":[{"name":"a"}],"sent_at":"yesterday"}', "sent_at"),
        (b'{"events":[{"name":"a"}],"batch_id":"7"}', "batch_id"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_400_says_what(gateway: GatewayProcess, site: Site, body: bytes, said: str) -> None:
    answer = post(gateway, site, body)
    assert error_of(answer) == (400, "unreadable")
    assert said in answer.json()["message"]


def test_401(gateway: GatewayProcess, site: Site, server_key: str) -> None:
    body = json.dumps({"events": [PAGE]})
    assert error_of(gateway.client.post("/v1/batch", content=body)) == (401, "no_site")
    wrong = {"x-footfall-site": "pub_nobody"}
    assert error_of(gateway.client.post("/v1/batch", content=body, headers=wrong)) == (401, "unknown_site")
    for text in ("", "Bearer", "Basic x", f"Bearer {server_key}x", f"Bearer {server_key[:-1]}", "Bearer sk_a_b"):
        answer = gateway.client.post("/v1/batch", content=body, headers={"authorization": text or "-"})
        assert error_of(answer) == (401, "key")
    assert error_of(gateway.client.post("/api/v1/track/event", content=body)) == (401, "key")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://notshop.example.com", "https://shop.example.com.evil.example", "null"],
)
def test_403_for_other_origins(gateway: GatewayProcess, site: Site, origin: str) -> None:
    answer = post(gateway, site, {"events": [PAGE]}, origin=origin)
    assert error_of(answer) == (403, "origin")
    assert answer.headers["access-control-allow-origin"] == origin  # or the page would try for days
    refused = gateway.client.options("/v1/batch", headers={"origin": origin})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


def test_404_and_405(gateway: GatewayProcess) -> None:
    assert error_of(gateway.client.get("/")) == (404, "not_found")
    assert error_of(gateway.client.get("/v1/batch")) == (405, "method")
    assert error_of(gateway.client.post("/v1/pixel.gif")) == (405, "method")
    assert gateway.client.head("/v1/pixel.gif").status_code == 405  # it would count a view


def test_413_tells_the_limit(gateway: GatewayProcess, site: Site) -> None:
    many = {"events": [{"name": "a"}] * (MAX_BATCH_EVENTS + 1)}
    answer = post(gateway, site, many)
    assert error_of(answer) == (413, "too_large")
    assert "500 events" in answer.json()["message"]
    assert (
        post(gateway, site, {"events": [{"name": "a"}] * MAX_BATCH_EVENTS}).json()["accepted"] == MAX_BATCH_EVENTS
    )
    answer = post(gateway, site, b" " * (MAX_BATCH_BYTES + 1))
    assert error_of(answer) == (413, "too_large")
    assert str(MAX_BATCH_BYTES) in answer.json()["message"]


def test_415(gateway: GatewayProcess, site: Site) -> None:
    assert error_of(post(gateway, site, b"x", content_type="application/xml")) == (415, "content_type")
    answer = post(gateway, site, b"x", content_encoding="lzma")
    assert error_of(answer) == (415, "content_encoding")
    assert "zstd" in answer.json()["message"]


def test_429_by_key(gateway: GatewayProcess, site: Site) -> None:
    _, text = gateway.control.create_key(site.site_id, now=int(time.time() * 1000), rate=2, burst=10)
    headers = {"authorization": f"Bearer {text}"}
    wait_until_not(gateway, 401, headers)
    body = json.dumps({"events": [{"name": "a"}] * 12})
    assert gateway.client.post("/v1/batch", content=body, headers=headers).status_code == 202
    answer = gateway.client.post("/v1/batch", content=body, headers=headers)
    assert error_of(answer) == (429, "rate")
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    later = wait_for(
        lambda: gateway.client.post("/v1/batch", content=body, headers=headers).status_code == 202, 5, "a refill"
    )
    assert later


def test_429_by_address(gateway: GatewayProcess, site: Site) -> None:
    headers = {"x-forwarded-for": "203.0.113.77"}
    answers = [post(gateway, site, b"{}", **headers) for _ in range(150)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert error_of(refused[0]) == (429, "address_rate")
    assert int(refused[0].headers["retry-after"]) >= 1
    assert post(gateway, site, b"{}", x_forwarded_for="203.0.113.78").status_code == 400


def test_a_servers_request_is_charged_once(gateway: GatewayProcess, site: Site) -> None:
    """As many as the burst of an address lets through, which is 40 here."""
    _, text = gateway.control.create_key(site.site_id, now=int(time.time() * 1000))
    headers = {"authorization": f"Bearer {text}", "x-forwarded-for": "203.0.113.79"}
    wait_until_not(gateway, 401, {"authorization": headers["authorization"]})
    answers = [gateway.client.post("/v1/batch", content=b"{}", headers=headers) for _ in range(35)]
    assert {answer.status_code for answer in answers} == {400}


def test_errors_carry_cors_too(gateway: GatewayProcess, site: Site) -> None:
    answer = post(gateway, site, b"{", origin="https://shop.example.com")
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == "https://shop.example.com"


def test_a_revoked_key_is_refused_within_5_seconds(gateway: GatewayProcess, site: Site) -> None:
    info, text = gateway.control.create_key(site.site_id, now=int(time.time() * 1000))
    headers = {"authorization": f"Bearer {text}"}
    wait_until_not(gateway, 401, headers)

    def send() -> httpx.Response:
        return gateway.client.post("/v1/batch", content=json.dumps({"events": [{"name": "a"}]}), headers=headers)

    assert send().status_code == 202
    gateway.control.revoke_key(info.key_id, now=int(time.time() * 1000))
    wait_for(lambda: send().status_code != 202, 5, "a refusal")
    assert error_of(send()) == (401, "key")


def test_a_key_for_a_network(gateway: GatewayProcess, site: Site) -> None:
    now = int(time.time() * 1000)
    _, text = gateway.control.create_key(
        site.site_id, now=now, networks=["198.51.100.0/24"], domains=["a.example"]
    )
    headers = {"authorization": f"Bearer {text}", "x-forwarded-for": "198.51.100.9"}
    wait_until_not(gateway, 401, headers)
    body = json.dumps({"events": [{"name": "a"}]})
    assert gateway.client.post("/v1/batch", content=body, headers=headers).status_code == 202
    wrong = headers | {"origin": "https://b.example"}
    assert error_of(gateway.client.post("/v1/batch", content=body, headers=wrong)) == (403, "origin")
    wrong = headers | {"x-forwarded-for": "198.51.101.9"}
    assert error_of(gateway.client.post("/v1/batch", content=body, headers=wrong)) == (403, "network")

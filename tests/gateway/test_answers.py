"""Every answer of the gateway, over real HTTP against a real process and a real log."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import httpx
import pytest

from footfall.event import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from footfall.record import Record
from footfall.sites import Site
from tests.gateway.conftest import wait_for_site, wait_until_not
from tests.gateway.harness import GatewayProcess, wait_for

PAGE = {"name": "page_view", "url": "https://shop.example.com/"}
ORIGIN = {"origin": "https://www.shop.example.com"}


def post(gateway: GatewayProcess, site: Site, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway.client.post(
        "/v1/batch",
        content=content,
        headers={"x-footfall-site": site.public_id, "content-type": "application/json"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    )


def error_of(answer: httpx.Response) -> tuple[int, str]:
    found = answer.json()
    assert found["message"]
    return answer.status_code, found["error"]


def test_202_is_in_the_log(gateway: GatewayProcess, site: Site) -> None:
    batch_id, event_id = uuid.uuid4(), uuid.uuid4()
    body = {"batch_id": str(batch_id), "events": [PAGE | {"event_id": str(event_id)}]}
    answer = post(gateway, site, body, **ORIGIN)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    found = [made for made in gateway.records() if made.batch_id == batch_id.bytes]
    assert len(found) == 1
    assert [event.event_id for event in found[0].events] == [event_id.bytes]
    assert found[0].site_id == site.site_id
    assert abs(found[0].received_at - time.time() * 1000) < 60_000


def test_a_bad_event_never_sinks_its_batch(gateway: GatewayProcess, site: Site) -> None:
    now = int(time.time() * 1000)
    events: list[Any] = [
        PAGE,
        {"url": "/"},
        {"name": "x" * 65},
        {"name": "page_view"},
        PAGE | {"url": "x" * 2049},
        {"name": "a", "props": {str(n): 1 for n in range(65)}},
        {"name": "a", "props": {"k": "x" * 1025}},
        {"name": "a", "props": {"k": "\u20ac" * 500}},
        {"name": "a", "occurred_at": now - 8 * 86_400_000},
        {"name": "a", "visitor_id": "v"},
        {"name": "a", "engaged_ms": "long"},
        {"name": "custom thing", "props": {"a": 1, "b": None, "c": True, "d": 1.5}},
        7,
        {"name": "identify", "user_id": "u"},
    ]
    batch_id = uuid.uuid4()
    answer = post(gateway, site, {"batch_id": str(batch_id), "sent_at": now, "events": events})
    reasons = {item["index"]: item["reason"] for item in answer.json()["rejected"]}
    assert answer.status_code == 202
    assert reasons == {
        1: "name_invalid",
        2: "name_invalid",
        3: "missing_part",
        4: "url_too_long",
        5: "too_many_props",
        6: "prop_too_large",
        7: "prop_too_large",
        8: "too_old",
        9: "not_allowed",
        10: "malformed",
        12: "malformed",
        13: "not_allowed",
    }
    assert [item["index"] for item in answer.json()["rejected"]] == sorted(reasons)
    assert answer.json()["accepted"] == 2
    made = next(made for made in gateway.records() if made.batch_id == batch_id.bytes)
    assert [event.name for event in made.events] == ["page_view", "custom thing"]
    assert sum(made.rejected.values()) == 12
    assert made.rejected["name_invalid"] == 2


def test_a_batch_of_bad_events_alone_is_counted_in_the_log(gateway: GatewayProcess, site: Site) -> None:
    batch_id = uuid.uuid4()
    answer = post(gateway, site, {"batch_id": str(batch_id), "events": [{"name": "page_view"}, 3]})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)
    made = next(made for made in gateway.records() if made.batch_id == batch_id.bytes)
    assert (made.events, made.rejected) == ([], {"missing_part": 1, "malformed": 1})


def post_twice(gateway: GatewayProcess, site: Site, event: Any, **batch: Any) -> list[Record]:
    name = f"again-{uuid.uuid4()}"
    body = batch | {"events": [{"name": name}, event | {"name": name}]}
    for _ in range(2):
        assert post(gateway, site, body).json() == {"accepted": 2, "rejected": []}
    found = [made for made in gateway.records() if made.events and made.events[0].name == name]
    assert len(found) == 2
    assert all(len(made.batch_id) == 16 for made in found)
    return found


@pytest.mark.parametrize(
    ("batch", "event"),
    [
        ({"sent_at": 1_700_000_000_000}, {}),
        ({}, {"event_id": "0199c0de-1234-7000-8000-000000000001"}),
        ({"batch_id": "0199c0de-1234-7000-8000-000000000002"}, {}),
    ],
)
def test_a_retry_of_the_same_body_has_the_same_ids(
    gateway: GatewayProcess, site: Site, batch: dict[str, Any], event: dict[str, Any]
) -> None:
    first, second = post_twice(gateway, site, event, **batch)
    assert first.batch_id == second.batch_id
    # Random bits only: without a clock of the sender the ids' clock is that of the receipt.
    assert [e.event_id[6:] for e in first.events] == [e.event_id[6:] for e in second.events]


def test_the_same_body_without_id_or_clock_counts_each_time(gateway: GatewayProcess, site: Site) -> None:
    first, second = post_twice(gateway, site, {}, language="en")
    assert first.batch_id != second.batch_id
    assert len({e.event_id[6:] for made in (first, second) for e in made.events}) == 4


@pytest.mark.parametrize("where", ["header", "query", "field"])
def test_the_public_id_may_stand_in_three_places(gateway: GatewayProcess, site: Site, where: str) -> None:
    headers = {"x-footfall-site": site.public_id} if where == "header" else {}
    query = {"site": site.public_id} if where == "query" else {}
    field = {"site": site.public_id} if where == "field" else {}
    body = json.dumps({"events": [PAGE], **field})
    headers["content-type"] = "text/plain;charset=UTF-8"  # as sendBeacon does it
    answer = gateway.client.post("/v1/batch", content=body, headers=headers, params=query)
    assert answer.status_code == 202


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
    assert "access-control-allow-origin" not in answer.headers


def test_404_and_405(gateway: GatewayProcess) -> None:
    assert error_of(gateway.client.get("/")) == (404, "not_found")
    assert error_of(gateway.client.get("/v1/batch")) == (405, "method")
    assert error_of(gateway.client.post("/v1/pixel.gif")) == (405, "method")
    assert gateway.client.head("/v1/pixel.gif").status_code == 405  # it would count a view


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_may_ask_with_head(gateway: GatewayProcess, path: str) -> None:
    answer = gateway.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert gateway.client.get(path).status_code == 200  # the connection is still in step


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


def test_preflight(gateway: GatewayProcess, site: Site) -> None:
    for origin in ("https://shop.example.com", "http://localhost:3000"):
        answer = gateway.client.options("/v1/batch", headers={"origin": origin})
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == origin
        assert "x-footfall-site" in answer.headers["access-control-allow-headers"]
    assert gateway.client.options("/v1/batch", headers={"origin": "https://evil.example"}).status_code == 403


def test_errors_carry_cors_too(gateway: GatewayProcess, site: Site) -> None:
    answer = post(gateway, site, b"{", origin="https://shop.example.com")
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == "https://shop.example.com"


@pytest.mark.parametrize(
    ("origin", "stage"),
    [
        ("http://localhost:3000", "dev"),
        ("http://127.0.0.1", "dev"),
        ("http://mac.local:8080", "dev"),
        ("https://pr-7-shop.vercel.app", "dev"),
        ("https://shop.example.com", "prod"),
    ],
)
def test_origins_decide_the_stage(gateway: GatewayProcess, site: Site, origin: str, stage: str) -> None:
    batch_id = uuid.uuid4()
    assert post(gateway, site, {"batch_id": str(batch_id), "events": [PAGE]}, origin=origin).status_code == 202
    for name in ("dev", "prod"):
        found = [made for made in gateway.records(name) if made.batch_id == batch_id.bytes]
        assert len(found) == (name == stage)


def test_strict_privacy_counts_nothing(gateway: GatewayProcess) -> None:
    strict = gateway.control.add_site("strict.example", now=0, strict_privacy=True)
    wait_for_site(gateway, strict)
    answer = post(gateway, strict, {"events": [PAGE]}, sec_gpc="1")
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)
    assert answer.headers["x-footfall-dropped"] == "gpc"
    assert post(gateway, strict, {"events": [PAGE]}, dnt="1").headers["x-footfall-dropped"] == "dnt"
    pixel = {"site": strict.public_id, "url": "https://strict.example/"}
    answer = gateway.client.get("/v1/pixel.gif", params=pixel, headers={"sec-gpc": "1"})
    assert answer.headers["x-footfall-dropped"] == "gpc"
    assert not [made for made in gateway.records() if made.site_id == strict.site_id]
    assert post(gateway, strict, {"events": [PAGE]}).json()["accepted"] == 1


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


def test_pixel(gateway: GatewayProcess, site: Site) -> None:
    url = f"https://shop.example.com/pixel/{uuid.uuid4()}"
    answer = gateway.client.get("/v1/pixel.gif", params={"site": site.public_id}, headers={"referer": url})
    assert (answer.status_code, answer.headers["content-type"], len(answer.content)) == (200, "image/gif", 43)
    assert "no-store" in answer.headers["cache-control"]
    query = {"site": site.public_id, "url": url, "referrer": "https://a.example/", "title": "T"}
    assert gateway.client.get("/v1/pixel.gif", params=query).status_code == 200
    found = [event for made in gateway.records() for event in made.events if event.url == url]
    seen = sorted((event.name, event.referrer, event.title) for event in found)
    assert seen == [("page_view", "", ""), ("page_view", "https://a.example/", "T")]
    assert error_of(gateway.client.get("/v1/pixel.gif", params={"site": site.public_id})) == (400, "unreadable")
    assert error_of(gateway.client.get("/v1/pixel.gif")) == (401, "no_site")


def test_health_and_metrics(gateway: GatewayProcess, site: Site) -> None:
    assert gateway.client.get("/healthz").json() == {"status": "ok"}
    assert gateway.client.get("/readyz").json() == {"status": "ready"}
    before = gateway.metric("footfall_gateway_events_total")
    post(gateway, site, {"events": [PAGE, PAGE, {"name": ""}]})
    assert gateway.metric("footfall_gateway_events_total") == before + 3
    assert gateway.metric("footfall_gateway_control_reachable") == 1
    assert gateway.metric("footfall_gateway_bugs_total") == 0

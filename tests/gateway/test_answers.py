"""What the gateway answers, over real HTTP against a real process and a real log (errors: test_refusals.py)."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from typing import Any

import pytest

from footfall.record import Record
from footfall.sites import Site
from tests.gateway.asking import ORIGIN, PAGE, error_of, post
from tests.gateway.conftest import wait_for_site
from tests.gateway.harness import GatewayProcess


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


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_may_ask_with_head(gateway: GatewayProcess, path: str) -> None:
    answer = gateway.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert gateway.client.get(path).status_code == 200  # the connection is still in step


def test_preflight(gateway: GatewayProcess, site: Site) -> None:
    for origin in ("https://shop.example.com", "http://localhost:3000"):
        answer = gateway.client.options("/v1/batch", headers={"origin": origin})
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == origin
        assert "x-footfall-site" in answer.headers["access-control-allow-headers"]
    assert gateway.client.options("/v1/batch", headers={"origin": "https://evil.example"}).status_code == 403


def test_a_simple_post_of_a_page_needs_no_preflight_and_is_readable(gateway: GatewayProcess, site: Site) -> None:
    """What a browser sends without asking first: text/plain, no header of one's own, no credentials."""
    headers = ORIGIN | {"content-type": "text/plain;charset=UTF-8"}
    query = {"site": site.public_id}
    body = json.dumps({"events": [PAGE]}).encode()
    answer = gateway.client.post("/v1/batch", content=body, headers=headers, params=query)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert answer.headers["access-control-expose-headers"] == "retry-after, x-footfall-dropped"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("where", ["query", "field"])
def test_gzip_needs_no_header(gateway: GatewayProcess, site: Site, where: str) -> None:
    batch_id = uuid.uuid4()
    field = {"site": site.public_id} if where == "field" else {}
    query = {"site": site.public_id} if where == "query" else {}
    body = gzip.compress(json.dumps({"batch_id": str(batch_id), "events": [PAGE], **field}).encode())
    headers = ORIGIN | {"content-type": "text/plain"}
    answer = gateway.client.post("/v1/batch", content=body, headers=headers, params=query)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert [made.batch_id for made in gateway.records()].count(batch_id.bytes) == 1


def test_what_a_sender_lost_goes_to_the_log_and_the_metrics(gateway: GatewayProcess, site: Site) -> None:
    batch_id = uuid.uuid4()
    before = gateway.metric("footfall_gateway_lost_events_total")
    answer = post(gateway, site, {"batch_id": str(batch_id), "lost": 7, "events": [PAGE]})
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert [made.lost for made in gateway.records() if made.batch_id == batch_id.bytes] == [7]
    assert gateway.metric("footfall_gateway_lost_events_total") == before + 7
    assert error_of(post(gateway, site, {"lost": -1, "events": [PAGE]})) == (400, "unreadable")


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

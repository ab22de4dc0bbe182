"""What is sent to `footfall micro`, and what it tells of it: a real process, real HTTP."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from typing import Any

import pytest

from tests.micro.running import HEADERS, KEY, PURCHASE, VIEW, MicroProcess


def test_it_says_where_it_is_and_what_to_do(process: MicroProcess) -> None:
    assert process.line.count("\n") == 1
    for told in (process.url, "pub_test", "/micro/all", "/good", "/bad", "/wait"):
        assert told in process.line


def test_an_accepted_event_is_told_with_what_became_of_it(micro: MicroProcess) -> None:
    answer = micro.send(VIEW, viewport_width=800, sdk="test/1")
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    (event,) = micro.good()
    assert event["name"] == "page_view"
    assert event["url"] == VIEW["url"]
    assert (event["site"], event["source"], event["id_kind"]) == ("pub_test", "browser", "daily")
    assert (event["consent"], event["sdk"], event["duplicate"]) == ("none", "test/1", False)
    assert event["client"]["viewport_width"] == 800
    assert event["client"]["address"] == "127.0.0.0"
    assert abs(event["received_at"] - time.time() * 1000) < 60_000
    enriched = event["enriched"]
    assert enriched["page"] == {"host": "localhost:3000", "path": "/shoes", "query": "size=9"}
    assert enriched["channel"] == "Email"
    assert enriched["campaign"]["source"] == "news"
    assert enriched["campaign"]["name"] == ""
    assert (enriched["device"]["browser"], enriched["device"]["type"]) == ("Chrome", "desktop")
    assert enriched["bot"] == ""
    assert micro.totals() == {"total": 1, "good": 1, "bad": 0, "lost": 0, "duplicates": 0, "forgotten": 0}


def test_events_are_in_order_and_chosen_by_name_site_match_and_place(micro: MicroProcess) -> None:
    micro.send(VIEW, PURCHASE)
    micro.send(VIEW, headers=HEADERS | {"x-footfall-site": "pub_other"})
    assert [event["name"] for event in micro.good()] == ["page_view", "purchase", "page_view"]
    assert [event["seq"] for event in micro.good(name="page_view")] == [1, 3]
    assert [event["seq"] for event in micro.good(site="pub_other")] == [3]
    assert [event["seq"] for event in micro.good(limit=2)] == [2, 3]
    assert [event["seq"] for event in micro.good(after=2)] == [3]
    assert [event["seq"] for event in micro.good(match='{"order": {"revenue": 10}}')] == [2]


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://app.test", "https://x.vercel.app"])
def test_every_host_may_send_and_is_not_lost(micro: MicroProcess, origin: str) -> None:
    answer = micro.send({"name": "page_view", "url": f"{origin}/a"}, headers=HEADERS | {"origin": origin})
    assert answer.status_code == 202
    assert answer.headers["access-control-allow-origin"] == origin
    (event,) = micro.good()
    assert event["enriched"]["page"]["path"] == "/a"
    preflight = {"origin": origin, "access-control-request-method": "POST"}
    assert micro.client.options("/v1/batch", headers=preflight).status_code == 204


def test_all_ways_in(micro: MicroProcess) -> None:
    packed = gzip.compress(json.dumps({"events": [PURCHASE]}).encode())
    assert micro.client.post(
        "/v1/batch", content=packed, headers=HEADERS | {"content-encoding": "gzip"}
    ).is_success
    with_site = json.dumps({"site": "pub_beacon", "events": [VIEW]})
    assert micro.client.post("/v1/batch", content=with_site, headers={"content-type": "text/plain"}).is_success
    assert micro.client.get("/v1/pixel.gif?site=pub_pixel&url=https://a.example/x").content.startswith(b"GIF89a")
    track = {"event": "signup", "visitor_id": "v1", "properties": {"plan": "pro"}}
    assert micro.client.post("/api/v1/track/event", json=track, headers=KEY).is_success
    assert micro.client.post("/v1/batch", json={"events": [{"name": "paid"}]}, headers=KEY).is_success
    assert [(event["name"], event["site"], event["id_kind"]) for event in micro.good()] == [
        ("purchase", "pub_test", "daily"),
        ("page_view", "pub_beacon", "daily"),
        ("page_view", "pub_pixel", "daily"),
        ("signup", "sk_ci", "consented"),
        ("paid", "sk_ci", "server"),
    ]


def test_it_serves_the_sdk(micro: MicroProcess) -> None:
    script = micro.client.get("/f.js")
    assert script.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert micro.totals()["total"] == 0


def test_what_a_sender_lost_is_told_once_for_a_batch(micro: MicroProcess) -> None:
    batch_id = str(uuid.uuid4())
    for _ in range(2):
        micro.send(VIEW, batch_id=batch_id, lost=3)
    micro.send(VIEW, lost=2)
    assert micro.totals()["lost"] == 5


def test_consent_and_gpc_decide_what_is_known_of_a_visitor(micro: MicroProcess) -> None:
    known: dict[str, Any] = {"visitor_id": "v1", "consent": "granted"}
    event = PURCHASE | {"session_id": "s1"}
    micro.send(event, **known)
    micro.send(event, **known, headers=HEADERS | {"sec-gpc": "1"})
    told = [(event["id_kind"], event["consent"], event["session_id"]) for event in micro.good()]
    assert told == [("consented", "granted", "s1"), ("daily", "granted", "")]


def test_a_batch_or_an_event_that_comes_again_is_marked(micro: MicroProcess) -> None:
    batch_id, event_id = str(uuid.uuid4()), str(uuid.uuid4())
    for _ in range(2):
        assert micro.send(PURCHASE, batch_id=batch_id).json()["accepted"] == 1
    micro.send(VIEW | {"event_id": event_id})
    micro.send(VIEW | {"event_id": event_id})
    assert [event["duplicate"] for event in micro.good()] == [False, True, False, True]
    assert micro.totals()["duplicates"] == 2
    assert micro.client.get("/micro/wait?name=purchase&count=2&timeout=0").status_code == 408
    micro.reset()
    micro.send(PURCHASE, batch_id=batch_id)
    assert [event["duplicate"] for event in micro.good()] == [False]


def test_rejected_events_are_told_with_reason_and_a_copy(micro: MicroProcess) -> None:
    events = [
        {"name": "purchase", "props": {"mail": "joe@example.com", "note": "x" * 900}},
        VIEW,
        {"name": "click", "element": {"tag": 5}},
        {"name": "", "props": {"ip": "203.0.113.77"}},
    ]
    packed = gzip.compress(json.dumps({"events": events}).encode())
    answer = micro.client.post("/v1/batch", content=packed, headers=HEADERS | {"content-encoding": "gzip"})
    assert answer.json()["accepted"] == 1
    first, second, third = micro.bad()
    assert [(one["index"], one["reason"]) for one in (first, second, third)] == [
        (one["index"], one["reason"]) for one in answer.json()["rejected"]
    ]
    assert (first["kind"], first["site"], first["path"]) == ("event", "pub_test", "/v1/batch")
    assert first["detail"] == "`purchase` needs `order`"
    assert "joe" not in json.dumps(first)
    assert len(first["event"]["props"]["note"]) < 600
    assert second["detail"] == "Expected `str`, got `int` - at `$.element.tag`"
    assert second["event"] == {"name": "click", "element": {"tag": 5}}
    assert third["reason"] == "name_invalid"
    assert "203.0.113.77" not in json.dumps(third)
    assert micro.totals()["bad"] == 3


def test_rejected_single_events_are_told(micro: MicroProcess) -> None:
    assert micro.client.post("/api/v1/track/event", json={"event": "purchase"}, headers=KEY).json()["rejected"]
    long = "https://a.example/" + "x" * 3000
    assert micro.client.get("/v1/pixel.gif", params={"site": "pub_p", "url": long}).status_code == 200
    single, pixel = micro.bad()
    assert (single["reason"], single["event"], single["site"]) == ("missing_part", {"event": "purchase"}, "sk_ci")
    assert (pixel["reason"], pixel["site"], pixel["event"]["site"]) == ("url_too_long", "pub_p", "pub_p")
    assert micro.totals()["good"] == 0


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        ({"content": b"{"}, 400, "unreadable"),
        ({"content": b"{}", "headers": {"x-footfall-site": "shop"}}, 401, "unknown_site"),
        (
            {"content": b"{}", "headers": {"x-footfall-site": "pub_", "origin": "http://a.example"}},
            401,
            "unknown_site",
        ),
        ({"content": b"{}", "headers": {"authorization": "Bearer nonsense"}}, 401, "key"),
        ({"content": b"{}", "headers": {"x-footfall-site": "pub_x", "origin": "null"}}, 403, "origin"),
        ({"content": b"<x/>", "headers": HEADERS | {"content-type": "text/xml"}}, 415, "content_type"),
        ({"content": b" " * (1024 * 1024 + 1)}, 413, "too_large"),
        ({"content": b"mail joe@example.com"}, 400, "unreadable"),
    ],
)
def test_refused_requests_are_told(micro: MicroProcess, request_: dict[str, Any], status: int, error: str) -> None:
    answer = micro.client.post("/v1/batch", **{"headers": HEADERS} | request_)
    assert answer.status_code == status
    (one,) = micro.bad()
    assert (one["kind"], one["status"], one["error"]) == ("request", status, error)
    assert one["message"] == answer.json()["message"]
    assert len(one["body"]) <= 2_003
    assert "joe" not in one["body"]
    assert "Bearer" not in json.dumps(one)


def test_a_wrong_address_is_told_unless_it_only_looks(micro: MicroProcess) -> None:
    assert micro.client.post("/v2/batch", content=b"{}", headers=HEADERS).status_code == 404
    assert micro.client.get("/favicon.ico").status_code == 404
    (one,) = micro.bad()
    assert (one["path"], one["status"]) == ("/v2/batch", 404)


def test_reset_forgets_everything(micro: MicroProcess) -> None:
    micro.send(VIEW, {"name": ""})
    assert micro.client.post("/micro/reset").json()["total"] == 0
    assert (micro.good(), micro.bad(), micro.totals()["total"]) == ([], [], 0)
    micro.send(VIEW)
    assert [event["seq"] for event in micro.good()] == [1]


def test_memory_is_bounded_and_the_rest_is_counted(micro: MicroProcess) -> None:
    for number in range(21):
        events = [{"name": f"e{number}"}] * 500
        assert micro.send(*events).json()["accepted"] == 500
    totals = micro.totals()
    assert (totals["good"], totals["forgotten"]) == (10_500, 500)
    kept = micro.good(limit=10_000)
    assert (len(kept), kept[0]["name"], kept[0]["seq"]) == (10_000, "e1", 501)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/micro/good?nmae=x", "`nmae`"),
        ("/micro/good?limit=0", "`limit`"),
        ("/micro/good?limit=10001", "`limit`"),
        ("/micro/bad?name=x", "`name`"),
        ("/micro/wait?count=x", "`count`"),
        ("/micro/wait?timeout=61", "`timeout`"),
        ("/micro/wait?timeout=nan", "`timeout`"),
        ("/micro/wait?match=x", "`match`"),
        ("/micro/wait?match=[1]", "`match`"),
        ("/micro/wait?match=" + "[" * 5000, "`match`"),
        ("/micro/all?x=1", "`x`"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(micro: MicroProcess, path: str, told: str) -> None:
    answer = micro.client.get(path)
    assert answer.status_code == 400
    assert told in answer.json()["message"]


def test_methods_and_paths(micro: MicroProcess) -> None:
    assert micro.client.get("/micro/nothing").status_code == 404
    wrong = micro.client.get("/micro/reset")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST, OPTIONS")


def test_scripts_of_localhost_may_ask_others_not(micro: MicroProcess) -> None:
    micro.send(VIEW)
    local = micro.client.get("/micro/all", headers={"origin": "http://localhost:5173"})
    assert local.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert micro.client.options("/micro/reset", headers={"origin": "http://localhost:5173"}).status_code == 204
    foreign = micro.client.post("/micro/reset", headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    assert micro.totals()["total"] == 1


def test_a_limited_one_takes_its_sites_only_and_localhost() -> None:
    limited = MicroProcess("--site", "pub_shop=shop.example.com,www.other.example", "--site", "pub_b=b.example")
    try:
        assert "pub_shop" in limited.line
        shop = HEADERS | {"x-footfall-site": "pub_shop"}
        assert limited.send(VIEW, headers=HEADERS).status_code == 401
        assert limited.send(VIEW, headers=shop).status_code == 202
        assert limited.send(VIEW, headers=shop | {"origin": "https://b.example"}).status_code == 403
        abroad = {"name": "page_view", "url": "https://copy.example/"}
        assert limited.send(abroad, headers=shop | {"origin": "https://www.other.example"}).status_code == 202
        local, foreign = limited.good(site="shop.example.com")
        assert local["enriched"]["page"]["path"] == "/shoes"
        assert foreign["enriched"] == {"dropped": "foreign_host"}
        assert [one["error"] for one in limited.bad()] == ["unknown_site", "origin"]
    finally:
        assert limited.close() == ""


def test_a_port_that_is_taken_is_told(process: MicroProcess) -> None:
    port = process.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match=rf"port {port} is taken.*--port"):
        MicroProcess("--port", port)

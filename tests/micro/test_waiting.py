"""`GET /micro/wait`: a test of a site needs no sleep."""

from __future__ import annotations

import threading
import time

import httpx

from tests.micro.running import PURCHASE, VIEW, MicroProcess


def test_waiting_ends_as_soon_as_the_event_is_there(micro: MicroProcess) -> None:
    answers: list[httpx.Response] = []
    query = {"name": "purchase", "timeout": "20", "match": '{"order": {"order_id": "A-2"}}'}
    waiting = threading.Thread(target=lambda: answers.append(httpx.get(f"{micro.url}/micro/wait", params=query)))
    waiting.start()
    micro.send(VIEW, PURCHASE)
    micro.send(PURCHASE | {"order": {"order_id": "A-2"}})
    waiting.join(10)
    (answer,) = answers
    assert answer.status_code == 200
    (event,) = answer.json()["events"]
    assert event["order"]["order_id"] == "A-2"
    assert event["enriched"]["page"]["path"] == "/thanks"


def test_waiting_in_vain_tells_what_came(micro: MicroProcess) -> None:
    micro.send(VIEW, PURCHASE, {"name": ""})
    query = {"name": "purchase", "timeout": "0.1", "match": '{"items": [{"item_id": "boot"}]}'}
    answer = micro.client.get("/micro/wait", params=query)
    assert answer.status_code == 408
    told = answer.json()
    assert told["error"] == "timeout"
    assert "page_view (1), purchase (1)" in told["message"]
    assert told["events"] == []
    assert [event["items"][0]["item_id"] for event in told["others"]] == ["shoe"]
    assert [one["reason"] for one in told["bad"]] == ["name_invalid"]


def test_waiting_for_several(micro: MicroProcess) -> None:
    micro.send(VIEW)
    few = micro.client.get("/micro/wait?name=page_view&count=2&timeout=0.05")
    assert (few.status_code, len(few.json()["events"])) == (408, 1)
    micro.send(VIEW)
    assert len(micro.client.get("/micro/wait?name=page_view&count=2&timeout=5").json()["events"]) == 2
    assert micro.client.get("/micro/wait?after=1&timeout=5").json()["events"][0]["seq"] == 2


def test_no_more_than_a_hundred_wait(micro: MicroProcess) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(httpx.get(f"{micro.url}/micro/wait?name=go&timeout=30", timeout=40).status_code)

    waiting = [threading.Thread(target=ask) for _ in range(101)]
    for one in waiting:
        one.start()
    deadline = time.monotonic() + 20
    while not statuses and time.monotonic() < deadline:
        waiting[0].join(0.05)
    assert statuses == [503]
    micro.send({"name": "go"})
    for one in waiting:
        one.join(20)
    assert sorted(statuses) == [200] * 100 + [503]

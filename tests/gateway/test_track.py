"""The single-event endpoints over real HTTP."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from footfall.names import IdKind, Source
from footfall.record import Record
from footfall.sites import Site
from tests.gateway.harness import GatewayProcess


def track(gateway: GatewayProcess, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key}"}
    answer = gateway.client.post(f"/api/v1/track/{path}", content=json.dumps(body), headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stored(gateway: GatewayProcess, mark: str) -> list[Record]:
    return [made for made in gateway.records() if mark in [event.title for event in made.events]]


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("event", {"name": "signup", "props": {"plan": "pro"}}, "signup"),
        ("pageview", {"url": "https://shop.example.com/a"}, "page_view"),
        ("session", {"action": "start"}, "session_start"),
        ("performance", {"metric": "LCP", "value": 1800}, "web_vital"),
    ],
)
def test_one_event(
    gateway: GatewayProcess, site: Site, server_key: str, path: str, body: dict[str, Any], name: str
) -> None:
    mark = str(uuid.uuid4())
    whom = {"visitor_id": "v1", "user_id": "u1", "ip": "203.0.113.9", "user_agent": "Firefox", "title": mark}
    assert track(gateway, server_key, path, body | whom) == {"accepted": 1, "rejected": []}
    (made,) = stored(gateway, mark)
    assert [event.name for event in made.events] == [name]
    assert (made.source, made.id_kind) == (Source.SERVER, IdKind.IDENTIFIED)
    assert (made.address, made.user_agent, made.events[0].user_id) == ("203.0.113.0", "Firefox", "u1")
    assert made.site_id == site.site_id


def test_a_bad_one_is_rejected_and_counted(gateway: GatewayProcess, server_key: str) -> None:
    found = track(gateway, server_key, "pageview", {"title": "no url"})
    assert found == {"accepted": 0, "rejected": [{"index": 0, "reason": "missing_part"}]}
    found = track(gateway, server_key, "event", {"title": "no name"})
    assert found["rejected"] == [{"index": 0, "reason": "name_invalid"}]


def test_saying_it_twice_means_two_unless_it_has_an_id(gateway: GatewayProcess, server_key: str) -> None:
    mark, event_id = str(uuid.uuid4()), str(uuid.uuid4())
    for _ in range(2):
        track(gateway, server_key, "event", {"name": "twice", "title": mark})
        track(gateway, server_key, "event", {"name": "once", "title": mark, "event_id": event_id})
    made = stored(gateway, mark)
    ids = {name: [r.batch_id for r in made if r.events[0].name == name] for name in ("twice", "once")}
    assert (len(set(ids["twice"])), len(ids["twice"])) == (2, 2)
    assert (len(set(ids["once"])), len(ids["once"])) == (1, 2)

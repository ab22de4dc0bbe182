"""A batch posted to a gateway, and what an error's answer says."""

from __future__ import annotations

import json
from typing import Any

import httpx

from footfall.sites import Site
from tests.gateway.harness import GatewayProcess

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

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from footfall.sites import Site
from tests.gateway.harness import GatewayProcess


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One process for all tests that need nothing special of it."""
    running = GatewayProcess(
        tmp_path_factory.mktemp("gateway"),
        gateway_timeout_seconds=2,
        trusted_proxies="127.0.0.1",
        address_requests_per_second=20,
    )
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="session")
def site(gateway: GatewayProcess) -> Site:
    now = int(time.time() * 1000)
    made = gateway.control.add_site("shop.example.com", now=now)
    wait_for_site(gateway, made)
    return made


@pytest.fixture(scope="session")
def server_key(gateway: GatewayProcess, site: Site) -> str:
    _, text = gateway.control.create_key(site.site_id, now=int(time.time() * 1000))
    wait_until_not(gateway, 401, {"authorization": f"Bearer {text}"})
    return text


def wait_for_site(gateway: GatewayProcess, made: Site) -> None:
    wait_until_not(gateway, 401, {"x-footfall-site": made.public_id})


def wait_until_not(gateway: GatewayProcess, status: int, headers: dict[str, str]) -> None:
    """Until the gateway has heard of a change; an empty body is never counted."""
    deadline = time.monotonic() + 5
    while gateway.client.post("/v1/batch", content=b"{}", headers=headers).status_code == status:
        assert time.monotonic() < deadline, f"still {status} after 5 s"
        time.sleep(0.05)

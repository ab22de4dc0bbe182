"""The tags that `footfall site show` prints, as they are, in a real browser before a real gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from cli.tag import how_to_send
from footfall.settings import Settings
from ingest_gateway.scripts import FOLDER, read_manifest
from tests.browser.chromium import AGENT, Pages, chromium
from tests.gateway.harness import GatewayProcess

HOST = "shop.example.com"
VERSION = read_manifest(FOLDER).version


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    running = GatewayProcess(tmp_path_factory.mktemp("gateway"))
    running.control.add_site(HOST, now=0)
    running.control.set_names(HOST, script_name="shop.js", endpoint_path="/s/collect")
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def pages() -> Iterator[Pages]:
    made = Pages()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("place", "script", "policy"), [(0, "shop", "{gateway}"), (1, f"shop-{VERSION}", "'nonce-R4nd0m'")]
)
def test_a_printed_tag(
    gateway: GatewayProcess, browser: Browser, pages: Pages, place: int, script: str, policy: str
) -> None:
    """Its script and the first part come, under its own name, and the view goes to its own path."""
    address = f"http://stats.example.com:{gateway.port}"
    printed = how_to_send(gateway.control.site(HOST), Settings(public_url=address))
    tag = re.findall(r"<script.*?</script>", printed, re.DOTALL)[place]
    names_before = sum(len(record.events) for record in gateway.records())
    pages.html["/"] = tag.replace("<script ", '<script nonce="R4nd0m" ')
    allowed = f"script-src {policy.format(gateway=address)}; connect-src {address}"
    pages.headers["/"] = {"content-security-policy": f"default-src 'none'; {allowed}"}
    with browser.new_context(user_agent=AGENT) as context:
        page = context.new_page()
        with (
            page.expect_response(f"{address}/{script}.js") as core,
            page.expect_response(f"{address}/{script}.auto.js") as part,
            page.expect_response(lambda answer: answer.request.method == "POST") as sent,
        ):
            page.goto(f"http://{HOST}:{pages.port}/")
    assert [core.value.status, part.value.status, sent.value.status] == [200, 200, 202]
    assert sent.value.url.partition("?")[0] == f"{address}/s/collect"
    names = [event.name for record in gateway.records() for event in record.events]
    assert "page_view" in names[names_before:]  # a page_leave may have come after it

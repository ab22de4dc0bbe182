"""`@footfall/sdk/react` in an app with React Router, in a real browser."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tests.browser.chromium import AGENT, chromium
from tests.browser.world import wait_for
from tests.micro.running import MicroProcess
from tests.sdk import samples
from tests.sdk.apps import built


def test_one_view_for_a_navigation(project: Path, micro: MicroProcess) -> None:
    """Under StrictMode, with a redirect, a query that is rewritten, and states that are replaced."""
    with (
        built(project, "react", "app.tsx", samples.REACT.replace("MICRO", micro.url)) as pages,
        chromium() as browser,
    ):
        page = browser.new_context(user_agent=AGENT).new_page()
        page.clock.install()  # however long a busy machine takes to redirect
        page.goto(f"http://localhost:{pages.port}/")
        page.clock.run_for(1_000)
        page.click("text=To the shoes")
        page.wait_for_url("**/shoes?size=43")
        page.clock.run_for(1_000)
        page.click("text=To the cart")
        page.wait_for_selector("text=Pay")
        page.clock.run_for(1_000)
        page.click("text=Pay")
        page.clock.run_for(1_000)
        page.go_back()  # from #pay, which is no page
        page.go_back()
        page.wait_for_selector("text=To the cart")
        page.clock.run_for(5_000)
        wait_for(lambda: len(micro.good(name="path_change")) > 2, micro.totals)
        page.close()
    wait_for(
        lambda: micro.good(name="page_leave", match=f'{{"url": "http://localhost:{pages.port}/shoes"}}'),
        micro.totals,
    )
    views = [event for event in micro.good() if event["name"] in ("page_view", "path_change")]
    assert [(event["name"], urlsplit(event["url"]).path, event["title"]) for event in views] == [
        ("page_view", "/", "Shop"),
        ("path_change", "/shoes", "Shoes"),
        ("path_change", "/cart", "Shoes"),
        ("path_change", "/shoes", "Shoes"),
    ]
    assert [event["order"]["order_id"] for event in micro.good(name="purchase")] == ["A-1"]
    assert [event["element"]["text"] for event in micro.good(name="click")] == [
        "To the shoes",
        "To the cart",
        "Pay",
    ]
    assert micro.bad() == []

"""A page with the tag, in Chromium: the script comes from micro, its events go there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import AGENT, Pages, chromium
from tests.micro.running import MicroProcess


@pytest.fixture
def pages() -> Iterator[Pages]:
    serving = Pages()
    yield serving
    serving.close()


def test_a_page_on_localhost_needs_nothing_but_the_tag(micro: MicroProcess, pages: Pages) -> None:
    pages.html["/shoes"] = (
        f'<title>Shoes</title><script defer src="{micro.url}/f.js" data-site="pub_test"></script>'
    )
    with chromium() as browser:
        page = browser.new_page(user_agent=AGENT)
        page.goto(f"http://localhost:{pages.port}/shoes?utm_source=news")
        wanted = '{"title": "Shoes", "enriched": {"page": {"path": "/shoes"}, "campaign": {"source": "news"}}}'
        query = {"name": "page_view", "match": wanted, "timeout": "25"}
        answer = micro.client.get("/micro/wait", params=query)
        assert answer.status_code == 200, answer.json()["message"]
        # What a page's own test may do from inside of it.
        bad = page.evaluate(
            "url => fetch(url).then(answer => answer.json()).then(told => told.bad)", f"{micro.url}/micro/all"
        )
        assert bad == 0
    (event,) = answer.json()["events"]
    assert event["enriched"]["bot"] == ""
    assert event["sdk"].startswith("js/")

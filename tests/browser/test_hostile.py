"""Pages and browsers that make it hard: policies, blockers, odd calls. The page never notices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

import control
from tests.browser.world import HOST, World, wait_for

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def page(site: World) -> Iterator[Page]:
    """A page that must throw nothing."""
    context = site.visitor()
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert errors == []


def test_a_strict_policy_with_a_nonce(site: World, page: Page) -> None:
    """The script's second part carries the nonce of the first."""
    path = "/policy/nonce"
    policy = f"default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'; connect-src {site.gateway}"
    site.pages.headers[path] = {"content-security-policy": policy}
    site.pages.html[path] = f"<!doctype html><title>t</title>{site.tag('nonce=r4nd0m')}"
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if "Policy" in message.text else None)
    page.goto(site.origin + path)
    wait_for(lambda: "/f.auto.js" in site.wire.scripts, lambda: site.wire.scripts)
    page.evaluate("footfall('flush')")
    site.wait_for_rows(path, [["page_view"]])
    assert broken == []


def test_a_policy_that_forbids_sending_breaks_nothing(site: World, page: Page) -> None:
    path = "/policy/closed"
    site.pages.headers[path] = {"content-security-policy": f"connect-src 'none'; script-src {site.gateway}"}
    page.goto(site.write(path))
    page.wait_for_function("!!window.footfall")
    page.evaluate("footfall('track', 'n'); footfall('flush')")
    page.goto(site.write("/policy/after"))
    page.evaluate("footfall('flush')")
    site.wait_for_rows("/policy/after", [["page_view"]])
    assert site.wire.of(path) == []


def test_names_of_ones_own_pass_a_blocker(site: World, page: Page) -> None:
    """Lists of blockers know `/f.js` and `/v1/batch`; a site's own names are on none."""
    page.route("**/f.js", lambda route: route.abort("blockedbyclient"))
    page.route("**/v1/batch*", lambda route: route.abort("blockedbyclient"))
    page.goto(site.write("/blocker/known"))
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.footfall") is None
    plane = control.open(site.installation.settings.control_plane_url())
    plane.set_names(HOST, script_name="shop.js", endpoint_path="/s/collect")
    plane.close()
    tag = site.tag('data-endpoint="/s/collect"').replace("/f.js", "/shop.js")
    site.pages.html["/blocker/own"] = f"<!doctype html><title>t</title>{tag}"

    def loaded() -> bool:  # the gateway hears of it within seconds
        page.goto(f"{site.origin}/blocker/own")
        return bool(page.evaluate("!!window.footfall"))

    wait_for(loaded, lambda: site.wire.scripts)
    page.evaluate("footfall('flush')")
    wait_for(lambda: site.rows("/blocker/own"), lambda: [seen.path for seen in site.wire.of("/blocker")])
    assert {seen.path for seen in site.wire.of("/blocker/own")} == {"/s/collect"}
    wait_for(lambda: "/shop.auto.js" in site.wire.scripts, lambda: site.wire.scripts)


def test_empty_attributes_say_nothing(site: World, page: Page) -> None:
    """As templates write them where a setting is not set."""
    empty = 'data-off="" data-with="" data-params="" data-endpoint="" data-search="" data-consent=""'
    page.goto(site.write("/empty", attributes=empty))
    wait_for(lambda: ["page_view"] in site.rows("/empty"), lambda: site.rows("/empty"))
    assert "consent" not in site.wire.of("/empty")[0].body


def test_odd_calls_are_no_harm(site: World, page: Page) -> None:
    page.goto(site.write("/odd"))
    page.wait_for_function("!!window.footfall")
    page.evaluate(
        """() => {
        const round = {}; round.round = round;
        for (const props of [round, {n: 10n}, null, 'text', 7, [], {deep: {er: 1}}, {get x() { throw 1 }}])
          footfall('track', 'odd', props);
        footfall('track'); footfall('track', {}); footfall('track', 'x'.repeat(100)); footfall('nothing', 1);
        footfall('consent', 'perhaps'); footfall('identify'); footfall('page', 7); footfall();
        footfall('track', 'fine', {emoji: '\\ud83d', long: 'y'.repeat(1e6)}); footfall('track', 'last');
        footfall('flush');
        }"""
    )
    wait_for(lambda: ["last"] in site.rows("/odd"), lambda: site.rows("/odd"))


def test_a_page_that_changes_what_everything_means(site: World, page: Page) -> None:
    """Old libraries put a toJSON on arrays; some pages take away what they think nobody needs."""
    path = "/prototype"
    spoil = "Array.prototype.toJSON = function () { return 'prototype' }; delete window.CompressionStream"
    site.pages.html[path] = f"<!doctype html><title>t</title><script>{spoil}</script>{site.tag()}"
    page.goto(site.origin + path)
    page.wait_for_function("!!window.footfall")
    page.evaluate("footfall('track', 'n', {a: 1}); footfall('flush')")
    site.wait_for_rows(path, [["page_view"], ["n"]])


def test_a_form_in_place_of_the_title(site: World, page: Page) -> None:
    """`document.title` is what a page calls `title`, if it is a form or picture."""
    page.goto(site.write("/named", '<form name="title"></form>', attributes="data-off=engagement"))
    wait_for(lambda: ["page_view"] in site.rows("/named"), lambda: site.rows("/named"))

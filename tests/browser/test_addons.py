"""Add-ons, named in the tag: from a real page to rows."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.world import World, wait_for

THROWERS = """
function fail() { throw new Error('of jane@example.org') }
function reject() { Promise.reject(new Error('nobody took it')) }
"""
pytestmark = pytest.mark.timeout(60)


def opened(site: World, path: str, body: str, addon: str, loaded: str = "") -> Page:
    """A page with the add-on at work: `f.X.js` was run, which comes after the first paint."""
    site.write(path, body, attributes=f'data-with="{addon}" data-off="engagement clicks"')
    page = site.visitor().new_page()
    with page.expect_event("requestfinished", lambda request: f"/f.{addon}.js" in request.url):
        page.goto(site.origin + path)
    page.evaluate("new Promise(done => setTimeout(done))")  # what was fetched is run before a later task
    return page


def leave(page: Page) -> None:
    """As a page that ends tells of itself."""
    page.evaluate("dispatchEvent(new Event('pagehide'))")


def test_web_vitals(site: World) -> None:
    page = opened(site, "/vitals", "<h1>Painted</h1><p>with a text</p>", "vitals")
    page.click("h1")  # the largest paint is known once somebody does something
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    page.goto("about:blank")  # hidden: the last word
    columns = (
        "vital_name, vital_value >= 0 AND vital_value < 20000, props['rating'] != '', props['navigation_type']"
    )

    def found() -> list[list[str]]:
        return [row for row in site.rows("/vitals", f"name, {columns}") if row[0] == "web_vital"]

    wait_for(lambda: {"FCP", "TTFB", "LCP", "CLS", "load"} <= {row[1] for row in found()}, found)
    names = [row[1] for row in found()]
    assert len(names) == len(set(names)), names
    measured = {row[1]: row[2:] for row in found()}
    assert measured["FCP"] == measured["TTFB"] == measured["LCP"] == ["1", "1", "navigate"]
    assert measured["load"] == ["1", "0", ""]
    page.context.close()


def test_errors(site: World) -> None:
    page = opened(site, "/errors", f"<script>{THROWERS}</script>", "errors")
    page.evaluate(
        """async () => {
        for (let time = 0; time < 3; time++) setTimeout(fail);
        setTimeout(reject);
        const picture = new Image();
        const missing = new Promise(done => picture.onerror = done);
        picture.src = '/missing.png?secret=1';
        document.body.append(picture);
        await missing;
        await new Promise(done => setTimeout(done, 20));
        }"""
    )
    leave(page)
    columns = "props['kind'], props['count'], error_message, error_source"

    def found() -> list[list[str]]:
        return sorted(r[1:] for r in site.rows("/errors", f"name, {columns}") if r[0] == "error")

    here = f"{site.origin}/errors"
    wanted = [
        ["error", "", "Uncaught Error: of *", here],
        ["error", "2", "Uncaught Error: of *", here],
        ["rejection", "", "nobody took it", here],
        ["resource", "", "img not loaded", f"{site.origin}/missing.png"],
    ]
    wait_for(lambda: found() == wanted, found)
    page.context.close()


def test_rage_and_dead_clicks(site: World) -> None:
    body = (
        '<button id=angry>Again</button><button id=dead>Nothing <b>happens</b></button><a href="#x">on</a>'
        "<button id=alive onclick=\"document.title = 'answered'\">Works</button>"
    )
    page = opened(site, "/friction", body, "friction")
    page.click("#dead")
    page.click("#alive")  # what it does answers the click before, too
    page.click("a")
    page.click("#angry", click_count=4)

    def found() -> list[list[str]]:
        return sorted(r for r in site.rows("/friction", "name, element_id") if "_click" in r[0])

    wanted = [["dead_click", "angry"], ["rage_click", "angry"]]
    wait_for(lambda: found() == wanted, found)
    page.context.close()


def test_pointer_and_time_in_view(site: World) -> None:
    page = opened(site, "/pointer", '<div style="height: 5000px"></div>', "pointer")
    page.mouse.move(100, 200)
    page.wait_for_timeout(300)  # one sample is taken: none more often than five times a second
    page.mouse.move(300, 400)
    page.wait_for_timeout(300)
    leave(page)
    columns = "toInt64OrZero(props['w']), props['p0'], props['s']"

    def found() -> list[list[str]]:
        return sorted(site.rows("/pointer", f"name, {columns}"))

    rows = wait_for(lambda: [r for r in found() if r[0] in {"pointer", "scroll"}][1:] and found(), found)
    told = {row[0]: row[1:] for row in rows}
    width = int(told["pointer"][0])
    points = [[int(number) for number in point.split(",")] for point in told["pointer"][1].split(";")]
    assert [point[:2] for point in points] == [[round(100 / width * 1e4), 200], [round(300 / width * 1e4), 400]]
    assert points[0][2] == 0
    assert 200 <= points[1][2] < 5000
    tenths = [int(ms) for ms in told["scroll"][2].split(",")]
    assert len(tenths) == 10
    assert tenths[0] >= 600
    assert tenths[9] == 0
    page.context.close()

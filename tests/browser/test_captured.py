"""What only a real browser can tell: views of products, tabs, shadow trees, timings, whose failure it is."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import secrets_page
from tests.browser.wire import Seen
from tests.browser.world import CAPTURING, World, wait_for

pytestmark = pytest.mark.timeout(60)


def opened(site: World, path: str, body: str, attributes: str = CAPTURING, last: str = "auto") -> Page:
    """A page on which all is at work: the part that comes last was run."""
    page = site.visitor().new_page()
    with page.expect_event("requestfinished", lambda request: f"/f.{last}.js" in request.url):
        page.goto(site.write(path, body, attributes))
    page.evaluate("new Promise(done => setTimeout(done))")  # what was fetched is run before a later task
    return page


def leave(page: Page) -> None:
    """As a page that ends tells of itself."""
    page.evaluate("dispatchEvent(new Event('pagehide'))")


def told(site: World, path: str, name: str, count: int = 1) -> list[dict[str, Any]]:
    """Events of this name as they left, once there are so many."""

    def found() -> list[dict[str, Any]]:
        return [event for event in site.wire.events(path) if event["name"] == name]

    wait_for(lambda: len(found()) >= count, lambda: site.wire.events(path))
    return found()


def test_products_in_view(site: World) -> None:
    """Those that were looked at, for how long, and how deep the page was seen; not what nobody scrolled to."""
    product = (
        '<article data-footfall-item-id="{0}" data-footfall-item-price="9.5" style="height:300px">{0}</article>'
    )
    gap = '<div style="height:3000px"></div>'
    page = opened(
        site,
        "/goods",
        product.format("top") + gap + product.format("middle") + gap + product.format("end"),
        'data-off="clicks forms"',
    )
    page.evaluate("document.querySelector('[data-footfall-item-id=middle]').scrollIntoView({block: 'center'})")
    columns = "name, item_ids[1], toFloat64(item_prices[1]), scroll_depth"

    def rows(*names: str) -> list[list[str]]:
        return sorted(row for row in site.rows("/goods", columns) if row[0] in names)

    # The first was in view at once, and out of it before its second was over, unless loading took that long.
    page.evaluate("new Promise(done => setTimeout(done, 1300))")  # it must be in view for a second
    leave(page)
    left = wait_for(lambda: rows("product_leave"), lambda: site.rows("/goods", columns))
    assert ["product_leave", "middle", "9.5"] in [row[:3] for row in left]
    viewed = {row[1] for row in rows("product_view")}
    assert "middle" in viewed
    assert "end" not in viewed
    where = site.rows("/goods", "toInt64OrZero(props['viewed_ms']), item_ids[1], name")
    ms = next(int(row[0]) for row in where if row[1:] == ["middle", "product_leave"])
    assert 1000 <= ms < 10_000
    height = 3 * 300 + 2 * 3000
    depth = max(int(row[1]) for row in site.rows("/goods", "name, scroll_depth") if row[0] == "page_leave")
    assert depth == pytest.approx(100 * (300 + 3000 + 150 + 360) / height, abs=2)
    page.context.close()


def tab_of(site: World, context: BrowserContext, path: str) -> Page:
    """A tab in front, as a person opens it; the one before loses the focus."""
    tab = context.new_page()
    with tab.expect_event("requestfinished", lambda request: "/f.auto.js" in request.url):
        tab.goto(site.write(path, "<p>text</p>", CAPTURING))
    # Else Playwright makes every tab believe that it is looked at.
    context.new_cdp_session(tab).send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    front(tab)
    return tab


def front(tab: Page) -> None:
    tab.bring_to_front()
    tab.wait_for_function("document.hasFocus()")


def engaged(site: World, path: str) -> float:
    """Seconds."""
    return float(sum(event["engaged_ms"] for event in told(site, path, "page_leave"))) / 1000


def test_a_tab_behind_another_engages_nobody(site: World) -> None:
    context = site.visitor()
    began = time.monotonic()
    one = tab_of(site, context, "/tab/one")
    one.mouse.move(10, 10)
    two = tab_of(site, context, "/tab/two")
    one.wait_for_function("!document.hasFocus()")
    hidden = time.monotonic()
    two.mouse.move(10, 10)
    two.wait_for_timeout(1000)  # that long the second one is used
    back = time.monotonic()
    front(one)
    one.mouse.move(10, 10)
    one.wait_for_timeout(500)  # and that long the first
    leave(one)
    leave(two)  # behind
    ended = time.monotonic()
    wait_for(lambda: engaged(site, "/tab/one") >= 0.5, lambda: site.wire.events("/tab"))
    assert engaged(site, "/tab/one") <= ended - began - (back - hidden) + 0.1
    wait_for(lambda: engaged(site, "/tab/two") >= 1, lambda: site.wire.events("/tab"))
    assert engaged(site, "/tab/two") <= ended - began - 0.5
    context.close()


SHADOW = """
<shop-card id=card></shop-card><shop-card id=own data-footfall-private></shop-card>
<script>
customElements.define('shop-card', class extends HTMLElement {
  connectedCallback() {
    this.attachShadow({mode: 'open'}).innerHTML = `
      <section><button class=buy>Buy now</button>
      <p data-footfall-private><a class=account href="#account">Account of Zoë Quist</a></p></section>`;
  }
});
</script>
"""


def test_clicks_in_shadow_trees(site: World) -> None:
    page = opened(site, "/shadow", SHADOW)
    for selector in ("#card .buy", "#card .account", "#own .buy"):
        page.click(selector)
    leave(page)
    clicks = [event["element"] for event in told(site, "/shadow", "click", 3)]
    assert [(click["tag"], click["text"], click["href"]) for click in clicks] == [
        ("button", "Buy now", ""),
        ("a", "", ""),  # it is private
        ("button", "", ""),  # and so is all within what is around
    ]
    assert clicks[0]["selector"] == "#card>>>section:nth-of-type(1)>button:nth-of-type(1)"
    columns = "name, element_text, element_selector"
    row = ["click", "Buy now", clicks[0]["selector"]]
    wait_for(lambda: row in site.rows("/shadow", columns), lambda: site.rows("/shadow", columns))
    page.context.close()


BUSY = """
const busy = ms => { for (const end = performance.now() + ms; performance.now() < end;); };
window.ends = [];
new PerformanceObserver(list => ends.push(...list.getEntries().map(task => task.startTime + task.duration)))
  .observe({type: 'longtask', buffered: true});
setTimeout(() => busy(200), 300);
"""


def test_time_to_interactive_and_the_slowest_answer(site: World) -> None:
    body = f"<h1>Painted</h1><button onclick='busy(150)'>Think</button><script>{BUSY}</script>"
    page = opened(site, "/busy", body, 'data-with="vitals" data-off="engagement clicks"', "vitals")

    def vitals() -> dict[str, float]:
        measured = [row for row in site.rows("/busy", "name, vital_name, vital_value") if row[0] == "web_vital"]
        return {row[1]: float(row[2]) for row in measured}

    wait_for(lambda: "tti" in vitals(), vitals)
    assert vitals()["tti"] >= 500
    # When a long task was over; on a busy machine others follow later.
    assert any(vitals()["tti"] == pytest.approx(end, abs=2) for end in page.evaluate("ends"))
    assert "INP" not in vitals()
    page.click("button")

    def slowest() -> bool:
        leave(page)  # the browser tells of it when it has time
        return "INP" in vitals()

    wait_for(slowest, vitals)
    assert 150 <= vitals()["INP"] < 2000
    page.context.close()


def test_the_pointer_is_looked_at_five_times_a_second_and_told_of_every_ten(site: World) -> None:
    page = site.visitor().new_page()
    page.clock.install()
    with page.expect_event("requestfinished", lambda request: "/f.pointer.js" in request.url):
        page.goto(site.write("/points", "", 'data-with="pointer" data-off="engagement clicks"'))
        page.clock.run_for(100)  # painted
    for step in range(60):  # 12 seconds
        for more in range(3):
            page.mouse.move(step * 10 + more, 50 + step)
        page.clock.run_for(200)
    leave(page)
    first, second = (event["props"] for event in told(site, "/points", "pointer", 2))
    for props in (first, second):
        parts = [value for name, value in props.items() if name.startswith("p")]
        assert all(len(part.encode()) <= 1024 for part in parts)
    points = [
        [tuple(int(number) for number in point.split(",")) for point in ";".join(
            props[name] for name in sorted(props) if name.startswith("p")).split(";")]
        for props in (first, second)
    ]  # fmt: skip
    # A busy browser hands on some moves late, so that their fifth of a second has none.
    assert 45 <= len(points[0]) <= 51
    assert 55 <= sum(map(len, points)) <= 62
    times = [point[2] for point in points[0]]
    assert times[0] == 0
    assert all(after - before >= 200 for before, after in pairwise(times))
    page.context.close()


OWN_FAILURES = """async () => {
  const whole = Blob;
  window.Blob = undefined;
  footfall.track('never mind');
  dispatchEvent(new Event('pagehide'));  // a promise of the SDK's is rejected, and nobody takes it
  await new Promise(done => addEventListener('unhandledrejection', done, {once: true}));
  window.Blob = whole;
  const forEach = Array.prototype.forEach;
  const value = {value: forEach, writable: true, configurable: true};
  const missing = () => { Object.defineProperty(Array.prototype, 'forEach', value) };  // once
  const thrown = new Promise(done => addEventListener('error', ({filename}) => done(filename), {once: true}));
  setTimeout(() => {
    Object.defineProperty(Array.prototype, 'forEach', {get: missing, configurable: true});
    footfall.page();
  });
  const where = await thrown;
  setTimeout(() => { throw new Error('of the page') });
  return where;
}"""


def test_failures_of_the_sdk_are_no_errors_of_the_page(site: World) -> None:
    # Of scripts of another origin browsers tell pages nothing without `crossorigin`.
    page = opened(site, "/failing", "", 'crossorigin data-with="errors"', "errors")
    assert page.evaluate(OWN_FAILURES) == f"{site.gateway}/f.js"
    leave(page)
    errors = told(site, "/failing", "error")
    wait_for(lambda: site.rows("/failing", "name, error_message"), lambda: "rows")
    assert [event["error"]["message"] for event in errors] == ["Uncaught Error: of the page"]
    page.context.close()


ALL = "vitals errors friction pointer replay tcf gcm debug"
CAPTURED = {
    "page_view", "path_change", "page_leave", "click", "form_start", "form_submit", "form_error",
    "field_focus", "field_blur", "search", "product_view", "product_leave", "sent", "call *", "error",
    "web_vital", "pointer", "scroll", "rage_click", "dead_click",
}  # fmt: skip


def use_all_of(page: Page) -> None:
    """Types into every field, clicks on everything, lets it fail."""
    for field in page.locator(
        "input:not([type=submit],[type=button],[type=reset]), textarea, [contenteditable]"
    ).all():
        field.focus()
        page.keyboard.type(secrets_page.TYPED)
    for element in page.locator("label, input, textarea, select, button, a, [contenteditable], h1, article").all():
        element.click(force=True)
    page.locator("h1").click(click_count=3)
    page.evaluate("fail()")


def test_no_secret_is_on_the_wire(site: World) -> None:
    """With everything on, and the visitor known: neither of kinds that are masked nor what is typed or private."""
    path = f"/{secrets_page.ADDRESS}"
    context = site.visitor()
    page = context.new_page()
    attributes = f'data-with="{ALL}" data-consent="granted" data-off="none"'
    site.write(path.partition("?")[0], secrets_page.BODY, attributes, title=f"Of {secrets_page.MAIL}")
    before = len(site.wire.batches)
    with page.expect_event("requestfinished", lambda request: "/f.debug.js" in request.url):
        page.goto(site.origin + path, referer=f"{site.origin}/from/{secrets_page.MAIL}?q={secrets_page.TYPED}")
    wait_for(
        lambda: {f"/f.{name}.js" for name in ALL.split()} <= set(site.wire.scripts), lambda: site.wire.scripts
    )
    use_all_of(page)

    def batches() -> list[Seen]:
        return site.wire.batches[before:]

    def names() -> set[str]:
        return {event["name"] for seen in batches() for event in seen.body["events"]}

    wait_for(lambda: "dead_click" in names(), names)
    page.evaluate(f"history.pushState(null, '', '/{secrets_page.TOKEN}?x={secrets_page.MAIL}')")
    wait_for(lambda: "path_change" in names(), names)
    leave(page)
    wait_for(lambda: names() >= CAPTURED, lambda: CAPTURED - names())
    clicks = [event for seen in batches() for event in seen.body["events"] if event["name"] == "click"]
    assert len(clicks) >= 20
    wire = unquote_plus(
        json.dumps([[seen.body, seen.headers, seen.path] for seen in batches()], ensure_ascii=False)
    )
    found = {
        secret: wire[max(0, at - 200) : at + 100]
        for secret in secrets_page.NOWHERE
        if (at := wire.find(secret)) >= 0
    }
    assert not found
    context.close()

"""The demo shop: its pages and what they break on purpose, and personas in it who become rows."""

from __future__ import annotations

import http.client
import re
import signal
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import click
import psutil
import pytest
from playwright.sync_api import Browser, Page

import control
from cli.demonstration import serving
from cli.demonstration.browsers import Browsers, find_chromium
from cli.demonstration.personas import PERSONAS
from cli.running import started
from tests.browser.chromium import AGENT, chromium, chromium_path
from tests.browser.world import HOST, wait_for
from tests.cli.conftest import Installation

DELAY_S = 0.4  # of the slow page, here
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("shop") / "data", flush_seconds=0.2)
    plane = control.open(made.settings.control_plane_url())
    plane.add_site(HOST, now=0, currency="EUR")
    plane.close()
    with started(made.settings):
        yield made


@pytest.fixture(scope="module")
def shop(installation: Installation) -> Iterator[str]:
    plane = control.open(installation.settings.control_plane_url())
    public_id = plane.site(HOST).public_id
    plane.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "DELAY_S", DELAY_S)
        with serving.serving(installation.settings, public_id, 0) as address:
            yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(user_agent=AGENT)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def get(shop: str, path: str) -> int:
    """The status, for a path just as it is given."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(shop).port or 0, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def links_of(page: Page, origin: str) -> set[str]:
    """Paths of the shop that the page leads to."""
    addresses = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    return {urlsplit(address).path for address in addresses if address.startswith(origin)}


@pytest.mark.parametrize("half", ["", "/app"])
def test_every_link_leads_somewhere(shop: str, page: Page, half: str) -> None:
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    found: set[str] = set()
    for path in ("/", "/c/lamps", "/p/rugs-3", "/search?q=wool", "/cart", "/checkout", "/thanks", "/studio"):
        page.goto(shop + half + path)
        page.locator("main h1").first.wait_for()
        assert "Not here" not in page.title(), path
        found |= links_of(page, shop)
    for path in found:
        assert get(shop, path) == 200, path
    kinds = (f"{half}/p/", f"{half}/c/")
    assert {path for path in serving.Shop("", "").pages if path.startswith(kinds)} <= found
    assert {f"{half}/cart", f"{half}/workshop", f"{half}/studio", "/care.txt"} <= found
    assert not errors
    page.goto(f"{shop}{half}/p/nothing")
    assert "Not here" in page.title()


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/shell.html",
        "/../pyproject.toml",
        "/%2e%2e/products.json",
        "//etc/passwd",
        "/js/../shell.html",
    ],
)
def test_only_the_shops_own_paths_are_answered(shop: str, path: str) -> None:
    assert get(shop, path) == 404


def test_the_slow_page_is_slow_and_does_not_hold_up_the_others(shop: str, page: Page) -> None:
    began = time.monotonic()
    assert get(shop, "/cart") == 200
    quick = time.monotonic() - began
    began = time.monotonic()
    assert get(shop, "/workshop") == 200
    assert time.monotonic() - began >= DELAY_S > quick
    page.goto(f"{shop}/app/")
    page.click("footer a[href='/app/workshop']")
    page.wait_for_selector(".waiting")
    page.wait_for_selector("text=It took a while")


def test_the_studio_breaks_in_three_ways(shop: str, page: Page) -> None:
    with page.expect_response("**/pictures/not-there.jpg") as missing:
        page.goto(f"{shop}/studio")
    assert missing.value.status == 404
    for action, told in (("throw", "paint"), ("reject", "could not be saved")):
        with page.expect_event("pageerror") as error:
            page.click(f"[data-action={action}]")
        assert told in str(error.value)


def test_the_broken_button_does_nothing(shop: str, page: Page) -> None:
    page.goto(f"{shop}/p/chairs-1")
    page.click("#deny")
    page.wait_for_load_state("networkidle")
    before = page.content()
    page.click("#swatch")
    assert page.content() == before
    assert page.url == f"{shop}/p/chairs-1"


def test_personas_become_rows(shop: str, installation: Installation) -> None:
    by_name = {persona.name: persona for persona in PERSONAS}
    visitors = Browsers(
        shop.replace("localhost", HOST),
        count=2,
        seconds=0,
        seed=1,
        pace=0.05,
        named=chromium_path(),
        host=HOST,
        personas=(by_name["buyer"], by_name["on a phone"]),
    )
    visitors.start()
    visitors.join(90)
    assert not visitors.errors
    assert visitors.visits == {"buyer": 1, "on a phone": 1}

    # The one goes from page to page, the other stays in the app.
    wanted = {
        ("/", "page_view", "desktop"),
        ("/thanks", "page_view", "desktop"),
        ("/app/", "page_view", "mobile"),
        ("/app/thanks", "path_change", "mobile"),
        *(
            (f"{half}/checkout", name, device)
            for half, device in (("", "desktop"), ("/app", "mobile"))
            for name in ("checkout_step", "form_start", "form_error", "form_submit", "purchase", "page_leave")
        ),
    }
    rows = "SELECT DISTINCT path, name, device_type FROM {db}.events_v1 WHERE bot = ''"
    wait_for(
        lambda: wanted <= {tuple(row) for row in installation.query(rows)},
        lambda: wanted - {tuple(row) for row in installation.query(rows)},
    )
    count = "SELECT count(), uniqExact(visitor_id), countIf(bot != '') FROM {db}.events_v1 WHERE name = 'purchase'"
    assert installation.query(count) == [["2", "2", "0"]]
    paid = (
        "SELECT name, order_id != '', toFloat64(revenue), currency, toFloat64(arraySum(item_prices)) "
        "FROM {db}.events_v1 WHERE name = 'purchase'"
    )
    for name, has_id, revenue, currency, prices in installation.query(paid):
        assert (name, has_id, currency) == ("purchase", "1", "EUR")
        assert float(revenue) == float(prices) > 0
    names = "SELECT groupUniqArray(name) FROM {db}.events_v1 HAVING hasAll(groupUniqArray(name), {wanted})"
    others = names.replace("{wanted}", "['click', 'add_to_cart', 'product_view', 'choose']")
    wait_for(lambda: installation.query(others), lambda: installation.query(names.replace("{wanted}", "[]")))
    typed = "SELECT count() FROM {db}.events_v1 WHERE position(toString(tuple(*)), 'jo@example.org') > 0"
    assert installation.query(typed) == [["0"]]


def chromiums() -> set[int]:
    """Process ids of the browsers that run below this one."""
    below = psutil.Process().children(recursive=True)
    return {process.pid for process in below if "chrom" in process.name() and process.status() != "zombie"}


def test_browsers_that_are_stopped_are_gone(shop: str) -> None:
    others = chromiums()
    visitors = Browsers(shop, count=2, seconds=600, seed=1, pace=20.0, named=chromium_path())
    visitors.start()
    wait_for(lambda: chromiums() - others, lambda: visitors.errors)
    visitors.stop()
    visitors.join(30)
    assert not visitors.is_alive()
    wait_for(lambda: chromiums() <= others, chromiums)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(click.ClickException, match="apt-get install chromium"):
        find_chromium("", "/nowhere/chrome")
    with pytest.raises(click.ClickException, match="no program my-chrome"):
        find_chromium("my-chrome", "/nowhere/chrome")


def test_ones_own_clicks_are_kept_apart(installation: Installation, page: Page) -> None:
    process = installation.popen("shop", "--port", "0")
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(6)]
        assert "Added the site tidewood.example" in lines[0]
        found = re.search(r"http://localhost:\d+/", lines[1])
        assert found, lines
        page.goto(found[0])
        page.click("#grant")
        where = "site_id = 'tidewood.example' AND name = 'page_view'"
        sql = f"SELECT path, id_kind FROM footfall_dev.events_v1 WHERE {where}"
        wait_for(lambda: installation.query(sql), lambda: "no row")
        assert installation.query(sql) == [["/", "consented"]]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert "FROM footfall_dev.events_v1" in lines[5]
    finally:
        process.kill()
        process.wait(10)

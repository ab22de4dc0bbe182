"""From the page to the rows, over a network and to a gateway that fail: nothing lost, nothing twice."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import shown_alone
from tests.browser.world import World, stored_on_device, wait_for

pytestmark = pytest.mark.timeout(180)
GRANTED = 'data-consent="granted"'


def count(page: Page, numbers: range, name: str = "n") -> None:
    """Track numbered events."""
    page.evaluate(
        "([first, end, name]) => { for (let i = first; i < end; i++) footfall('track', name, {i: '' + i}) }",
        [numbers.start, numbers.stop, name],
    )


def numbers(site: World, path: str) -> list[int]:
    return sorted(int(row[0]) for row in site.rows(path, "props['i']") if row[0])


def test_a_retry_carries_the_same_ids(site: World) -> None:
    page = site.visitor().new_page()
    page.goto(site.write("/retry", attributes=GRANTED))
    with site.wire.broken("answer", 503, retry_after="1"):
        count(page, range(3))
        page.evaluate("footfall.flush()")
        wait_for(lambda: len(site.wire.of("/retry")) >= 1, lambda: "an attempt")
    site.wait_for_rows("/retry", [["page_view"]] + [["n"]] * 3, seconds=30)
    first, *others = site.wire.of("/retry")
    assert others
    assert others[0].at - first.at >= 1.0, "the server asked for a second"
    for other in others:
        assert other.body["batch_id"] == first.body["batch_id"]
        assert other.body["events"] == first.body["events"]
        assert other.body["sent_at"] > first.body["sent_at"]
    page.context.close()


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_what_is_refused_for_good_is_not_sent_again(site: World, status: int) -> None:
    path = f"/refused/{status}"
    page = site.visitor().new_page()
    page.goto(site.write(path, attributes=GRANTED))
    with site.wire.broken("answer", status):
        page.evaluate("footfall.flush()")
        wait_for(lambda: site.wire.of(path) and site.wire.of(path)[0].status, lambda: "an attempt")
        page.wait_for_function("!Object.keys(localStorage).some(key => key.includes('.', 4))")
    page.evaluate("footfall('track', 'next'); footfall.flush()")
    wait_for(lambda: site.rows(path) == [["next"]], lambda: site.rows(path))
    assert len(site.wire.of(path)) == 2
    page.context.close()


def test_answers_that_are_lost_make_no_second_rows(site: World) -> None:
    page = site.visitor().new_page()
    page.goto(site.write("/lost", attributes=GRANTED))
    with site.wire.broken("lose"):
        count(page, range(40))
        page.evaluate("footfall.flush()")
        wait_for(lambda: site.wire.of("/lost"), lambda: "an attempt")
        wait_for(lambda: numbers(site, "/lost"), lambda: "rows of what was not answered")
    wait_for(lambda: numbers(site, "/lost") == list(range(40)), lambda: numbers(site, "/lost"), 30)
    page.wait_for_function("!Object.keys(localStorage).some(key => key.includes('.', 4))", timeout=30_000)
    assert numbers(site, "/lost") == list(range(40))
    page.context.close()


def test_offline_then_online(site: World) -> None:
    context = site.visitor()
    page = context.new_page()
    page.goto(site.write("/tunnel", attributes=GRANTED))
    page.evaluate("footfall.flush()")
    site.wait_for_rows("/tunnel", [["page_view"]])
    context.set_offline(True)
    count(page, range(60))
    page.evaluate("footfall.flush()")
    page.wait_for_function("Object.keys(localStorage).filter(key => key.includes('.', 4)).length >= 3")
    before = time.monotonic()
    context.set_offline(False)
    wait_for(lambda: numbers(site, "/tunnel") == list(range(60)), lambda: numbers(site, "/tunnel"), 30)
    assert time.monotonic() - before < 10
    context.close()


def test_the_queue_survives_the_page_and_is_sent_by_the_next(site: World) -> None:
    context = site.visitor()
    page = context.new_page()
    page.goto(site.write("/kept/1", attributes=GRANTED))
    with site.wire.broken("refuse"):
        count(page, range(30))
        page.evaluate("footfall.flush()")
        wait_for(lambda: site.wire.of("/kept/1"), lambda: "an attempt")
        page.close()
    page = context.new_page()
    page.goto(site.write("/kept/2", attributes=GRANTED))
    wait_for(lambda: numbers(site, "/kept") == list(range(30)), lambda: numbers(site, "/kept"), 30)
    page.wait_for_function("!Object.keys(localStorage).some(key => key.includes('.', 4))", timeout=30_000)
    context.close()


def test_tabs_share_the_queue_and_one_sends(site: World) -> None:
    context = site.visitor()
    tabs = [context.new_page() for _ in range(3)]
    for number, tab in enumerate(tabs):
        tab.goto(site.write(f"/tabs/{number}", attributes=GRANTED))
    with site.wire.broken("refuse"):
        for number, tab in enumerate(tabs):
            count(tab, range(number * 50, number * 50 + 50))
            tab.evaluate("footfall.flush()")
        tabs[0].wait_for_function("Object.keys(localStorage).filter(key => key.includes('.', 4)).length >= 6")
    before = len(site.wire.of("/tabs"))
    wait_for(lambda: numbers(site, "/tabs") == list(range(150)), lambda: numbers(site, "/tabs"), 30)
    sent = [seen for seen in site.wire.of("/tabs")[before:] if seen.status == 202]
    # A tab may see a moment late that another has sent a batch, and send it again: the gateway knows its id.
    assert all(one.ended <= other.at for one, other in pairwise(sent)), "two tabs sent at once"
    assert {seen.body["visitor_id"] for seen in sent} == {sent[0].body["visitor_id"]}
    context.close()


def test_a_full_queue_at_the_end_of_the_page(site: World) -> None:
    """More than a browser lets a page that ends send: the rest comes with the next."""
    context = site.visitor()
    page = context.new_page()
    page.goto(site.write("/full/1", attributes=GRANTED))
    page.evaluate("footfall.flush()")
    site.wait_for_rows("/full/1", [["page_view"]])
    site.write("/full/2", attributes=GRANTED)
    page.evaluate(
        """() => {
        for (let i = 0; i < 200; i++) footfall('track', 'n', {i: '' + i, text: 'x'.repeat(900)});
        location = '/full/2';
        }"""
    )
    page.wait_for_url("**/full/2")
    wait_for(lambda: numbers(site, "/full/1") == list(range(200)), lambda: numbers(site, "/full/1"), 30)
    context.close()


def test_without_consent_what_fits_goes_when_the_page_ends(site: World) -> None:
    page = site.visitor().new_page()
    page.goto(site.write("/brief"))
    count(page, range(10))
    assert stored_on_device(page.context) == {}
    page.goto("about:blank")
    wait_for(lambda: numbers(site, "/brief") == list(range(10)), lambda: numbers(site, "/brief"))
    assert len(site.wire.of("/brief")) == 1
    page.context.close()


def test_a_clock_that_is_a_day_off(site: World) -> None:
    page = site.visitor().new_page()
    page.clock.install(time=time.time() - 86_400)
    page.goto(site.write("/clock", attributes=GRANTED))
    page.evaluate("footfall.flush()")
    columns = "name, abs(toUnixTimestamp64Milli(received_at) - toUnixTimestamp64Milli(occurred_at)) < 5000"
    site.wait_for_rows("/clock", [["page_view", "1"]], columns)
    page.context.close()


def test_storage_is_blocked(site: World, tmp_path: Path) -> None:
    """As the browser's own setting does it, which denies locks, too. Nobody ends the page: it sends by itself."""
    settings = tmp_path / "Default" / "Preferences"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
    script = """
        for (let i = 0; i < 30; i++) footfall('track', 'n', {i: '' + i});
        let storage = 'open';
        try { localStorage } catch (error) { storage = error.name }
        navigator.locks.request('a', () => 'open').catch((error) => error.name)
          .then((locks) => { footfall('track', 'found', {storage, locks}); footfall('flush') });
    """
    url = site.write("/blocked", f"<script type=module>{script}</script>", attributes=GRANTED)
    with shown_alone(url, tmp_path, secure=site.origin):
        wait_for(lambda: numbers(site, "/blocked") == list(range(30)), lambda: numbers(site, "/blocked"))
        denied = [["SecurityError", "SecurityError"]]
        columns = "props['storage'], props['locks']"

        def found() -> list[list[str]]:
            return [row for row in site.rows("/blocked", columns) if row[0]]

        wait_for(lambda: found() == denied, found)
    assert len({seen.body["visitor_id"] for seen in site.wire.of("/blocked")}) == 1, "as the page remembers"


def test_large_batches_travel_packed(site: World) -> None:
    page = site.visitor().new_page()
    page.goto(site.write("/packed", attributes=GRANTED))
    page.wait_for_load_state("networkidle")  # its second part packs
    count(page, range(24))  # with the view a whole batch
    wait_for(lambda: numbers(site, "/packed") == list(range(24)), lambda: numbers(site, "/packed"))
    assert [seen.packed for seen in site.wire.of("/packed")] == [True]
    assert "content-encoding" not in site.wire.of("/packed")[0].headers, "it would cost a preflight"
    page.context.close()

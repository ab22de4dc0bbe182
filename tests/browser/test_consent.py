"""What may be sent and stored: every combination of consent, GPC, Do Not Track and `strict`."""

from __future__ import annotations

from functools import partial
from itertools import product

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.world import World, stored_on_device, wait_for

pytestmark = pytest.mark.timeout(120)
YES_NO = (False, True)
CONSENTS = ("", "pending", "granted", "denied")
CLICK_ID = "gclid=EAIaIQ-1"


def visitor(site: World, gpc: bool = False, dnt: bool = False) -> BrowserContext:
    """A browser that asks for privacy, in scripts and in headers, as browsers do."""
    headers = {**({"sec-gpc": "1"} if gpc else {}), **({"dnt": "1"} if dnt else {})}
    context = site.visitor(extra_http_headers=headers)
    context.add_init_script(
        f"Object.defineProperty(navigator, 'globalPrivacyControl', {{value: {str(gpc).lower()}}});"
        f"Object.defineProperty(navigator, 'doNotTrack', {{value: {repr('1') if dnt else 'null'}}})"
    )
    return context


def visit(site: World, context: BrowserContext, path: str, attributes: str) -> Page:
    page = context.new_page()
    page.goto(site.write(path, attributes=attributes) + f"?{CLICK_ID}")
    page.evaluate("footfall('identify', 'user-7'); footfall('track', 'n'); footfall('flush')")
    return page


def taken(site: World, path: str) -> bool:
    return any(seen.status == 202 for seen in site.wire.of(path))


def session_keys(site: World) -> set[str]:
    return {f"ff.{site.public_id}"}


@pytest.mark.parametrize("consent", CONSENTS)
def test_what_leaves_and_what_stays(site: World, consent: str) -> None:
    for gpc, dnt, strict in product(YES_NO, YES_NO, YES_NO):
        case = f"/matrix/{consent or 'none'}/{gpc:d}{dnt:d}{strict:d}"
        attributes = f'data-consent="{consent}"' if consent else ""
        context = visitor(site, gpc, dnt)
        page = visit(site, context, case, attributes + (" data-strict" if strict else ""))
        nothing = consent == "pending" or (strict and (gpc or dnt or consent == "denied"))
        known = consent == "granted" and not gpc and not dnt
        if not nothing:
            wait_for(partial(taken, site, case), partial(site.wire.of, case))
        if known:
            page.wait_for_function("Object.keys(localStorage).length == 1")  # the batch was taken
        assert stored_on_device(context).keys() == (session_keys(site) if known else set()), case
        page.goto("about:blank")  # what a page sends when it ends
        if nothing:
            page.wait_for_load_state("networkidle")
        context.close()
        sent = site.wire.of(case)
        assert bool(sent) != nothing, case
        for seen in sent:
            assert seen.body.get("consent", "") == consent
            assert bool(seen.body.get("visitor_id")) == known, case
            assert "cookie" not in seen.headers
            for event in seen.body["events"]:
                assert bool(event.get("session_id")) == known, case
                assert (CLICK_ID in event["url"]) == (not gpc and not dnt), case
        text = str([seen.body for seen in sent])
        assert ("user-7" in text) == known, case
        assert len(site.wire.events(case)) in ((0,) if nothing else (3,) if known else (2,)), case


def ids(site: World, path: str) -> set[str]:
    return {str(seen.body.get("visitor_id", "")) for seen in site.wire.of(path)}


def test_what_waited_goes_once_the_visitor_has_said_yes(site: World) -> None:
    context = visitor(site)
    page = visit(site, context, "/asked/yes", 'data-consent="pending"')
    assert site.wire.of("/asked/yes") == []
    page.evaluate("footfall('consent', 'granted')")
    wanted = [["identify", "2"], ["n", "2"], ["page_view", "2"]]
    wait_for(
        lambda: sorted(site.rows("/asked/yes", "name, toUInt8(id_kind)")) == wanted,
        lambda: site.rows("/asked/yes", "name, toUInt8(id_kind)"),
    )
    context.close()


def test_what_waited_is_counted_without_an_id_once_the_visitor_has_said_no(site: World) -> None:
    context = visitor(site)
    page = visit(site, context, "/asked/no", 'data-consent="pending"')
    page.evaluate("footfall('consent', 'denied')")
    wait_for(lambda: len(site.rows("/asked/no")) == 2, lambda: site.rows("/asked/no"))
    assert ids(site, "/asked/no") == {""}
    assert "user-7" not in str([seen.body for seen in site.wire.of("/asked/no")])
    assert stored_on_device(context) == {}
    context.close()


def test_a_no_after_a_yes_clears_the_device(site: World) -> None:
    context = visitor(site)
    page = visit(site, context, "/withdrawn", 'data-consent="granted"')
    wait_for(lambda: site.wire.of("/withdrawn"), lambda: "what was allowed")
    with site.wire.broken("refuse"):
        page.evaluate("footfall('track', 'waits'); footfall('flush')")
        page.evaluate("footfall('consent', 'denied')")
        assert stored_on_device(context) == {}
    page.evaluate("footfall('track', 'after'); footfall('flush')")
    wait_for(lambda: ["after"] in site.rows("/withdrawn"), lambda: site.rows("/withdrawn"))
    assert "visitor_id" not in site.wire.of("/withdrawn")[-1].body
    context.close()
    # And on the next page, which only says no.
    context = visitor(site)
    visit(site, context, "/withdrawn/1", 'data-consent="granted"').close()
    page = visit(site, context, "/withdrawn/2", 'data-consent="denied"')
    wait_for(lambda: site.wire.of("/withdrawn/2"), lambda: "sent")
    assert stored_on_device(context) == {}
    context.close()


def test_the_same_visitor_comes_back_until_reset(site: World) -> None:
    context = visitor(site)
    for number in (1, 2):
        page = visit(site, context, f"/same/{number}", 'data-consent="granted"')
        wait_for(partial(taken, site, f"/same/{number}"), lambda: "sent")
    assert len(ids(site, "/same")) == 1
    sessions = {event["session_id"] for event in site.wire.events("/same")}
    assert len(sessions) == 1
    page.evaluate("footfall('reset'); footfall('track', 'other'); footfall('flush')")
    wait_for(lambda: len(ids(site, "/same")) == 2, lambda: ids(site, "/same"))
    context.close()


def test_ones_own_visits_can_be_left_out(site: World) -> None:
    context = visitor(site)
    page = context.new_page()
    page.goto(site.write("/own/1", attributes='data-consent="granted"') + "?footfall=off")
    page.wait_for_function("Object.keys(localStorage).length == 1")
    page.goto(site.write("/own/2", attributes='data-consent="granted"'))
    page.wait_for_load_state("networkidle")
    page.evaluate("footfall('track', 'n'); footfall('flush')")
    page.goto(site.write("/own/3", attributes='data-consent="granted"') + "?footfall=on")
    page.wait_for_function("!localStorage[Object.keys(localStorage).find(key => key.endsWith('!'))]")
    page.evaluate("footfall('track', 'again'); footfall('flush')")
    wait_for(lambda: ["again"] in site.rows("/own"), lambda: site.rows("/own"))
    assert site.wire.of("/own/1") == site.wire.of("/own/2") == []
    context.close()


def test_the_gateway_keeps_to_it_as_well(site: World) -> None:
    context = visitor(site, gpc=True)
    visit(site, context, "/gpc", 'data-consent="granted"')
    site.wait_for_rows("/gpc", [["n", "0"], ["page_view", "0"]], "name, toUInt8(id_kind)", by="name")
    context.close()

"""Which views a browser's pages become: multi-page, single-page, cache, prerender, frames, background."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import shown_alone
from tests.browser.world import World, wait_for

pytestmark = pytest.mark.timeout(120)


def test_pages_of_a_site(site: World) -> None:
    site.write("/multi/1", '<a href="/multi/2?utm_source=letter&token=s3cret">on</a>', title="One")
    site.write("/multi/2", title="Two")
    page = site.visitor().new_page()
    page.goto(f"{site.origin}/multi/1?q=private#part", referer="https://news.example.org/")
    page.click("a")
    page.wait_for_url("**/multi/2?**")
    page.evaluate("footfall.flush()")
    wanted = [
        ["page_view", "/multi/1", "", "", "One", "news.example.org"],
        ["page_view", "/multi/2", "", "letter", "Two", ""],
    ]
    site.wait_for_rows("/multi", wanted, "name, path, query, utm_source, title, referrer_host")
    page.context.close()


def test_a_single_page_app(site: World) -> None:
    site.write("/app")
    page = site.visitor().new_page()
    page.goto(f"{site.origin}/app")
    settled = "new Promise(done => setTimeout(done, 300))"  # twice what the SDK waits
    # What routers do: the same path twice (React's StrictMode), a rewrite at once (Next.js), a query, an anchor.
    page.evaluate(
        """() => {
        history.pushState({}, '', '/app/a'); history.pushState({}, '', '/app/a');
        history.replaceState({key: 1}, '', '/app/a?tab=2'); document.title = 'A';
        }"""
    )
    page.evaluate(settled)
    page.evaluate("history.replaceState({}, '', '/app/a?tab=3#top')")
    page.evaluate(settled)
    page.evaluate("location.hash = '#/route/1'")
    page.evaluate(settled)
    page.go_back()
    page.evaluate(settled)
    page.evaluate("footfall.flush()")
    wanted = [
        ["page_view", "/app", "/app"],
        ["path_change", "/app/a", "A"],
        ["path_change", "/app/a#/route/1", "A"],
        ["path_change", "/app/a", "A"],
    ]
    site.wait_for_rows("/app", wanted, "name, path, title")
    page.context.close()


def test_a_page_that_comes_back_from_the_cache_is_viewed_again(site: World) -> None:
    site.write("/cached", '<a href="/other">on</a>')
    site.write("/other")
    page = site.visitor().new_page()
    page.goto(f"{site.origin}/cached", referer="https://news.example.org/")
    page.wait_for_function("!!window.footfall")
    page.evaluate("window.alive = 1")
    page.click("a")
    page.wait_for_url("**/other")
    page.evaluate("history.back()")
    page.wait_for_function("window.alive == 1")  # the very page, not loaded anew
    page.evaluate("footfall.flush()")
    # Its second view came from nowhere else.
    wanted = [["page_view", "news.example.org"], ["page_view", ""]]
    site.wait_for_rows("/cached", wanted, "name, referrer_host")
    page.context.close()


def test_a_page_that_is_only_prepared_counts_when_it_is_looked_at(site: World, tmp_path: Path) -> None:
    """Without DevTools, under which Chromium prepares no page: the pages themselves do what a test would."""
    rules = '{"prerender": [{"source": "list", "urls": ["/prepared/2"], "eagerness": "immediate"}]}'
    when_ready = "addEventListener('storage', () => { location = '/prepared/2' })"
    ready = "footfall('track', 'prepared', {before: performance.now()}); footfall.flush(); localStorage.ready = 1"
    as_prepared = "performance.getEntriesByType('navigation')[0].activationStart > 0"
    when_shown = f"footfall('track', 'shown', {{as_prepared: {as_prepared}}})"
    site.write("/prepared/1", f'<script type="speculationrules">{rules}</script><script>{when_ready}</script>')
    site.write(
        "/prepared/2",
        f"<script type=module>if (document.prerendering) {{ {ready} }}"
        f"document.addEventListener('prerenderingchange', () => {{ {when_shown} }})</script>",
    )
    with shown_alone(f"{site.origin}/prepared/1", tmp_path, secure=site.origin):
        wanted = [
            ["page_view", "/prepared/1", ""],
            ["page_view", "/prepared/2", ""],
            ["shown", "/prepared/2", "true"],
        ]

        def found() -> list[list[str]]:
            rows = site.rows("/prepared", "name, path, props['as_prepared']")
            return sorted(row for row in rows if row[0] != "prepared")

        wait_for(lambda: found() == wanted, found)
    # What was told before it was looked at is told as well, and not before.
    at = {name: int(at) for name, at in site.rows("/prepared/2", "name, toUnixTimestamp64Milli(received_at)")}
    assert at["prepared"] >= at["page_view"]


def test_frames_are_part_of_the_page_around_them(site: World) -> None:
    site.write("/frames/inner")
    site.write("/frames/counted", attributes="data-frames")
    site.write("/frames/outer", '<iframe src="/frames/inner"></iframe><iframe src="/frames/counted"></iframe>')
    page = site.visitor().new_page()
    page.goto(f"{site.origin}/frames/outer")
    for frame in page.frames:
        frame.wait_for_function("!!window.footfall")
        frame.evaluate("footfall.flush()")
    wanted = [["page_view", "/frames/counted"], ["page_view", "/frames/outer"]]
    wait_for(
        lambda: sorted(site.rows("/frames", "name, path")) == wanted, lambda: site.rows("/frames", "name, path")
    )
    page.context.close()


def test_a_tag_that_is_there_twice_counts_once(site: World) -> None:
    site.write("/twice", site.tag())
    page = site.visitor().new_page()
    page.goto(f"{site.origin}/twice")
    page.evaluate("footfall('track', 'last'); footfall.flush()")
    site.wait_for_rows("/twice", [["page_view"], ["last"]])
    page.context.close()


def test_calls_before_the_script_wait_for_it(site: World) -> None:
    stub = "window.footfall = window.footfall || function () { (footfall.q = footfall.q || []).push(arguments) }"
    site.pages.html["/early"] = (
        f"<!doctype html><script>{stub}; footfall('track', 'early', {{plan: 'pro'}})</script>{site.tag()}"
    )
    page = site.visitor().new_page()
    page.goto(f"{site.origin}/early")
    page.evaluate("footfall.flush()")
    wanted = [["early", "{'plan':'pro'}"], ["page_view", "{}"]]
    wait_for(lambda: sorted(site.rows("/early", "name, props")) == wanted, lambda: site.rows("/early"))
    page.context.close()


def test_a_tag_without_a_site_is_started_by_a_script(site: World) -> None:
    begun = f"footfall.init({{site: '{site.public_id}', off: ['engagement'], params: ['size']}})"
    site.pages.html["/begun"] = (
        f'<!doctype html><title>t</title><script defer src="{site.gateway}/f.js"></script>'
        f"<script type=module>{begun}; {begun}; footfall.track('n')</script>"
    )
    page = site.visitor().new_page()
    page.goto(site.origin + "/begun?size=9&other=1")
    site.wait_for_rows("/begun", [["page_view", "size=9"], ["n", "size=9"]], "name, query", by="name DESC")
    page.context.close()

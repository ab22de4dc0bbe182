"""What the script costs a page before it is painted: nothing that the page would wait for.

What clicks cost is measured by `python -m bench.sdk`.
"""

from __future__ import annotations

import pytest

from tests.browser.world import CAPTURING, World, wait_for

pytestmark = pytest.mark.timeout(120)

# Notes when anything asks for layout or for storage, with who it was.
WATCH = """
window.asked = [];
const note = (what) => {
  const stack = new Error().stack || '';
  if (/\\/f(\\.[a-z]+)?\\.js/.test(stack)) asked.push([what, performance.now()]);
};
const watch = (owner, names) => {
  for (const name of names) {
    const found = Object.getOwnPropertyDescriptor(owner, name);
    if (!found || !found.configurable) continue;
    const get = function () { note(name); return found.get.call(this) };
    if (found.get) Object.defineProperty(owner, name, {...found, get});
    else if (typeof found.value == 'function')
      owner[name] = function (...given) { note(name); return found.value.apply(this, given) };
  }
};
watch(window, ['innerWidth', 'innerHeight', 'scrollX', 'scrollY', 'pageXOffset', 'pageYOffset', 'localStorage',
  'sessionStorage', 'indexedDB', 'getComputedStyle']);
watch(Element.prototype, ['clientWidth', 'clientHeight', 'scrollTop', 'scrollHeight', 'scrollWidth',
  'getBoundingClientRect', 'getClientRects']);
watch(HTMLElement.prototype, ['offsetTop', 'offsetHeight', 'offsetWidth', 'innerText']);
watch(Document.prototype, ['cookie', 'elementFromPoint']);
"""


def test_nothing_is_asked_of_layout_or_storage_before_the_first_paint(site: World) -> None:
    context = site.visitor()
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(site.write("/paint", "<h1>Shop</h1>" + "<p>text</p>" * 500, f'data-consent="granted" {CAPTURING}'))
    wait_for(lambda: site.wire.of("/paint"), lambda: "the first batch, by itself", 15)
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    asked = page.evaluate("asked")
    assert {what for what, _ in asked} >= {"localStorage", "innerWidth"}, "the watch sees nothing"
    assert [(what, at) for what, at in asked if at < painted] == []
    context.close()


def test_the_script_is_deferred_and_small(site: World) -> None:
    tag = site.installation.ok("site", "show", "shop.example.com")
    assert "<script defer src=" in tag
    context = site.visitor()
    page = context.new_page()
    page.goto(site.write("/small", attributes=CAPTURING))
    page.wait_for_load_state("networkidle")
    sizes = page.evaluate(
        """performance.getEntriesByType('resource').filter(e => /\\/f(\\.\\w+)?\\.js/.test(e.name))
            .map(e => [new URL(e.name).pathname, e.encodedBodySize, e.renderBlockingStatus])"""
    )
    assert {name: blocking for name, _, blocking in sizes} == {
        "/f.js": "non-blocking",
        "/f.auto.js": "non-blocking",
    }
    assert (
        sum(size for _, size, _ in sizes) <= 7_100
    )  # as the gateway packs them; the build holds gzip -9 to 7,000
    context.close()

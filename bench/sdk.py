"""What the SDK costs a page: a click, with the CPU at a quarter of its speed.

    python -m bench.sdk [--clicks 1000] [--nodes 5000] [--throttle 4] [--runs 3]

A page of 5,000 nodes is clicked 1,000 times by real (trusted) clicks in Chromium, with the SDK and without.
The time of a click is that from the first listener of the page to its last, so all that the SDK does in
between; long tasks are those of 50 ms that the browser reports. Everything on by default is on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import fmean, median

from playwright.sync_api import Page

from tests.browser.world import CAPTURING, World, world

FIRST = """
window.times = []; window.tasks = 0;
addEventListener('click', () => { window.began = performance.now() }, true);
"""
LAST = "addEventListener('click', () => times.push(performance.now() - began))"
TASKS = "new PerformanceObserver(list => { tasks += list.getEntries().length }).observe({type: 'longtask'})"
BAR_MS = 1.0


def body(nodes: int) -> str:
    """Cards with a button each, five nodes a card, nested as pages are."""
    card = '<div class="card"><div><h2>Shoe {0}</h2><p>A sturdy shoe.</p><button>Buy {0}</button></div></div>'
    cards = "".join(card.format(number) for number in range(nodes // 5))
    return f'<main style="height:300px;overflow:auto">{cards}</main>'


def clicked(page: Page, clicks: int, throttle: float) -> tuple[list[float], int]:
    """(milliseconds of each click, long tasks)."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.evaluate(LAST)
    box = page.locator("button").first.bounding_box()
    assert box is not None
    x, y = box["x"] + 5, box["y"] + 5
    page.mouse.move(x, y)
    page.evaluate(TASKS)
    for _ in range(clicks):
        page.mouse.click(x, y)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    times: list[float] = page.evaluate("times")
    assert len(times) == clicks
    return times, int(page.evaluate("tasks"))


def measure(
    site: World, clicks: int, nodes: int, throttle: float, run: int, *, with_sdk: bool
) -> tuple[float, float, int]:
    """(median and mean milliseconds of a click, long tasks)."""
    context = site.visitor()
    context.add_init_script(FIRST)
    page = context.new_page()
    path = f"/clicks/{run}/{with_sdk:d}"
    if with_sdk:
        page.goto(site.write(path, body(nodes), CAPTURING))
        page.wait_for_load_state("networkidle")
    else:
        site.pages.html[path] = f"<!doctype html><title>t</title><body>{body(nodes)}</body>"
        page.goto(site.origin + path)
    times, tasks = clicked(page, clicks, throttle)
    context.close()
    if with_sdk:
        seen = [event for event in site.wire.events(path) if event["name"] == "click"]
        assert seen, "no click was captured: this measures nothing"
    return median(times), fmean(times), tasks


def main() -> int:
    """Exit code 1 above the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clicks", type=int, default=1_000)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--throttle", type=float, default=4)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    costs = []
    longest = 0
    with tempfile.TemporaryDirectory() as directory, world(Path(directory)) as site:
        for run in range(given.runs):
            bare, _, tasks_bare = measure(site, given.clicks, given.nodes, given.throttle, run, with_sdk=False)
            sdk, mean, tasks = measure(site, given.clicks, given.nodes, given.throttle, run, with_sdk=True)
            costs.append(sdk - bare)
            longest = max(longest, tasks - tasks_bare)
            print(
                f"  a click {bare:.3f} ms without, {sdk:.3f} ms with (mean {mean:.3f}); "
                f"long tasks {tasks_bare} and {tasks}",
                flush=True,
            )
    cost = median(costs)
    print(f"a click costs {cost:.3f} ms (bar {BAR_MS:g} ms), {max(0, longest)} long tasks more than without")
    return 0 if cost < BAR_MS and longest <= 0 else 1


if __name__ == "__main__":
    sys.exit(main())

"""The bar of delivery: everything fails in turn, and each event is stored once; `make drill` sends 10,000."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from embedded.paths import status_file
from tests.browser.world import World, wait_for

pytestmark = pytest.mark.timeout(300)
EVENTS = 500  # of a tab


def kill_gateway(site: World) -> None:
    """And wait until the supervisor has a new one."""
    file = status_file(site.installation.settings.data_dir)
    before = json.loads(file.read_text())["parts"]["gateway"]["pid"]
    os.kill(before, signal.SIGKILL)

    def back() -> bool:
        state = json.loads(file.read_text())["parts"]["gateway"]
        return state["pid"] not in (0, before) and state["state"] == "ready"

    wait_for(back, lambda: "a new gateway", 60)


@pytest.mark.parametrize("tabs", [5, pytest.param(20, marks=pytest.mark.drill)])
def test_every_event_once(site: World, tabs: int) -> None:
    path = f"/all/{tabs}"
    context = site.visitor()
    page = context.new_page()
    page.goto(site.write(path, attributes='data-consent="granted"'))
    faults: list[Callable[[], None]] = [
        lambda: kill_gateway(site),
        lambda: during(site, "refuse", page),
        lambda: during(site, "lose", page),
        lambda: offline(context, page),
        lambda: None,
    ]
    for number in range(tabs):
        tab = context.new_page()
        tab.goto(site.origin + path)
        send(tab, number)
        faults[number % len(faults)]()
        with tab.expect_event("close"):  # in the middle of it, as a person closes it
            tab.close(run_before_unload=True)
        wait_for(lambda: queued(page) < 100, lambda: queued(page), 60)  # of 250 that the device keeps
    wanted = [str(tabs * EVENTS)] * 2
    last = context.new_page()
    last.goto(site.origin + path)

    def stored() -> list[str]:
        sql = f"SELECT count(), uniqExact(event_id) FROM {{db}}.events WHERE path = '{path}' AND name = 'n'"
        return site.installation.query(sql)[0]

    wait_for(lambda: stored()[1] == wanted[1], stored, 90)
    last.wait_for_function("!Object.keys(localStorage).some(key => key.includes('.', 4))", timeout=60_000)
    assert stored() == wanted
    context.close()


def queued(page: Page) -> int:
    """Batches on the device, of which the page sends what it can."""
    page.evaluate("footfall.flush()")
    return int(page.evaluate("Object.keys(localStorage).filter(key => key.includes('.', 4)).length"))


def send(tab: Page, number: int) -> None:
    """All events of a tab, some milliseconds apart, as fast as the page can."""
    tab.evaluate(
        """([number, events]) => {
        let sent = 0;
        const more = () => {
          for (let i = 0; i < 25 && sent < events; i++, sent++) footfall('track', 'n', {i: number + '-' + sent});
          if (sent < events) setTimeout(more, 5);
          else window.done = 1;
        };
        more();
        }""",
        [number, EVENTS],
    )
    tab.wait_for_function("window.done")


def during(site: World, fault: str, page: Page) -> None:
    """A fault for so long as it takes some batches to meet it."""
    with site.wire.broken(fault):
        before = len(site.wire.batches)
        page.evaluate("for (let i = 0; i < 30; i++) footfall('track', 'noise')")
        wait_for(lambda: len(site.wire.batches) > before + 1, lambda: "batches that meet the fault")


def offline(context: BrowserContext, page: Page) -> None:
    """The network is cut, and comes back."""
    context.set_offline(True)
    page.evaluate("footfall.flush()")
    threading.Event().wait(0.5)  # how long it lasts is the fault
    context.set_offline(False)

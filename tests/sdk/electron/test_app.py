"""An app of two real halves, a page of a file in Chromium and the main process in Node, against the gateway.

Electron itself is not there (its binary is no package): what the halves need of it is as its documentation has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.chromium import chromium
from tests.browser.world import wait_for
from tests.micro.conftest import micro, process
from tests.micro.running import MicroProcess
from tests.sdk.node.program import ROOT, Program, bundled

__all__ = ["micro", "process"]

# As Electron calls itself.
AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Shop/1.0.0 Chrome/140.0.0.0 Electron/38.0.0 Safari/537.36"
)
MAIN = """
import { createInterface } from 'node:readline';
import { FootfallTracker } from '@footfall/sdk/electron/main';

const { endpoint, userData, home, app, agent, consent } = JSON.parse(process.env.SETTINGS);
const problems = [];
let listener;
const electron = {
  app: {
    getPath: (name) => (name == 'home' ? home : userData),
    getAppPath: () => app, getLocale: () => 'de-CH', getName: () => 'Shop',
    whenReady: async () => {}, on: () => {},
  },
  ipcMain: { on: (_, given) => (listener = given) },
  powerMonitor: { on: () => {} },
  net: {
    isOnline: () => true,
    fetch: (url, { headers, ...init }) => fetch(url, { ...init, headers: { ...headers, 'user-agent': agent } }),
  },
};
const tracker = new FootfallTracker({
  apiKey: 'pub_test', endpoint, domain: 'app.example.com', electron, consent,
  onError: (problem) => problems.push(problem),
});
for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...given] = JSON.parse(line);
  let answer;
  if (method == 'problems') answer = problems;
  else if (method == 'receive') listener({ senderFrame: { url: given[0] } }, given[1]);
  else answer = await tracker[method](...given);
  console.log(JSON.stringify(answer ?? null));
}
"""


def sample(kind: str) -> str:
    return (ROOT / "docs" / "electron.md").read_text().split(f"```ts {kind}\n")[1].split("```")[0]


class App:
    """Its files lie in the home of somebody called Anna; what its window says is in `told`."""

    def __init__(self, page: Page, main: Program, address: str, told: list[str]) -> None:
        self.page, self.main, self.address, self.told = page, main, address, told

    def passed(self, text: str) -> None:
        """Until the window has said it, and all that it said is with the main process."""
        wait_for(lambda: self.page.evaluate("1") and any(text in one for one in self.told), lambda: self.told)
        while self.told:
            self.main.call("receive", self.address, self.told.pop(0))


@contextmanager
def running(micro: MicroProcess, folder: Path, **settings: str) -> Iterator[App]:
    home = folder / "Users" / "anna"
    app = home / "Shop.app"
    (app / "dist").mkdir(parents=True)
    script = bundled(sample("renderer"), folder, "browser")
    body = "<button>Pay</button><a id=report href='../../taxes.pdf' onclick='return false'>Report</a>"
    html = f"<!doctype html><title>Shop</title><body>{body}<script>{script.read_text()}</script></body>"
    (app / "dist" / "index.html").write_text(html)
    paths = {"userData": str(home / "data"), "home": str(home), "app": str(app)}
    main = Program(bundled(MAIN, folder), endpoint=micro.url, agent=AGENT, **paths, **settings)
    told: list[str] = []
    try:
        with chromium() as browser:
            page = browser.new_page(locale="en-GB", viewport={"width": 900, "height": 700})
            page.expose_function("tell", lambda text: told.append(text))
            # What the preload script does in a window.
            page.add_init_script("window.footfallBridge = { send: (text) => void window.tell(text) }")
            address = f"file://{app}/dist/index.html"
            page.goto(address + "#/cart")
            yield App(page, main, address, told)
    finally:
        main.kill()


def test_a_window_is_captured_like_a_page_and_tells_no_path(micro: MicroProcess, tmp_path: Path) -> None:
    with running(micro, tmp_path) as app:
        app.passed('"granted"')
        app.page.click("button")
        app.page.click("#report")
        app.page.evaluate("location.hash = '/thanks'")
        app.passed("path_change")
        app.main.call("track", "export_done", {"file": f"{tmp_path}/Users/anna/taxes.pdf"})
        app.main.call("close")
        assert app.main.call("problems") == []
    events = {event["name"]: event for event in micro.good()}
    pages = [event["url"] for event in micro.good() if event["name"] in ("page_view", "path_change")]
    assert pages == [f"https://app.example.com/index.html#/{place}" for place in ("cart", "thanks")]
    assert events["theme_chosen"]["props"] == {"theme": "dark"}
    clicks = [event["element"] for event in micro.good() if event["name"] == "click"]
    assert [element["text"] for element in clicks] == ["Pay", "Report"]
    assert events["export_done"]["props"] == {"file": "*"}
    view = events["page_view"]
    assert view["title"] == "Shop"
    assert view["client"]["viewport_width"] == 900
    assert view["client"]["language"] == "en-GB"
    assert view["sdk"] == "electron/0.0.0"
    assert view["enriched"]["bot"] == ""
    assert view["id_kind"] == "consented"
    assert not re.search(r"anna|taxes|file:|/Users", json.dumps(micro.good()))


def test_what_waits_is_sent_by_the_app_s_next_start(tmp_path: Path, micro: MicroProcess) -> None:
    away = MicroProcess()
    away.close()
    with running(away, tmp_path / "app") as app:
        app.passed('"granted"')
        app.main.call("close")
        assert "is the gateway up" in app.main.call("problems")[0]["message"]
        paths = {
            "userData": f"{tmp_path}/app/Users/anna/data",
            "home": f"{tmp_path}/app/Users/anna",
            "app": f"{tmp_path}/app/Users/anna/Shop.app",
        }
    script = tmp_path / "app" / "program.mjs"
    main = Program(script, endpoint=micro.url, agent=AGENT, consent="granted", **paths)
    try:
        wait_for(lambda: micro.totals()["good"] >= 2, micro.totals)
        main.call("close")
    finally:
        main.kill()
    names = [event["name"] for event in micro.good()]
    assert sorted(set(names)) == sorted(names)
    assert {"page_view", "theme_chosen"} <= set(names)
    assert len(list(Path(paths["userData"], "footfall").iterdir())) == 1  # who it is

"""The samples of docs/recipes.md, taken out of it and run in Chromium, with `footfall micro` as the gateway."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import AGENT, Pages, chromium
from tests.browser.consent_tools import TOOLS, TOOLS_THEMSELVES
from tests.browser.world import wait_for
from tests.fixtures.node import SDK, run, sdk_modules
from tests.micro.running import MicroProcess

RECIPES = Path(__file__).parents[2] / "docs" / "recipes.md"
TAG = '<script defer src="https://stats.example.com/f.js" data-site="pub_..."></script>'
# As Tag Manager puts Custom HTML into a page: of each script a new one, with its text or source and nothing else.
TAG_MANAGER = """
html => {
  const parsed = document.createElement('div');
  parsed.innerHTML = html;
  for (const given of parsed.querySelectorAll('script')) {
    const script = document.createElement('script');
    script.async = false;
    if (given.src) script.src = given.src;
    else script.text = given.text;
    document.body.append(script);
  }
}
"""


def samples(kind: str = "html") -> dict[str, list[str]]:
    """By heading."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^##+ ", RECIPES.read_text(), flags=re.M)[1:]:
        heading, _, text = part.partition("\n")
        found[heading] = re.findall(rf"^```{kind}\n(.*?)^```$", text, flags=re.M | re.S)
    return found


SAMPLES = samples()
# What is not among the SDK's own development packages.
NEXT_SCRIPT = """declare module 'next/script' {
  export default function Script(props: { src: string; [attribute: `data-${string}`]: string }): null;
}"""


class Shelf:
    """Pages made of samples, a visitor, and what the visit came to."""

    def __init__(self, micro: MicroProcess, pages: Pages, browser: Browser) -> None:
        self.micro, self._pages = micro, pages
        self.context = browser.new_context(user_agent=AGENT)
        self.context.set_default_timeout(10_000)
        self.site = f"pub_{uuid.uuid4().hex[:16]}"
        self.errors: list[str] = []

    def html(self, *parts: str) -> str:
        text = "\n".join(parts).replace("https://stats.example.com", self.micro.url)
        return text.replace("pub_...", self.site)

    def write(self, path: str, *parts: str) -> None:
        self._pages.html[path] = self.html("<!doctype html><title>Shop</title>", *parts)

    def open(self, *parts: str, path: str = "/") -> Page:
        self.write(path, *parts)
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"http://localhost:{self._pages.port}{path}")
        return page

    def events(self, **query: Any) -> list[dict[str, Any]]:
        return self.micro.good(site=self.site, **query)

    def wait(self, name: str, **match: Any) -> dict[str, Any]:
        wanted = json.dumps(match)
        found: list[dict[str, Any]] = wait_for(
            lambda: self.events(name=name, match=wanted),
            lambda: (name, match, self.events(), self.micro.bad(), self.errors),
        )
        return found[0]


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[MicroProcess, Pages, Browser]]:
    micro, pages = MicroProcess(), Pages()
    try:
        with chromium() as browser:
            yield micro, pages, browser
    finally:
        pages.close()
        micro.close()


@pytest.fixture
def shelf(parts: tuple[MicroProcess, Pages, Browser]) -> Iterator[Shelf]:
    made = Shelf(*parts)
    yield made
    made.context.close()
    assert made.errors == []


def test_plain_html(shelf: Shelf) -> None:
    tag, buttons, early = SAMPLES["Plain HTML"]
    assert tag.strip() == TAG
    page = shelf.open(early, tag, buttons)
    shelf.wait("early")
    shelf.wait("page_view", title="Shop")
    page.get_by_text("Sign up, too").click()
    page.get_by_text("Sign up", exact=True).click()
    wait_for(lambda: len(shelf.events(name="signup", match='{"props": {"plan": "pro"}}')) == 2, shelf.events)


def test_pages_said_by_hand(shelf: Shelf) -> None:
    (sample,) = SAMPLES["Any single-page app"]
    page = shelf.open(sample)
    page.get_by_text("Next").click()
    shelf.wait("page_view", title="Step 2")
    assert len(shelf.events(name="page_view")) == 1


def test_tag_manager(shelf: Shelf) -> None:
    tag, purchase = SAMPLES["Google Tag Manager"]
    page = shelf.open()
    ecommerce = {"transaction_id": "A-1", "value": 9.5, "currency": "EUR", "items": [{"item_id": "L1"}]}
    page.evaluate(TAG_MANAGER, purchase.replace("{{ecommerce}}", json.dumps(ecommerce)))
    page.evaluate(TAG_MANAGER, shelf.html(tag))
    shelf.wait("page_view")
    shelf.wait("purchase", order={"order_id": "A-1", "revenue": 9.5}, items=[{"item_id": "L1"}])


def test_tag_manager_drops_what_the_plain_tag_needs(shelf: Shelf) -> None:
    page = shelf.open()
    page.evaluate(TAG_MANAGER, shelf.html(TAG))
    page.wait_for_function("!!window.footfall?.init")
    page.close()
    shelf.open(TAG, path="/with")
    shelf.wait("page_view", enriched={"page": {"path": "/with"}})
    assert len(shelf.events(name="page_view")) == 1


@pytest.mark.parametrize(("answer", "state", "kind"), [("Yes", "granted", "consented"), ("No", "denied", "daily")])
def test_consent_by_a_call(shelf: Shelf, answer: str, state: str, kind: str) -> None:
    page = shelf.open(*SAMPLES["Consent"])
    page.get_by_text(answer, exact=True).click()
    view = shelf.wait("page_view")
    assert (view["consent"], view["id_kind"]) == (state, kind)


def _loads_itself(heading: str) -> bool:
    return "f.js" in "".join(SAMPLES[heading])


@pytest.mark.parametrize("heading", TOOLS)
@pytest.mark.parametrize(("answer", "state", "kind"), [(1, "granted", "consented"), (2, "denied", "daily")])
def test_consent_tools(shelf: Shelf, heading: str, answer: int, state: str, kind: str) -> None:
    head = "" if _loads_itself(heading) else "\n".join(SAMPLES["Consent"]).split("<button")[0]
    page = shelf.open(TOOLS_THEMSELVES, head, *SAMPLES[heading])
    page.wait_for_function("!!window.footfall?.init")
    if heading == "TCF":
        page.wait_for_function("!!window.told")  # its part is loaded
    page.evaluate(f"() => {{ {TOOLS[heading][0]} }}")
    page.evaluate("footfall.flush()")  # sends nothing, since nobody has answered
    page.evaluate(f"() => {{ {TOOLS[heading][answer]} }}")
    view = shelf.wait("page_view")
    assert (view["consent"], view["id_kind"]) == (state, kind)


def test_every_consent_tool_is_tried() -> None:
    headings = list(SAMPLES)
    tools = headings[headings.index("Consent") + 1 : headings.index("Shop")]
    assert tools == list(TOOLS)


def test_shop(shelf: Shelf) -> None:
    cart, thanks = SAMPLES["Shop"]
    shelf.write("/thanks", TAG, thanks)
    page = shelf.open(TAG, cart.replace("<form ", '<form action="/thanks" '))
    shelf.wait("product_view", items=[{"item_id": "L1", "price": 9.5}])
    page.get_by_text("Add").click()
    page.get_by_text("Order").click()
    shelf.wait("add_to_cart", items=[{"item_id": "L1", "item_name": "Lamp", "quantity": 1}])
    shelf.wait("checkout_step", order={"step": "address", "revenue": 9.5, "currency": "EUR"})
    order = {"order_id": "A-1", "revenue": 9.5, "tax": 1.5, "shipping": 0, "currency": "EUR"}
    shelf.wait(
        "purchase", order=order, items=[{"item_id": "L1", "item_name": "Lamp", "price": 9.5, "quantity": 1}]
    )


def _is_off(page: Page) -> Callable[[], bool]:
    return lambda: bool(page.evaluate("Object.keys(localStorage).some(key => key.endsWith('!'))"))


def test_own_visits_by_the_address(shelf: Shelf) -> None:
    page = shelf.open(TAG)
    home = page.url
    page.goto(home + "?footfall=off")
    wait_for(_is_off(page), shelf.events)
    shelf.write("/mine", TAG)
    page.goto(home + "mine")
    page.wait_for_function("!!window.footfall?.init")
    page.goto(home + "?footfall=on")
    wait_for(lambda: not _is_off(page)(), shelf.events)
    shelf.write("/theirs", TAG)
    page.goto(home + "theirs")
    shelf.wait("page_view", enriched={"page": {"path": "/theirs"}})
    assert not shelf.events(match='{"enriched": {"page": {"path": "/mine"}}}')


def test_own_visits_by_a_button(shelf: Shelf) -> None:
    page = shelf.open(TAG, *SAMPLES["Your own visits"])
    page.get_by_text("Do not count me").click()
    wait_for(_is_off(page), shelf.events)
    page.get_by_text("Count me again").click()
    wait_for(lambda: not _is_off(page)(), shelf.events)


def test_every_sample_of_html_is_tried() -> None:
    tried = {
        "Plain HTML",
        "Any single-page app",
        "Google Tag Manager",
        "Consent",
        "Shop",
        "Your own visits",
        *TOOLS,
    }
    assert {heading for heading, found in SAMPLES.items() if found} == tried


def test_types_hold_in_every_sample_of_typescript(tmp_path: Path) -> None:
    modules = sdk_modules()
    found = [sample for kind in ("ts", "tsx") for texts in samples(kind).values() for sample in texts]
    assert len(found) == 4
    for number, sample in enumerate(found):
        (tmp_path / f"sample{number}.tsx").write_text(sample)
    (tmp_path / "next.d.ts").write_text(NEXT_SCRIPT)
    sources = {"@footfall/sdk": "npm/index.ts", "@footfall/sdk/react": "npm/react.tsx"}
    options = {
        "jsx": "react-jsx",
        "paths": {
            **{name: [str(SDK / "src" / source)] for name, source in sources.items()},
            "*": [str(modules / "@types" / "*"), str(modules / "*")],
        },
        "typeRoots": [str(modules / "@types")],
    }
    (tmp_path / "tsconfig.json").write_text(
        json.dumps(
            {
                "extends": str(SDK / "tsconfig.json"),
                "compilerOptions": options,
                "include": [".", str(SDK / "src" / "globals.d.ts")],
            }
        )
    )
    assert run(str(modules / "typescript" / "bin" / "tsc"), "-p", str(tmp_path), cwd=SDK) == ""

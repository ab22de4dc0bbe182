"""Who visits the demo shop, and what they do there: scripts for a real browser.

Everything a persona decides comes from the visit's own random numbers. What they do in a page they do as
people do: with mouse, wheel and keyboard; so that what the SDK sees is genuine.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded.traffic import ARRIVALS

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

MOBILE: dict[str, Any] = {
    "viewport": {"width": 412, "height": 839},
    "device_scale_factor": 2.625,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1366, "height": 768}}
SEEN_S = 2.5  # a product counts as seen after a second, which begins when the SDK has found it
RAGE = 6  # clicks
RAGE_MS = 90  # between them
BUYER_PARTS = {"name": "Jo Doe", "email": "jo@example.org", "street": "High Street 1", "postcode": "10115"}


class Visitor:
    """Somebody on a page of the shop. `pace` shortens how long they look (0.2: a fifth); `half`: "" or "/app"."""

    def __init__(self, page: Page, origin: str, rng: random.Random, pace: float, half: str) -> None:
        self.page, self.rng, self.half = page, rng, half
        self._origin, self._pace = origin, pace

    async def arrive(self, path: str = "/") -> None:
        """Come to the shop from somewhere."""
        referrer, query, _ = self.rng.choices(ARRIVALS, [weight for *_, weight in ARRIVALS])[0]
        address = f"{self._origin}{self.half}{path}" + (f"?{query}" if query else "")
        await self.page.goto(address, referer=referrer or None)
        await self.settled()

    async def settled(self) -> None:
        """Until the page is drawn."""
        await self.page.locator("main h1").first.wait_for()

    async def look(self, seconds: float = 4.0) -> None:
        """Read, with a hand on the mouse."""
        size = self.page.viewport_size or {"width": 400, "height": 700}
        x, y = self.rng.uniform(0.2, 0.8) * size["width"], self.rng.uniform(0.3, 0.7) * size["height"]
        await self.page.mouse.move(x, y, steps=3)
        await self.page.mouse.wheel(0, self.rng.randint(0, 700))
        # Nothing is waited for here: this is how long people look at a page.
        await asyncio.sleep(max(0.3, seconds * self._pace * self.rng.uniform(0.7, 1.3)))

    async def study(self) -> None:
        """Look at a product for long enough."""
        await self.page.evaluate("scrollTo(0, 0)")
        await self.look()
        await asyncio.sleep(SEEN_S)  # as above

    async def follow(self, selector: str) -> None:
        """Click on a link that leads to another page of the shop, and come there."""
        link = self.page.locator(selector).first
        path = await link.get_attribute("href") or ""
        await link.click()
        await self.page.wait_for_function("path => location.pathname == path", arg=path.partition("?")[0])
        await self.settled()

    async def choose(self) -> None:
        """One of the products in view."""
        cards = self.page.locator("main .card")
        number = self.rng.randrange(await cards.count())
        await self.follow(f"main .card >> nth={number}")

    async def answer(self, said: str) -> None:
        """Answer the banner; does nothing where there is none."""
        button = self.page.locator("#grant" if said == "granted" else "#deny")
        if await button.count():
            await button.click()

    async def search(self, term: str) -> None:
        """With the shop's own search."""
        await self.page.locator("header [name=q]").fill(term)
        await self.page.locator("header [name=q]").press("Enter")
        await self.page.wait_for_function("location.pathname.endsWith('/search')")
        await self.page.locator("[data-footfall-results]").wait_for(state="attached")

    async def add_to_cart(self) -> None:
        """The product in view."""
        await self.page.locator(".buy button").click()
        await self.page.locator("#toast.shown").wait_for()

    async def check_out(self) -> None:
        """First without having filled in anything, then rightly."""
        await self.follow("header .cart")
        await self.look(1.5)
        await self.follow("main a.button")
        await self.page.locator("#checkout .button").click()
        await self.page.locator("#name-error:not(:empty)").wait_for()
        for name, value in BUYER_PARTS.items():
            await self.page.locator(f"#checkout [name={name}]").fill(value)
            await self.look(0.5)
        await self.page.locator("#checkout [name=terms]").check()
        await self.page.locator("#checkout .button").click()
        await self.page.wait_for_function("location.pathname.endsWith('/thanks')")
        await self.look()


Script = Callable[[Visitor], Awaitable[None]]


async def buy(visitor: Visitor) -> None:
    """Home, a category, a product, the checkout."""
    await visitor.arrive()
    await visitor.answer("granted")
    await visitor.look()
    await visitor.follow(f".chips li:nth-child({visitor.rng.randint(1, 5)}) a")
    await visitor.look()
    await visitor.choose()
    await visitor.study()
    await visitor.add_to_cart()
    await visitor.check_out()


async def look_around(visitor: Visitor) -> None:
    """One product after the other, and gone."""
    await visitor.arrive()
    await visitor.answer("granted")
    await visitor.look()
    for _ in range(visitor.rng.randint(2, 3)):
        await visitor.choose()
        await visitor.study()
    if visitor.rng.random() < 0.5:
        await visitor.follow("footer a[href$='/workshop']")
        await visitor.look()


async def search(visitor: Visitor) -> None:
    """For something there is, and for something there is not."""
    await visitor.arrive()
    await visitor.answer("granted")
    await visitor.search(visitor.rng.choice(("sofa", "bed", "clock")))
    await visitor.look(2.0)
    await visitor.search(visitor.rng.choice(("oak", "wool", "lamp", "walnut")))
    await visitor.look(2.0)
    await visitor.choose()
    await visitor.study()


async def despair(visitor: Visitor) -> None:
    """Click on what does nothing, again and again; then on what breaks."""
    await visitor.arrive("/c/chairs")
    await visitor.answer("granted")
    await visitor.choose()
    await visitor.study()
    await visitor.page.locator("#swatch").click(click_count=RAGE, delay=RAGE_MS)
    await visitor.look(10.0)
    await visitor.follow("footer a[href$='/studio']")
    for action in ("throw", "reject"):
        await visitor.page.locator(f"[data-action={action}]").click()
        await visitor.look(1.0)


async def decline(visitor: Visitor) -> None:
    """Says no to the banner, and looks around all the same."""
    await visitor.arrive()
    await visitor.look()
    await visitor.answer("denied")
    await visitor.choose()
    await visitor.study()


async def stay_private(visitor: Visitor) -> None:
    """Their browser says no for them (Global Privacy Control): there is no banner."""
    await visitor.arrive("/c/lamps")
    await visitor.look()
    await visitor.choose()
    await visitor.study()
    await visitor.add_to_cart()


@dataclass(frozen=True)
class Persona:
    """A kind of visitor. `again`: comes back later, as the same person; `weight`: how many of them there are."""

    name: str
    script: Script
    weight: int
    mobile: bool = False
    gpc: bool = False
    again: bool = False

    @property
    def device(self) -> dict[str, Any]:
        """Playwright's words for it."""
        return MOBILE if self.mobile else DESKTOP


PERSONAS = (
    Persona("buyer", buy, 4),
    Persona("window shopper", look_around, 4),
    Persona("searcher", search, 3),
    Persona("frustrated", despair, 2),
    Persona("declines", decline, 2),
    Persona("GPC", stay_private, 2, gpc=True),
    Persona("on a phone", buy, 3, mobile=True),
    Persona("comes back", look_around, 2, again=True),
)


async def prefer_privacy(context: BrowserContext) -> None:
    """Chromium has no switch for Global Privacy Control: what pages and servers see of it, made by hand."""
    await context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
    )
